"""Calls whose own fields contradict each other: found by `marts.fct_call_doubts`, let stand by a person. Owns
`ledger.acceptances` of them: each call is accepted with the figures that it has, and no other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from shlex import join

from warehouse.blocker import Blocker, Kind, of_which_period
from warehouse.control.changes import Action, Change
from warehouse.control.errors import Refused
from warehouse.database.queries import Connection, Row, execute, rows

FILE = "statements/call_doubts"
KINDS = {"costs_differ": Kind.COSTS_DIFFER, "minutes_differ": Kind.MINUTES_DIFFER}


@dataclass(frozen=True)
class Chosen:
    """Which doubts of a tenant: of one kind, on days that are both included, of one call or of all."""

    tenant_id: str
    doubt: str
    first_day: date
    last_day: date
    call_id: str | None = None


def blockers(connection: Connection, windows: Mapping[str, object]) -> list[Blocker]:
    """A blocker for each kind of contradiction of a statement's calls. windows: as `blocking.windows_of` has them."""
    return [_blocker(row) for row in rows(connection, FILE, "that_block", **windows)]


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
        looking = ["minutebook", "doubt", "list", chosen.tenant_id, "--from", str(chosen.first_day)]
        seen = join([*looking, "--to", str(chosen.last_day)])
        raise Refused(
            f"{now[0]} calls are doubtful so, charged {now[1].normalize():f} in all, and not {shown[0]}, charged"
            f" {shown[1].normalize():f}, as they were shown; look at them: {seen}"
        )
    with connection.transaction():
        for row in found:
            execute(connection, FILE, "accept", tenant_id=chosen.tenant_id, reason=reason.strip(), **row)
    return [
        Change(f"call {row['call_id']} of {row['usage_date']} stands: {_figures(row)}", Action.CREATED) for row in found
    ]


def _blocker(found: Row) -> Blocker:
    first, last = found["first_date"], found["last_date"]
    charged = f"{found['charged_in_all'].normalize():f}"
    others = f" (and {found['calls'] - 1} more until {last}; charged {charged} {found['unit']} in all)"
    more = "" if found["calls"] == 1 else others
    days = ["--from", str(first), "--to", str(last)]
    pull = ["minutebook", "pull", "--tenant", found["tenant_id"], "--source", "vapi", *days]
    accepting = ["minutebook", "doubt", "accept", found["tenant_id"], found["doubt"], *days]
    settled = [*accepting, "--calls", str(found["calls"]), "--charged", charged, "--reason", "looked at: it stands"]
    return Blocker(
        found["tenant_id"],
        found["period_start"],
        KINDS[found["doubt"]],
        f"call {found['call_id']} of {first}{of_which_period(found)}: {_figures(found)}{more}",
        join(settled if found["is_repeated"] else pull),
    )


def _figures(row: Row) -> str:
    charged, counted = (f"{row[name].normalize():f} {row['unit']}" for name in ("charged", "counted"))
    if row["doubt"] == "costs_differ":
        return f"its cost is {charged}, its costs come to {counted}"
    return f"{charged} charged, {counted} connected"
