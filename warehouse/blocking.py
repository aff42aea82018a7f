"""What stands in the way of approving a statement, and the command that mends each of it. Owns no table."""

from dataclasses import dataclass
from datetime import date

from warehouse.control.changes import Connection, Row, first, rows
from warehouse.doubts import doubts

FILE = "periods"


@dataclass(frozen=True)
class Blocker:
    """Why a period should not be approved yet, and the command that mends it."""

    tenant_id: str
    period_start: date
    what: str
    mend: str


def blockers(connection: Connection, statement: Row, today: date) -> list[Blocker]:
    """What stands in the way of approving a statement; empty when nothing does."""
    tenant, start, end = statement["tenant_id"], statement["period_start"], statement["period_end"]
    window = {"tenant_id": tenant, "period_start": start, "period_end": end}
    found = []
    if today < statement["ends_on"]:
        found.append(
            Blocker(tenant, start, f"runs until {statement['ends_on']}", f"wait until {statement['ends_on']} UTC")
        )
    for day in rows(connection, FILE, "days_that_block", **window):
        dates = _span(day["first_date"], day["last_date"])
        cause = f": {day['cause']}" if day["cause"] else ""
        mend = f"minutebook pull --tenant {tenant} --source {day['source']} --from {day['first_date']}"
        found.append(
            Blocker(
                tenant,
                start,
                f"{day['days']} {day['source']} day(s) {day['status']}, {dates}{cause}",
                f"{mend} --to {day['last_date']}",
            )
        )
    for usage in rows(connection, FILE, "usage_that_blocks", **window):
        dates = _span(usage["first_date"], usage["last_date"])
        quantity = "" if usage["quantity"] is None else f", quantity {usage['quantity'].normalize():f}"
        found.append(
            Blocker(
                tenant,
                start,
                f"{usage['reason']}: {usage['item']} of {usage['source']}, {dates}{quantity}",
                _mend_usage(usage["reason"], tenant, start),
            )
        )
    found += [Blocker(tenant, start, what, mend) for what, mend in doubts(connection, tenant, start, end)]
    earlier = first(connection, FILE, "earlier_open_period", **window)
    if earlier is not None and earlier["period_start"] is not None:
        month = f"{earlier['period_start']:%Y-%m}"
        found.append(
            Blocker(
                tenant, start, f"its period {month} is not approved", f"minutebook approve {month} --tenant {tenant}"
            )
        )
    return found


def _span(start: date, end: date) -> str:
    return f"on {start}" if start == end else f"{start} to {end}"


def _mend_usage(reason: str, tenant_id: str, period_start: date) -> str:
    return {
        "unattributed": "minutebook agent attach --help, from the first of these days on; then minutebook build",
        "unpriced": f"minutebook price set --tenant {tenant_id} --from {period_start} --help (0 is a price)",
        "no meter": "minutebook meter add --help, or name the voice meter in the plan's terms",
        "unknown type": "look at the type in marts.fct_unbilled_usage: only known live types are billed",
    }.get(reason, "look at the rows in marts.fct_unbilled_usage")
