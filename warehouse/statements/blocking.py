"""What stands in the way of approving statements, and the command that mends each of it. Owns no table.

The one notion of it: what a month's list counts, what a review tells and what an approval refuses are all found here.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from warehouse.control.changes import Connection, Row, rows
from warehouse.ingestion import quarantine, unattributed
from warehouse.ingestion.day_remedies import mend
from warehouse.statements import balance
from warehouse.statements.blocker import Blocker, Kind
from warehouse.statements.review_rules import doubts

FILE = "statements/periods"
Key = tuple[str, date]
EVER = datetime.min.replace(tzinfo=UTC)


def blockers(connection: Connection, statements: Sequence[Row], today: date) -> list[Blocker]:
    """What stands in the way of approving each of these statements, in their order; empty when nothing does.

    A statement is a row of `periods.statements`. One statement or a thousand take the same few queries.
    """
    asked = {
        "tenant_ids": [row["tenant_id"] for row in statements],
        "starts": [row["period_start"] for row in statements],
        "ends": [row["period_end"] for row in statements],
    }
    windows = windows_of(connection, statements)
    found = by_statement(
        (
            *_running(statements, today),
            *_unbalanced(connection, statements),
            *(_of_days(row) for row in rows(connection, FILE, "days_that_block", **windows)),
            *_of_all_usage(connection, rows(connection, FILE, "usage_that_blocks", **windows)),
            *quarantine.blockers(connection, asked),
            *doubts(connection, asked),
            *(_of_earlier(row) for row in rows(connection, FILE, "earlier_open_period", **asked)),
        )
    )
    return [one for row in statements for one in found[key_of(row)]]


def windows_of(connection: Connection, statements: Sequence[Row]) -> dict[str, list[object]]:
    """The days that these statements answer for, as arrays of one length: each one's own, and those of the approved
    periods whose corrections it carries, of which only what became known since the tenant's last approval counts.
    """
    asked = {
        "tenant_ids": [row["tenant_id"] for row in statements],
        "starts": [row["period_start"] for row in statements],
    }
    found = [
        *({**row, "service_start": row["period_start"], "service_end": row["period_end"], "known_until": EVER}
          for row in statements),
        *rows(connection, FILE, "corrected_windows", **asked),
    ]  # fmt: skip
    return {
        "tenant_ids": [row["tenant_id"] for row in found],
        "starts": [row["period_start"] for row in found],
        "service_starts": [row["service_start"] for row in found],
        "service_ends": [row["service_end"] for row in found],
        "known_until": [row["known_until"] for row in found],
    }


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


def _unbalanced(connection: Connection, statements: Sequence[Row]) -> list[Blocker]:
    """A line of a tenant that does not balance, of whatever period, makes all that it is to be billed doubtful."""
    found = balance.imbalances(connection, [row["tenant_id"] for row in statements])
    return [
        Blocker(
            row["tenant_id"],
            row["period_start"],
            Kind.UNBALANCED,
            one.what,
            f"{balance.MEND}; if it stays: {balance.RUNBOOK}",
        )
        for row in statements
        for one in found
        if one.tenant_id == row["tenant_id"]
    ]


def _of_days(day: Row) -> Blocker:
    cause = f": {day['cause']}" if day["cause"] else ""
    about = {"a_tenant": day["tenant_id"], "tenants": 1, "first_day": day["first_date"], "last_day": day["last_date"]}
    return Blocker(
        day["tenant_id"],
        day["period_start"],
        Kind.DAYS,
        f"{day['days']} {day['source']} day(s) {day['status']}, {_span(day['first_date'], day['last_date'])}"
        f"{_of_which_period(day)}{cause}",
        mend({**day, **about}).replace("\n", " && "),
        days=day["days"],
    )


def _of_all_usage(connection: Connection, found: Sequence[Row]) -> list[Blocker]:
    """Calls that route to nobody are named one by one."""
    calls = [row for row in found if row["reason"] == "unattributed" and row["unit"] == "connected second"]
    return [*unattributed.blockers(connection, calls), *(_of_usage(row) for row in found if row not in calls)]


def _of_usage(usage: Row) -> Blocker:
    dates = _span(usage["first_date"], usage["last_date"])
    quantity = "" if usage["quantity"] is None else f", quantity {usage['quantity'].normalize():f} {usage['unit']}"
    return Blocker(
        usage["tenant_id"],
        usage["period_start"],
        Kind.USAGE,
        f"{usage['reason']}: {usage['item']} of {usage['source']}, {dates}{quantity}{_of_which_period(usage)}",
        _mend_usage(usage),
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


def _of_which_period(row: Row) -> str:
    """Of the days of an approved period, which: its corrections are carried by the statement that is blocked."""
    is_own = row["service_start"] == row["period_start"]
    return "" if is_own else f", in its approved period {row['service_start']:%Y-%m}"


def _mend_usage(usage: Row) -> str:
    tenant_id, start = usage["tenant_id"], usage["service_start"]
    if usage["reason"] == "unattributed" and usage["awaited_tenant_id"]:
        return _pulls_of_moved_usage(usage)
    mend_of = {
        "unattributed": "minutebook agent attach --help, from the first of these days on; then minutebook build",
        "unpriced": f"minutebook price set --tenant {tenant_id} --from {start} --help (0 is a price)",
        "no meter": "minutebook meter create --help, or name the voice meter in the plan's terms",
        "unknown type": "look at the type in marts.fct_unbilled_usage: only known live types are billed",
    }.get(usage["reason"], "look at the rows in marts.fct_unbilled_usage")
    if usage["reason"] == "unpriced" and start != usage["period_start"]:
        return f"minutebook reopen {start:%Y-%m} --tenant {tenant_id} --reason REASON && {mend_of}"
    return mend_of


def _pulls_of_moved_usage(usage: Row) -> str:
    """What moved to another tenant is that one's once its own pull holds it, and no more in the former's."""
    days = f"--source {usage['source']} --from {usage['first_date']} --to {usage['last_date']}"
    return " && ".join(
        f"minutebook pull --tenant {tenant_id} {days}" for tenant_id in (usage["awaited_tenant_id"], usage["account"])
    )
