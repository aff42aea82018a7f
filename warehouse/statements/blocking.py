"""What stands in the way of approving statements. Owns no table.

The one notion of it: what a month's list counts, what a review tells and what an approval refuses are all found here.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from warehouse.blocker import Blocker, blocks
from warehouse.database.queries import Connection, Row, rows
from warehouse.finding import Finding, Statement, Subject
from warehouse.ingestion import quarantine
from warehouse.statements import balance, unbilled_usage
from warehouse.statements.review_rules import doubts

FILE = "statements/blocking"
Key = tuple[str, date]
EVER = datetime.min.replace(tzinfo=UTC)


def blockers(connection: Connection, statements: Sequence[Row], today: date) -> list[Finding]:
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
            *(blocks(Blocker.DAYS, row) for row in rows(connection, FILE, "days_that_block", **windows)),
            *unbilled_usage.blockers(connection, rows(connection, FILE, "usage_that_blocks", **windows)),
            *quarantine.blockers(connection, windows),
            *doubts(connection, asked, windows),
            *(blocks(Blocker.EARLIER, row) for row in rows(connection, FILE, "earlier_open_period", **asked)),
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


def by_statement(found: Iterable[Finding]) -> dict[Statement, list[Finding]]:
    """By tenant and period start; a statement that nothing blocks has an empty list."""
    grouped: dict[Statement, list[Finding]] = defaultdict(list)
    for one in found:
        grouped[one.subject.statement].append(one)
    return grouped


def key_of(row: Row) -> Key:
    """Which statement a row is of."""
    return row["tenant_id"], row["period_start"]


def _running(statements: Sequence[Row], today: date) -> list[Finding]:
    return [
        Finding(Blocker.RUNNING, Subject(*key_of(row)), {"ends_on": row["ends_on"]})
        for row in statements
        if today < row["ends_on"]
    ]


def _unbalanced(connection: Connection, statements: Sequence[Row]) -> list[Finding]:
    """A line of a tenant that does not balance, of whatever period, makes all that it is to be billed doubtful."""
    found = balance.imbalances(connection, [row["tenant_id"] for row in statements])
    return [
        one.finding(row["period_start"]) for row in statements for one in found if one.tenant_id == row["tenant_id"]
    ]
