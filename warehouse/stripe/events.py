"""Stripe's webhooks as they were kept, what became of each, and the invoices that they and our readings tell of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from warehouse.database.queries import Connection, Row, execute, first, load, rows, typed

FILE = "stripe/events"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that is to be processed; is_thin: it names its object, and Stripe is asked for the rest."""

    event_id: str
    event_type: str
    is_thin: bool
    object_id: str | None
    stripe_customer_id: str | None


def receive(connection: Connection, event: Mapping[str, Any], now: datetime) -> bool:
    """Keep an event; False when it is known already."""
    return first(connection, FILE, "receive", **{**event, "facts": Jsonb(event["facts"]), "now": now}) is not None


def waiting(connection: Connection, limit: int) -> list[Waiting]:
    """The oldest events of the account that is billed in; those that failed last."""
    return typed(connection, Waiting, FILE, "waiting", limit=limit)


def count_waiting(connection: Connection) -> int:
    """How many events are to be processed."""
    return _count(connection, "count_waiting")


def count_apart(connection: Connection) -> int:
    """How many events of another account or mode are kept, and change nothing."""
    return _count(connection, "count_apart")


def done(connection: Connection, event_id: str, facts: Mapping[str, Any], now: datetime) -> str | None:
    """An event was processed. Returns whose customer it was of, if a tenant's."""
    row = first(connection, FILE, "done", event_id=event_id, facts=Jsonb(facts), now=now)
    return row["tenant_id"] if row else None


def failed(connection: Connection, event_id: str, cause: str) -> None:
    """An event could not be processed; it is tried again."""
    execute(connection, FILE, "failed", event_id=event_id, cause=cause)


def invoices(connection: Connection, tenant_ids: Sequence[str] | None = None) -> list[Row]:
    """Each invoice of all tenants, or of some, the newest period first; total_minor is in minor units."""
    return rows(connection, FILE, "invoices", tenant_ids=None if tenant_ids is None else list(tenant_ids))


def put_invoice_states(connection: Connection, read: Sequence[Mapping[str, Any]]) -> None:
    """Keep invoices as Stripe showed them."""
    with connection.cursor() as cursor:
        cursor.executemany(load(FILE)["put_invoice_state"], read)


def _count(connection: Connection, name: str) -> int:
    row = first(connection, FILE, name)
    return row["count"] if row else 0
