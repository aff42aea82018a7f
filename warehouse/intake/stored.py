"""A tenant's day as it was pushed, in one snapshot: the events that stand, and the sums that say which they were."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import psycopg
from psycopg.rows import class_row

from warehouse.database import queries
from warehouse.database.connect import Role, connect

_SQL = queries.load("intake/stored")
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event that stands; `facts` and `personal` are members of its data, as JSON text."""

    source: str
    event_id: str
    type: str
    subject: str | None
    happened_at: datetime
    is_replacement: bool
    facts: str
    personal: str | None


@dataclass(frozen=True)
class Sums:
    """What arrived of a day: events, the sum of their contents; and how many events are still stored."""

    events: Decimal
    content: Decimal
    stored: int


class Pushed:
    """What was pushed to us. Each day is read over a connection of its own, so threads may share this."""

    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def day(self, arrivals_of: str, tenant_id: str, usage_date: date) -> Iterator[tuple[Sums, Iterator[StoredEvent]]]:
        """The sums and the events of a tenant's day, as of one moment. Raises WarehouseError."""
        asked = {"source": arrivals_of, "tenant_id": tenant_id, "usage_date": usage_date}
        with connect(self._url, Role.LOADER, actor="pull") as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.cursor(row_factory=class_row(Sums)) as cursor:
                (sums,) = cursor.execute(_SQL["counted"], asked).fetchall()
            with connection.cursor(name="day", row_factory=class_row(StoredEvent)) as events:
                events.itersize = _BATCH
                yield sums, iter(events.execute(_SQL["day"], asked))

    def close(self) -> None:
        """Nothing is held between days."""
