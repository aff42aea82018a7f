"""What stands in the way of approving statements, and the command that fixes each of it. Owns no table.

The one notion of it: what a month's list counts, what a review tells and what an approval refuses are all found here.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from warehouse.blocker import Blocker, Kind, of_which_period
from warehouse.database.queries import Connection, Row, rows
from warehouse.ingestion import quarantine
from warehouse.ingestion.day_remedies import fix
from warehouse.statements import balance, usage_remedies
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
            *usage_remedies.blockers(connection, rows(connection, FILE, "usage_that_blocks", **windows)),
            *quarantine.blockers(connection, windows),
            *doubts(connection, asked, windows),
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
            f"runs until {row['ends_on']} UTC; it is approved from then on",
            f"minutebook approve {row['period_start']:%Y-%m} --tenant {row['tenant_id']}",
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
            f"{one.what} (if that stays: {balance.RUNBOOK})",
            balance.MEND,
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
        f"{of_which_period(day)}{cause}",
        fix({**day, **about}).replace("\n", " && "),
        days=day["days"],
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
