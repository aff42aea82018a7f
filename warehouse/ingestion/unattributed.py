"""Calls of a shared account that route to nobody: which they are, and what gives them to a tenant. Owns no table."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import date

from warehouse.control.changes import Connection, Row, rows
from warehouse.statements.blocker import Blocker, Kind

FILE = "statements/periods"
SHOWN = 3
# By which a call is attached, the deciding kinds first; a call that has none of them, by its own id.
SCOPES = {
    "vapi_phone_number": "phone_number_id",
    "vapi_squad": "squad_id",
    "vapi_workflow": "workflow_id",
    "vapi_assistant": "assistant_id",
    "vapi_call": "call_id",
}


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
            [call for call in calls if row["first_date"] <= call["usage_date"] <= row["last_date"]],
            agents.get(row["tenant_id"]),
        )
        for row in found
    ]


def _blocker(usage: Row, calls: Sequence[Row], agent_id: str | None) -> Blocker:
    named = "; ".join(_named(call) for call in calls[:SHOWN])
    more = f"; and {len(calls) - SHOWN} more" if len(calls) > SHOWN else ""
    quantity = f"{usage['quantity'].normalize():f} {usage['unit']}s"
    is_own = usage["service_start"] == usage["period_start"]
    of_which = "" if is_own else f", in its approved period {usage['service_start']:%Y-%m}"
    count = f"{len(calls)} call{'s' if len(calls) != 1 else ''}"
    return Blocker(
        usage["tenant_id"],
        usage["period_start"],
        Kind.USAGE,
        f"unattributed: {count} of {usage['source']} ({quantity}) route to nobody{of_which}: {named}{more}",
        _commands(usage["tenant_id"], agent_id, calls),
    )


def _named(call: Row) -> str:
    kind = _deciding(call)
    by = "" if kind == "vapi_call" else f", {kind.removeprefix('vapi_').replace('_', ' ')} {call[SCOPES[kind]]}"
    return f"call {call['call_id']} of {call['usage_date']}{by}"


def _commands(tenant_id: str, agent_id: str | None, calls: Sequence[Row]) -> str:
    """What makes all of these calls the tenant's, if they are; a command for each id, from its first day on."""
    since: dict[tuple[str, str], date] = {}
    for call in calls:
        kind = _deciding(call)
        since.setdefault((kind, call[SCOPES[kind]]), call["usage_date"])
    agent = agent_id or tenant_id
    attaching = [
        ["agent", "attach", tenant_id, agent, kind, value, "--from", str(day)] for (kind, value), day in since.items()
    ]
    adding = [] if agent_id else [["agent", "create", tenant_id, agent]]
    return " && ".join(shlex.join(["minutebook", *command]) for command in [*adding, *attaching, ["build"]])


def _deciding(call: Mapping[str, object]) -> str:
    return next(kind for kind, column in SCOPES.items() if call[column])
