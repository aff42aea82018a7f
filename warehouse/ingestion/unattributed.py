"""Calls of a shared account that route to nobody: which they are, and whose agent could have them. Owns no table."""

from collections.abc import Sequence

from warehouse.blocker import Blocker, blocks
from warehouse.database.queries import Connection, Row, rows
from warehouse.finding import Finding

FILE = "ingestion/unattributed"


def blockers(connection: Connection, found: Sequence[Row]) -> list[Finding]:
    """One for each row of unattributed voice usage, with its calls and the first agent of the tenant it blocks."""
    if not found:
        return []
    first, last = min(row["first_date"] for row in found), max(row["last_date"] for row in found)
    calls = rows(connection, FILE, "calls_of_nobody", first_date=first, last_date=last)
    agents = first_agents(connection, [row["tenant_id"] for row in found])
    return [
        blocks(
            Blocker.CALLS_OF_NOBODY,
            row,
            calls=[
                call
                for call in calls
                if call["source"] == row["source"] and row["first_date"] <= call["usage_date"] <= row["last_date"]
            ],
            agent_id=agents.get(row["tenant_id"]),
        )
        for row in found
    ]


def first_agents(connection: Connection, tenant_ids: Sequence[str]) -> dict[str, str]:
    """Each tenant's first agent by id; a tenant without one is not in it."""
    found = rows(connection, FILE, "first_agents", tenant_ids=list(tenant_ids))
    return {row["tenant_id"]: row["agent_id"] for row in found}
