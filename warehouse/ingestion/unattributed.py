"""Calls of a shared account that route to nobody: which they are, and whose agent could have them. Owns no table."""

from collections.abc import Sequence

from warehouse.blocker import Blocker, blocks
from warehouse.database.queries import Connection, Row, rows
from warehouse.finding import Finding

FILE = "statements/periods"


def blockers(connection: Connection, found: Sequence[Row]) -> list[Finding]:
    """One for each row of unattributed voice usage, with its calls and the first agent of the tenant it blocks."""
    if not found:
        return []
    first, last = min(row["first_date"] for row in found), max(row["last_date"] for row in found)
    calls = rows(connection, FILE, "calls_of_nobody", first_date=first, last_date=last)
    tenants = [row["tenant_id"] for row in found]
    agents = {row["tenant_id"]: row["agent_id"] for row in rows(connection, FILE, "first_agents", tenant_ids=tenants)}
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
