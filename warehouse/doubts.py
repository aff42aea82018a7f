"""What makes a complete statement doubtful: it moved a lot against the last, a provider's own total disagrees, or
its calls are counted in another account too, or Stripe charges another price. Owns `control.review_rules`: how much
is a lot.
"""

from datetime import date
from decimal import Decimal

from warehouse.control.changes import Action, Change, Connection, execute, first, rows
from warehouse.control.errors import Refused
from warehouse.stripe_prices import charges_alike, is_known

FILE = "doubts"


def moved_share(connection: Connection) -> Decimal:
    """The share of the former statement's recurring amount by which the next may move without a person's word."""
    row = first(connection, FILE, "moved_share")
    assert row is not None  # noqa: S101  migrated with one row
    return Decimal(row["moved_share"])


def set_moved_share(connection: Connection, share: Decimal) -> Change:
    """Set it for the whole deployment; 0.5 is half. Raises Refused for a share that is not above 0."""
    if not share > 0:
        raise Refused("the share must be above 0; 0.5 is half of the former statement")
    with connection.transaction():
        written = execute(connection, FILE, "set_moved_share", moved_share=share)
    return Change(f"moved share {share}", Action.CHANGED if written else Action.UNCHANGED)


def doubts(connection: Connection, tenant_id: str, period_start: date, period_end: date) -> list[tuple[str, str]]:
    """(what is doubtful, what to do) of a statement; a person looks at it, and overrides with a reason."""
    window = {"tenant_id": tenant_id, "period_start": period_start, "period_end": period_end}
    look = f"minutebook review {period_start:%Y-%m} --tenant {tenant_id} --lines"
    found = []
    for total in rows(connection, FILE, "totals_that_disagree", **window):
        found.append(
            (
                f"{total['source']} says {total['name']} {total['provider_says']} on {total['usage_date']}, "
                f"its rows say {total['counted'] or 0}",
                f"minutebook pull --tenant {tenant_id} --source {total['source']} --from {total['usage_date']} "
                f"--to {total['usage_date']}",
            )
        )
    for shared in rows(connection, FILE, "calls_of_two_accounts", **window):
        found.append(
            (
                f"call {shared['call_id']} of {shared['usage_date']} is in two accounts, {shared['account']} and "
                f"{shared['other_account']}: one Vapi organisation under two keys is billed twice",
                mend_two_keys(shared["account"], shared["other_account"]),
            )
        )
    for price in rows(connection, FILE, "prices_charged", tenant_id=tenant_id, period_start=period_start):
        if not is_known(price["stripe_price"]) or charges_alike(price, price["currency"], price["stripe_price"]):
            continue
        found.append(
            (
                f"Stripe's price {price['stripe_price']['id']} charges {price['meter_id']} otherwise than our price "
                f"{price['price_id']}",
                f"minutebook stripe sync, and put its price on the subscription of {tenant_id} at Stripe",
            )
        )
    whole = rows(connection, FILE, "moved", tenant_id=tenant_id, period_start=period_start)
    if len(whole) == 2 and whole[0]["period_start"] == period_start:
        now, before = whole[0]["amount"], whole[1]["amount"]
        if abs(now - before) > moved_share(connection) * before:
            share = f"{(now - before) / before * 100:+.0f} %" if before else "from nothing"
            found.append((f"moved from {before} to {now} {whole[0]['currency']} ({share})", look))
    return found


def mend_two_keys(*accounts: str) -> str:
    """What to do when these accounts are one organisation of Vapi's."""
    tenants = [account for account in accounts if account != "platform"]
    return (
        f"minutebook credential set vapi --tenant {tenants[-1]} (the key of its own organisation), then pull those days"
        " again with --accept-loss"
    )
