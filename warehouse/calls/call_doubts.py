"""Calls whose own fields contradict each other: found by `marts.fct_call_doubts`, let stand by a person. Owns
`ledger.acceptances` of them: each call is accepted with the figures that it has, and no other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from warehouse.blocker import Blocker, blocks
from warehouse.control.changes import Action, Change
from warehouse.control.errors import Refused
from warehouse.database.queries import Connection, Row, execute, rows
from warehouse.finding import Finding, Hint, Step
from warehouse.words import counted, day

FILE = "calls/call_doubts"
CODES = {"costs_differ": Blocker.COSTS_DIFFER, "minutes_differ": Blocker.MINUTES_DIFFER}


@dataclass(frozen=True)
class Chosen:
    """Which doubts of a tenant: of one kind, on days that are both included, of one call or of all."""

    tenant_id: str
    doubt: str
    first_day: date
    last_day: date
    call_id: str | None = None


def blockers(connection: Connection, windows: Mapping[str, object]) -> list[Finding]:
    """One for each kind of contradiction of a statement's calls. windows: as `blocking.windows_of` has them."""
    return [blocks(CODES[row["doubt"]], row) for row in rows(connection, FILE, "that_block", **windows)]


def standing(connection: Connection, tenant_id: str, first_day: date, last_day: date) -> list[Row]:
    """The calls of these days, both included, that contradict themselves and that nobody accepted."""
    return rows(connection, FILE, "standing", tenant_id=tenant_id, first_day=first_day, last_day=last_day)


def accept(connection: Connection, chosen: Chosen, shown: tuple[int, Decimal], reason: str) -> list[Change]:
    """Let these calls stand as they are, each with its figures. shown: how many, and what they were charged in all.

    Raises Refused without a reason, and where other calls are doubtful than were shown.
    """
    if not reason.strip():
        raise Refused("say why the calls stand as they are: --reason")
    found = [
        row
        for row in standing(connection, chosen.tenant_id, chosen.first_day, chosen.last_day)
        if row["doubt"] == chosen.doubt and chosen.call_id in (None, row["call_id"])
    ]
    now = len(found), sum((row["charged"] for row in found), Decimal(0))
    if now != shown:
        asked = {"tenant_id": chosen.tenant_id, "first_day": chosen.first_day, "last_day": chosen.last_day}
        raise Refused(
            f"{counted(now[0], 'call', 'is', 'are')} doubtful so, charged {now[1].normalize():f} in all,"
            f" and not {shown[0]}, charged {shown[1].normalize():f}, as they were shown",
            Hint(Step.LIST_DOUBTS, asked),
        )
    with connection.transaction():
        for row in found:
            execute(connection, FILE, "accept", tenant_id=chosen.tenant_id, reason=reason.strip(), **row)
    return [
        Change(f"call {row['call_id']} of {day(row['usage_date'])} stands: {figures(row)}", Action.CREATED)
        for row in found
    ]


def figures(row: Mapping[str, Any]) -> str:
    """The two numbers of a call that contradict each other: doubt, charged, counted, unit."""
    charged, known = (counted(row[name], row["unit"].removesuffix("s")) for name in ("charged", "counted"))
    if row["doubt"] == "costs_differ":
        return f"its cost is {charged}, its costs come to {known}"
    return f"{charged} charged, {known} connected"
