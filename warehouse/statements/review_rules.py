"""What makes a complete statement doubtful: it moved a lot against the last, a provider's own total disagrees, its
calls are counted in another account too or contradict themselves, or Stripe charges another price. Owns
`control.review_rules`: how much is a lot.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from shlex import join

from warehouse.blocker import Blocker, Kind, of_which_period
from warehouse.control.changes import Action, Change
from warehouse.control.errors import Refused
from warehouse.database.queries import Connection, Row, execute, rows
from warehouse.statements import call_doubts
from warehouse.stripe.prices import charges_alike, is_known

FILE = "statements/review_rules"


def set_moved_share(connection: Connection, share: Decimal) -> Change:
    """Set it for the whole deployment; 0.5 is half. Raises Refused for a share that is not above 0."""
    if not share > 0:
        raise Refused("the share must be above 0; 0.5 is half of the former statement")
    with connection.transaction():
        written = execute(connection, FILE, "set_moved_share", moved_share=share)
    return Change(f"moved share {share}", Action.CHANGED if written else Action.UNCHANGED)


def doubts(connection: Connection, asked: Mapping[str, object], windows: Mapping[str, object]) -> list[Blocker]:
    """What is doubtful of statements; a person looks at it, and overrides with a reason.

    asked: tenant_ids, starts and ends of the statements' periods, three lists of one length. windows: the days that
    these answer for, as `blocking.windows_of` has them.
    """
    return [
        *(_of_total(row) for row in rows(connection, FILE, "totals_that_disagree", **windows)),
        *call_doubts.blockers(connection, windows),
        *(_of_two_accounts(connection, row) for row in rows(connection, FILE, "calls_of_two_accounts", **asked)),
        *(
            _of_price(row)
            for row in rows(connection, FILE, "prices_charged", **asked)
            if is_known(row["stripe_price"]) and not charges_alike(row, row["currency"], row["stripe_price"])
        ),
        *(_of_move(row) for row in rows(connection, FILE, "moved", **asked)),
    ]


def _of_total(total: Row) -> Blocker:
    return Blocker(
        total["tenant_id"],
        total["period_start"],
        Kind.TOTAL,
        f"{total['source']} says {total['name']} {total['provider_says']} on {total['usage_date']}"
        f"{of_which_period(total)}, its rows say {total['counted'] or 0}",
        f"minutebook pull --tenant {total['tenant_id']} --source {total['source']} --from {total['usage_date']} "
        f"--to {total['usage_date']}{_acceptance(total)}",
    )


def _acceptance(total: Row) -> str:
    """What keeps being said when asked again is left to a person."""
    flags = {"calls": " --accept-count", "cost": " --accept-cost"}
    return flags.get(total["name"], "") if total["is_repeated"] else ""


def _of_two_accounts(connection: Connection, shared: Row) -> Blocker:
    accounts = [shared["account"], shared["other_account"]]
    return Blocker(
        shared["tenant_id"],
        shared["period_start"],
        Kind.TWO_ACCOUNTS,
        f"call {shared['call_id']} of {shared['usage_date']} is in two accounts, {shared['account']} and "
        f"{shared['other_account']}: one organisation under two keys is billed twice",
        fix_two_keys(connection, accounts, shared["usage_date"], shared["last_date"]),
    )


def _of_price(price: Row) -> Blocker:
    return Blocker(
        price["tenant_id"],
        price["period_start"],
        Kind.PRICE,
        f"Stripe's price {price['stripe_price']['id']} charges {price['meter_id']} otherwise than our price "
        f"{price['price_id']}",
        f"minutebook stripe sync --apply && minutebook stripe changes --tenant {price['tenant_id']} --apply",
    )


def _of_move(moved: Row) -> Blocker:
    now, before = moved["amount"], moved["former_amount"]
    tenant_id, month = moved["tenant_id"], f"{moved['period_start']:%Y-%m}"
    share = f"{(now - before) / before * 100:+.0f} %" if before else "from nothing"
    return Blocker(
        tenant_id,
        moved["period_start"],
        Kind.MOVED,
        f"moved from {before} to {now} {moved['currency']} ({share}); look at its lines (review --lines)",
        join(["minutebook", "approve", month, "--tenant", tenant_id, "--override", f"it moved {share}: that is meant"]),
    )


def fix_two_keys(connection: Connection, accounts: Sequence[str], first_day: date, last_day: date) -> str:
    """What to do when these accounts are one organisation: one tenant's own key, and its days read again with it. What
    the former key returned is lost: once that was shown, it is accepted.
    """
    tenant = [account for account in accounts if account != "platform"][-1]
    pull = f"minutebook pull --tenant {tenant} --source vapi --from {first_day} --to {last_day}"
    asked = {"account": tenant, "first_day": first_day, "last_day": last_day}
    if rows(connection, FILE, "losses_shown", **asked):
        return f"{pull} --accept-loss"
    return f"minutebook credential set vapi --tenant {tenant} && {pull}"
