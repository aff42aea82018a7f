"""The day in progress: which tenants have it read, how often, and which accounts are due.

What is read of it is published like any day's, marked as in progress, and replaced by the night's reading. It is no try
of the day: whether a day comes back is decided as if nobody had read it before it was over.
"""

from datetime import date, timedelta

from warehouse.control.changes import Action, Change
from warehouse.control.tenants import require_tenant
from warehouse.database import queries
from warehouse.database.queries import Connection, Row
from warehouse.words import counted

FILE = "ingestion/today"
EVERY = {"15min": timedelta(minutes=15), "hour": timedelta(hours=1)}


def choose(connection: Connection, tenant_id: str, every: timedelta | None) -> Change:
    """Have a tenant's day in progress read so often; None: not at all. As the operator. Safe to repeat."""
    with connection.transaction():
        require_tenant(connection, tenant_id)
        asked = {"tenant_id": tenant_id, "every": every}
        changed = queries.execute(connection, FILE, "end" if every is None else "choose", **asked)
    words = "no more" if every is None else f"every {counted(every // timedelta(minutes=1), 'minute')}"
    return Change(f"today of tenant {tenant_id} is read {words}", Action.CHANGED if changed else Action.UNCHANGED)


def chosen(connection: Connection) -> list[Row]:
    """Tenants whose day in progress is read, and how often."""
    return queries.rows(connection, FILE, "chosen")


def is_chosen(connection: Connection, tenant_id: str) -> bool:
    """Whether a tenant's day in progress is read."""
    return bool(queries.rows(connection, FILE, "is_chosen", tenant_id=tenant_id))


def due(connection: Connection, today: date) -> list[tuple[str, str, date, tuple[str, ...]]]:
    """Source, account, day and tenants of what is read now: accounts of sources that bill, whose last reading of today
    began longer ago than the most eager of their tenants chose. As the loader.
    """
    found = queries.rows(connection, FILE, "due", today=today)
    return [(row["source"], row["account"], row["usage_date"], tuple(row["tenants"])) for row in found]
