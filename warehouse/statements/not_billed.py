"""Usage that is on no statement although its tenant is known: what it is, and that nobody need do anything.

Owns nothing. It blocks no approval: a pause, days before a tenant began or after it closed, and tests are meant so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from warehouse.database.queries import Connection, Row, rows

FILE = "statements/not_billed"
_THEN = {
    "paused": "nothing to do: what is used during a pause is not billed. To bill what was used from a day on, end the"
    " pause on it: minutebook tenant resume {tenant} --on DAY",
    "outside active dates": "nothing to do: the tenant was not active on these days",
    "prototype": "nothing to do: tests in the provider's own editor are not billed",
}


@dataclass(frozen=True)
class NotBilled:
    """Usage of a statement's days. then: what happens to it."""

    tenant_id: str
    period_start: date
    what: str
    then: str


def not_billed(connection: Connection, statements: Sequence[Row]) -> list[NotBilled]:
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
        NotBilled(
            row["tenant_id"], row["period_start"], _what(row), _THEN[row["reason"]].format(tenant=row["tenant_id"])
        )
        for row in found
    ]


def _what(row: Row) -> str:
    start, end = row["first_date"], row["last_date"]
    dates = f"on {start}" if start == end else f"from {start} to {end}"
    return f"{row['reason']}: {row['quantity']:f} {row['unit']} of {row['item']} ({row['source']}) {dates}"
