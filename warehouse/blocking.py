"""What stands in the way of approving statements, and the command that mends each of it. Owns no table.

The one notion of it: what a month's list counts, what a review tells and what an approval refuses are all found here.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from warehouse import quarantine
from warehouse.blocker import Blocker, Kind
from warehouse.control.changes import Connection, Row, rows
from warehouse.doubts import doubts
from warehouse.mending import mend

FILE = "periods"
Key = tuple[str, date]


def blockers(connection: Connection, statements: Sequence[Row], today: date) -> list[Blocker]:
    """What stands in the way of approving each of these statements, in their order; empty when nothing does.

    A statement is a row of `warehouse.periods.statements`. One statement or a thousand take the same few queries.
    """
    asked = {
        "tenant_ids": [row["tenant_id"] for row in statements],
        "starts": [row["period_start"] for row in statements],
        "ends": [row["period_end"] for row in statements],
    }
    found = by_statement(
        (
            *_running(statements, today),
            *(_of_days(row) for row in rows(connection, FILE, "days_that_block", **asked)),
            *(_of_usage(row) for row in rows(connection, FILE, "usage_that_blocks", **asked)),
            *quarantine.blockers(connection, asked),
            *doubts(connection, asked),
            *(_of_earlier(row) for row in rows(connection, FILE, "earlier_open_period", **asked)),
        )
    )
    return [one for row in statements for one in found[key_of(row)]]


def by_statement(found: Iterable[Blocker]) -> dict[Key, list[Blocker]]:
    """By tenant and period start; a statement that nothing blocks has an empty list."""
    grouped: dict[Key, list[Blocker]] = defaultdict(list)
    for one in found:
        grouped[one.tenant_id, one.period_start].append(one)
    return grouped


def key_of(row: Row) -> Key:
    """Which statement a row is of."""
    return row["tenant_id"], row["period_start"]


def _running(statements: Sequence[Row], today: date) -> list[Blocker]:
    return [
        Blocker(
            row["tenant_id"],
            row["period_start"],
            Kind.RUNNING,
            f"runs until {row['ends_on']}",
            f"wait until {row['ends_on']} UTC",
        )
        for row in statements
        if today < row["ends_on"]
    ]


def _of_days(day: Row) -> Blocker:
    cause = f": {day['cause']}" if day["cause"] else ""
    about = {"a_tenant": day["tenant_id"], "tenants": 1, "first_day": day["first_date"], "last_day": day["last_date"]}
    return Blocker(
        day["tenant_id"],
        day["period_start"],
        Kind.DAYS,
        f"{day['days']} {day['source']} day(s) {day['status']}, {_span(day['first_date'], day['last_date'])}{cause}",
        mend({**day, **about}).replace("\n", " && "),
        days=day["days"],
    )


def _of_usage(usage: Row) -> Blocker:
    dates = _span(usage["first_date"], usage["last_date"])
    quantity = "" if usage["quantity"] is None else f", quantity {usage['quantity'].normalize():f}"
    return Blocker(
        usage["tenant_id"],
        usage["period_start"],
        Kind.USAGE,
        f"{usage['reason']}: {usage['item']} of {usage['source']}, {dates}{quantity}",
        _mend_usage(usage["reason"], usage["tenant_id"], usage["period_start"]),
    )


def _of_earlier(period: Row) -> Blocker:
    month = f"{period['open_period_start']:%Y-%m}"
    return Blocker(
        period["tenant_id"],
        period["period_start"],
        Kind.EARLIER,
        f"its period {month} is not approved",
        f"minutebook approve {month} --tenant {period['tenant_id']}",
    )


def _span(start: date, end: date) -> str:
    return f"on {start}" if start == end else f"{start} to {end}"


def _mend_usage(reason: str, tenant_id: str, period_start: date) -> str:
    return {
        "unattributed": "minutebook agent attach --help, from the first of these days on; then minutebook build",
        "unpriced": f"minutebook price set --tenant {tenant_id} --from {period_start} --help (0 is a price)",
        "no meter": "minutebook meter add --help, or name the voice meter in the plan's terms",
        "unknown type": "look at the type in marts.fct_unbilled_usage: only known live types are billed",
    }.get(reason, "look at the rows in marts.fct_unbilled_usage")
