"""What makes a complete statement doubtful: it moved a lot against the last, a provider's own total disagrees, its
calls are counted in another account too or contradict themselves, or Stripe charges another price. Owns
`control.review_rules`: how much is a lot.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from warehouse.control.changes import Action, Change, Connection, Row, execute, rows
from warehouse.control.errors import Refused
from warehouse.statements.blocker import Blocker, Kind
from warehouse.stripe.prices import charges_alike, is_known

FILE = "statements/review_rules"


def set_moved_share(connection: Connection, share: Decimal) -> Change:
    """Set it for the whole deployment; 0.5 is half. Raises Refused for a share that is not above 0."""
    if not share > 0:
        raise Refused("the share must be above 0; 0.5 is half of the former statement")
    with connection.transaction():
        written = execute(connection, FILE, "set_moved_share", moved_share=share)
    return Change(f"moved share {share}", Action.CHANGED if written else Action.UNCHANGED)


def doubts(connection: Connection, asked: Mapping[str, object]) -> list[Blocker]:
    """What is doubtful of statements; a person looks at it, and overrides with a reason.

    asked: tenant_ids, starts and ends of the statements' periods, three lists of one length.
    """
    return [
        *(_of_total(row) for row in rows(connection, FILE, "totals_that_disagree", **asked)),
        *(_of_contradiction(row) for row in rows(connection, FILE, "calls_that_contradict", **asked)),
        *(_of_two_accounts(row) for row in rows(connection, FILE, "calls_of_two_accounts", **asked)),
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
        f"{total['source']} says {total['name']} {total['provider_says']} on {total['usage_date']}, "
        f"its rows say {total['counted'] or 0}",
        f"minutebook pull --tenant {total['tenant_id']} --source {total['source']} --from {total['usage_date']} "
        f"--to {total['usage_date']}{_acceptance(total)}",
    )


def _of_contradiction(found: Row) -> Blocker:
    first, last = found["first_date"], found["last_date"]
    more = "" if found["calls"] == 1 else f" (and {found['calls'] - 1} more until {last})"
    charged, counted = (f"{found[name].normalize():f} {found['unit']}" for name in ("charged", "counted"))
    if found["doubt"] == "costs_differ":
        kind, what = Kind.COSTS_DIFFER, f"its cost is {charged}, its costs come to {counted}"
    else:
        kind, what = Kind.MINUTES_DIFFER, f"{charged} charged, {counted} connected"
    return Blocker(
        found["tenant_id"],
        found["period_start"],
        kind,
        f"call {found['call_id']} of {first}: {what}{more}",
        f"minutebook pull --tenant {found['tenant_id']} --source vapi --from {first} --to {last}",
    )


def _acceptance(total: Row) -> str:
    """What keeps being said when asked again is left to a person."""
    flags = {"calls": " --accept-count", "cost": " --accept-cost"}
    return flags.get(total["name"], "") if total["is_repeated"] else ""


def _of_two_accounts(shared: Row) -> Blocker:
    return Blocker(
        shared["tenant_id"],
        shared["period_start"],
        Kind.TWO_ACCOUNTS,
        f"call {shared['call_id']} of {shared['usage_date']} is in two accounts, {shared['account']} and "
        f"{shared['other_account']}: one organisation under two keys is billed twice",
        mend_two_keys([shared["account"], shared["other_account"]], shared["usage_date"], shared["last_date"]),
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
    share = f"{(now - before) / before * 100:+.0f} %" if before else "from nothing"
    return Blocker(
        moved["tenant_id"],
        moved["period_start"],
        Kind.MOVED,
        f"moved from {before} to {now} {moved['currency']} ({share})",
        f"minutebook review {moved['period_start']:%Y-%m} --tenant {moved['tenant_id']} --lines",
    )


def mend_two_keys(accounts: Sequence[str], first_day: date, last_day: date) -> str:
    """What to do when these accounts are one organisation: one tenant's own key, and its days read again with it."""
    tenant = [account for account in accounts if account != "platform"][-1]
    return (
        f"minutebook credential set vapi --tenant {tenant} && minutebook pull --tenant {tenant} --source vapi"
        f" --from {first_day} --to {last_day} --accept-loss"
    )
