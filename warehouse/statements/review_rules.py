"""What makes a complete statement doubtful: it moved a lot against the last, a provider's own total disagrees, its
calls are counted in another account too or contradict themselves, or Stripe charges another price. Owns
`control.review_rules`: how much is a lot.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from warehouse.blocker import Blocker, blocks
from warehouse.calls import call_doubts
from warehouse.control.changes import Action, Change
from warehouse.control.errors import Refused
from warehouse.database.queries import Connection, Row, execute, rows
from warehouse.finding import Finding
from warehouse.stripe.prices import charges_alike, is_known

FILE = "statements/review_rules"


def set_moved_share(connection: Connection, share: Decimal) -> Change:
    """Set it for the whole deployment; 0.5 is half. Raises Refused for a share that is not above 0."""
    if not share > 0:
        raise Refused("the share must be above 0; 0.5 is half of the former statement")
    with connection.transaction():
        written = execute(connection, FILE, "set_moved_share", moved_share=share)
    return Change(f"moved share {share}", Action.CHANGED if written else Action.UNCHANGED)


def doubts(connection: Connection, asked: Mapping[str, object], windows: Mapping[str, object]) -> list[Finding]:
    """What is doubtful of statements; a person looks at it, and overrides with a reason.

    asked: tenant_ids, starts and ends of the statements' periods, three lists of one length. windows: the days that
    these answer for, as `blocking.windows_of` has them.
    """
    return [
        *(blocks(Blocker.TOTAL, row) for row in rows(connection, FILE, "totals_that_disagree", **windows)),
        *call_doubts.blockers(connection, windows),
        *(
            blocks(Blocker.TWO_ACCOUNTS, row, **of_two_keys(connection, (row["account"], row["other_account"]), row))
            for row in rows(connection, FILE, "calls_of_two_accounts", **asked)
        ),
        *(
            blocks(Blocker.PRICE, row)
            for row in rows(connection, FILE, "prices_charged", **asked)
            if is_known(row["stripe_price"]) and not charges_alike(row, row["currency"], row["stripe_price"])
        ),
        *(blocks(Blocker.MOVED, row) for row in rows(connection, FILE, "moved", **asked)),
    ]


def of_two_keys(connection: Connection, accounts: Sequence[str], days: Row) -> dict[str, object]:
    """Of accounts that are one organisation: own_account, the tenant's that needs a key of its own, and is_loss_shown:
    its days were read with that key already, which returned less. days: usage_date, the first, and last_date.
    """
    own = [account for account in accounts if account != "platform"][-1]
    asked = {"account": own, "first_day": days["usage_date"], "last_day": days["last_date"]}
    return {"own_account": own, "is_loss_shown": bool(rows(connection, FILE, "losses_shown", **asked))}
