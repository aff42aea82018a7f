"""Calls of a shared account that route to nobody: which they are, and what gives them to a tenant. Owns no table."""

import shlex
from collections.abc import Sequence
from datetime import date

from warehouse.blocker import Blocker, Kind, of_which_period
from warehouse.database.queries import Connection, Row, rows

FILE = "statements/periods"
SHOWN = 3


def blockers(connection: Connection, found: Sequence[Row]) -> list[Blocker]:
    """A blocker for each row of unattributed voice usage, naming its calls; printed is what makes them its tenant's."""
    if not found:
        return []
    first, last = min(row["first_date"] for row in found), max(row["last_date"] for row in found)
    calls = rows(connection, FILE, "calls_of_nobody", first_date=first, last_date=last)
    tenants = [row["tenant_id"] for row in found]
    agents = {row["tenant_id"]: row["agent_id"] for row in rows(connection, FILE, "first_agents", tenant_ids=tenants)}
    return [
        _blocker(
            row,
            [
                call
                for call in calls
                if call["source"] == row["source"] and row["first_date"] <= call["usage_date"] <= row["last_date"]
            ],
            agents.get(row["tenant_id"]),
        )
        for row in found
    ]


def _blocker(usage: Row, calls: Sequence[Row], agent_id: str | None) -> Blocker:
    named = "; ".join(_named(call) for call in calls[:SHOWN])
    more = f"; and {len(calls) - SHOWN} more" if len(calls) > SHOWN else ""
    quantity = f"{usage['quantity'].normalize():f} {usage['unit']}s"
    count = f"{len(calls)} call{'s' if len(calls) != 1 else ''}"
    where = f"route to nobody{of_which_period(usage)}"
    return Blocker(
        usage["tenant_id"],
        usage["period_start"],
        Kind.USAGE,
        f"unattributed: {count} of {usage['source']} ({quantity}) {where}: {named}{more}",
        _commands(usage["tenant_id"], agent_id, calls),
    )


def _named(call: Row) -> str:
    by = "" if call["is_of_one_row"] else f", {_words(call)} {call['value']}"
    return f"call {call['call_id']} of {call['usage_date']}{by}"


def _words(call: Row) -> str:
    """The kind as a person says it: a phone number, whose the source is being said already."""
    return str(call["kind"]).removeprefix(f"{call['source']}_").replace("_", " ")


def _commands(tenant_id: str, agent_id: str | None, calls: Sequence[Row]) -> str:
    """What makes all of these calls the tenant's, if they are; a command for each id, from its first day on."""
    since: dict[tuple[str, str], date] = {}
    for call in calls:
        since.setdefault((call["kind"], call["value"]), call["usage_date"])
    agent = agent_id or tenant_id
    attaching = [
        ["agent", "attach", tenant_id, agent, kind, value, "--from", str(day)] for (kind, value), day in since.items()
    ]
    adding = [] if agent_id else [["agent", "create", tenant_id, agent]]
    return " && ".join(shlex.join(["minutebook", *command]) for command in [*adding, *attaching, ["build"]])
