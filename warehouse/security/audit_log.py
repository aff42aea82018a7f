"""The audit log as people ask it: who changed or used what, and whether the log itself is whole."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row

from warehouse.database import queries

_SQL = queries.load("security/audit_log")


@dataclass(frozen=True)
class Verified:
    """What a verification found: no `faults` while every entry is as written. `head` represents the whole log."""

    entries: int
    head: str
    faults: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """What to keep outside the database; given to the next verification, it shows a log whose end was cut off."""
        return f"{self.entries}:{self.head}"


def entries(
    connection: psycopg.Connection[Any],
    tenant_id: str | None = None,
    since: date | None = None,
    action: str | None = None,
    limit: int = 200,
) -> list[dict[str, Any]]:
    """The newest entries first; of one tenant, from a UTC day on, of one action (insert, update, delete, use)."""
    wanted = {"tenant_id": tenant_id, "since": since, "action": action, "limit": limit}
    return connection.cursor(row_factory=dict_row).execute(_SQL["entries"], wanted).fetchall()


def verify(connection: psycopg.Connection[Any], anchor: str | None = None) -> Verified:
    """Compute every seal again and compare; anchor is that of an earlier verification.

    Raises:
        ValueError: anchor is none.
    """
    with connection.transaction():
        connection.execute(_SQL["seal_own"])  # what this transaction wrote is sealed at its commit otherwise
        faults = [f"entry {entry_id} {what}" for entry_id, what in connection.execute(_SQL["faults"]).fetchall()]
    count, head = connection.execute(_SQL["head"], {"position": None}).fetchone() or (0, "")
    if anchor is not None:
        position, _, expected = anchor.partition(":")
        if not position.isdigit() or not expected:
            raise ValueError(f"{anchor!r} is no anchor; one is what the log's verification printed")
        found = connection.execute(_SQL["head"], {"position": int(position)}).fetchone()
        if found is None:
            faults.append(f"the log ends at entry {count} and had {position}: its end was cut off")
        elif found[1] != expected:
            faults.append(f"up to entry {position} the log is not that of the anchor: it was written again")
    return Verified(count, head, tuple(faults))
