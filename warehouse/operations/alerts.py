"""Alerts: what is wrong, from when it was first seen until it was gone, said once and once again when it is over.

What is wrong is given in words. Opening and ending are written down with their events in one transaction, so that each
is told exactly when it is true, whoever looks at the same time and wherever a process dies.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from warehouse.database.queries import Connection, Row, first, rows
from warehouse.outgoing import outbox

FILE = "operations/alerts"
_EVENTS = {"opened": "alert.opened", "worse": "alert.opened", "resolved": "alert.resolved"}


@dataclass(frozen=True)
class Said:
    """What is wrong, in words. rule, tenant_id and subject name it; fix: commands that resolve it; path: its page.

    level: how bad it is; at 0 it keeps an alert open that is, and opens none.
    """

    rule: str
    tenant_id: str | None
    subject: str
    level: int
    title: str
    fix: str
    path: str


@dataclass(frozen=True)
class Change:
    """What became of an alert: opened, worse or resolved."""

    change: str
    alert_id: int
    title: str


def lock(connection: Connection) -> None:
    """Have nobody else look until this transaction ends."""
    first(connection, FILE, "lock")


def settle(connection: Connection, wrong: Sequence[Said], rules: Collection[str], now: datetime) -> list[Change]:
    """Compare what is wrong with the alerts that are open, of the rules that were looked at, and tell of what changed.

    In the caller's transaction, which has the lock.
    """
    given = json.dumps([asdict(one) for one in wrong])
    found = []
    for row in rows(connection, FILE, "settle", wrong=given, rules=list(rules), now=now):
        change = row["change"]
        outbox.tell(connection, _EVENTS[change], row["tenant_id"], f"alert/{row['alert_id']}", _data(row))
        found.append(Change(change, row["alert_id"], row["title"]))
    return found


def tell_what_is_open(connection: Connection, endpoint_id: str, tenant_id: str | None) -> int:
    """Tell a channel that is new, a tenant's or of all (None), of each alert that is open; how many these are. In the
    transaction that makes the channel.
    """
    lock(connection)
    found = listed(connection, datetime.max.replace(tzinfo=UTC), tenant_id)
    for row in reversed(found):
        subject = f"alert/{row['alert_id']}"
        outbox.tell(connection, "alert.opened", row["tenant_id"], subject, _data(row), only_endpoint=endpoint_id)
    return len(found)


def listed(
    connection: Connection, resolved_since: datetime, tenant_id: str | None = None, limit: int = 500
) -> list[Row]:
    """What is open, the worst first, and then what was resolved since, the latest first."""
    return rows(connection, FILE, "listed", resolved_since=resolved_since, tenant_id=tenant_id, limit=limit)


def _data(row: Row) -> dict[str, object]:
    return {
        "alert_id": str(row["alert_id"]), "rule": row["rule"], "subject": row["subject"], "level": row["level"],
        "title": row["title"], "fix": row["fix"], "page": row["path"],
    }  # fmt: skip


def count_open(connection: Connection) -> int:
    """How many are open."""
    found = first(connection, FILE, "count_open")
    return int(found["found"]) if found else 0
