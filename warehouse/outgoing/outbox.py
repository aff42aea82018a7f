"""The door for facts: written down in the transaction that makes them, for whoever listens then."""

from collections.abc import Mapping
from datetime import date

import msgspec

from warehouse.database import queries
from warehouse.database.queries import Connection

FILE = "outgoing/outbox"
_json = msgspec.json.Encoder(decimal_format="number")


def tell(
    connection: Connection,
    event_type: str,
    tenant_id: str | None,
    subject: str,
    data: Mapping[str, object],
    *,
    only_endpoint: str | None = None,
) -> None:
    """Write an event down, in the caller's transaction: it is told if that commits, and never if it does not.

    Events of one subject are delivered in the order in which they committed. `data` has the members of the type's
    schema (`docs/events.md`) without links: ids and no content. tenant_id None: it concerns the platform alone.
    only_endpoint: nobody else is told.
    """
    told = {"type": event_type, "tenant_id": tenant_id, "subject": subject, "data": _json.encode(data).decode()}
    queries.execute(connection, FILE, "tell", only_endpoint=only_endpoint, **told)


def tell_of_build(connection: Connection, today: date) -> int:
    """After a build: calls that the marts hold as ended and that were not told yet; how many. As the transformer."""
    return _count(connection, "completed_calls", today=today)


def tell_of_differences(connection: Connection) -> int:
    """After Stripe was compared: what differs and was not told as it is; how many. As the transformer."""
    return _count(connection, "differences")


def forget(connection: Connection, today: date) -> int:
    """Delete events of more than 90 days ago that wait for nobody; how many. As the operator. Safe to repeat."""
    return _count(connection, "forget", today=today)


def _count(connection: Connection, name: str, **parameters: object) -> int:
    row = queries.first(connection, FILE, name, **parameters)
    return int(row["told"]) if row else 0
