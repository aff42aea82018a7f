"""Usage that is on no statement although its tenant is known: what it is, and that nobody need do anything.

Owns nothing. It blocks no approval: a pause, days before a tenant began or after it closed, and tests are meant so.
"""

from collections.abc import Sequence
from enum import StrEnum

from warehouse.database.queries import Connection, Row, rows
from warehouse.finding import Finding, Subject

FILE = "statements/not_billed"


class NotBilled(StrEnum):
    """Why; facts of all: reason, quantity, unit, item, source, first_date, last_date."""

    PAUSED = "used_while_paused"
    OUTSIDE = "used_outside_active_dates"
    PROTOTYPE = "used_in_tests"


CODES = {
    "paused": NotBilled.PAUSED,
    "outside active dates": NotBilled.OUTSIDE,
    "prototype": NotBilled.PROTOTYPE,
}


def not_billed(connection: Connection, statements: Sequence[Row]) -> list[Finding]:
    """Of these statements; empty where all usage is on them, or blocks them."""
    found = rows(
        connection,
        FILE,
        "not_billed",
        tenant_ids=[row["tenant_id"] for row in statements],
        starts=[row["period_start"] for row in statements],
        ends=[row["period_end"] for row in statements],
    )
    return [
        Finding(
            CODES[row["reason"]],
            Subject(row["tenant_id"], row["period_start"], row["source"], row["first_date"], row["last_date"]),
            row,
        )
        for row in found
    ]
