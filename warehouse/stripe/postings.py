"""The postings ledger: what is due, what is committed to be sent, and what became of it.

A row is committed before its call and carries its own identifier, so after a crash the same row is sent again. Only the
holder of the poster's lock commits rows, and over the very connection that holds it: a process that lost its lock can
commit nothing.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row

from warehouse.database import queries
from warehouse.database.errors import WarehouseError

FILE = "stripe/postings"
_SQL = queries.load(FILE)

OLDEST_TIMESTAMP = timedelta(days=35)
"""Stripe takes meter events of the past 35 calendar days."""

State = Literal["accepted", "refused", "lost", "uncovered"]


class PosterBusy(WarehouseError):
    """Another process is posting; two would only slow each other down."""


@dataclass(frozen=True, slots=True)
class Due:
    """A tenant, meter and day to post; with a posting_id it is a committed row that must be sent again.

    value and held are in the meter's units; held is what Stripe has by our ledger.
    period_end is when Stripe's cycle turns. is_elsewhere: it was committed for another account of Stripe's.
    """

    tenant_id: str
    meter_id: str
    usage_date: date
    period_end: date
    value: Decimal
    version: int
    held: Decimal | None
    posting_id: int | None
    identifier: str | None
    stripe_customer_id: str
    event_name: str
    committed_at: datetime | None
    is_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Posting:
    """A committed row."""

    posting_id: int
    tenant_id: str
    meter_id: str
    usage_date: date
    version: int
    value: Decimal
    identifier: str
    stripe_customer_id: str
    event_name: str
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of a posting."""

    posting_id: int
    state: State
    cause_code: str | None = None
    cause: str | None = None


@contextmanager
def posting_lock(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Hold the poster's lock on this connection, which ends with it however the process ends.

    Raises:
        PosterBusy: another process holds it.
    """
    row = connection.execute(_SQL["take_lock"]).fetchone()
    if row is None or not row[0]:
        raise PosterBusy("Another process is posting. Wait until it is done; nothing was sent.")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(_SQL["give_lock_back"])


def due(
    connection: psycopg.Connection[Any], today: date, *, tenant_ids: Sequence[str] | None = None, page: int = 5000
) -> Iterator[list[Due]]:
    """Pages of what is to be posted, by tenant, meter and day; one query if there is nothing."""
    after = ("", "", date.min)
    while True:
        with connection.cursor(row_factory=class_row(Due)) as cursor:
            rows = cursor.execute(
                _SQL["due"],
                {
                    "oldest_day": today - OLDEST_TIMESTAMP,
                    "tenant_ids": None if tenant_ids is None else list(tenant_ids),
                    "after_tenant": after[0],
                    "after_meter": after[1],
                    "after_day": after[2],
                    "limit": page,
                },
            ).fetchall()
        if rows:
            yield rows
        if len(rows) < page:
            return
        after = (rows[-1].tenant_id, rows[-1].meter_id, rows[-1].usage_date)


def identifier_of(due: Due) -> str:
    """Stripe's identifier and Idempotency-Key of this version: the same words give the same key, 42 characters.

    The customer is part of it, so that two installations that share a Stripe account do not share keys.
    """
    words = (due.stripe_customer_id, due.tenant_id, due.meter_id, due.usage_date.isoformat(), str(due.version))
    return f"mb{hashlib.sha256('/'.join(words).encode()).hexdigest()[:40]}"


def commit(connection: psycopg.Connection[Any], rows: Sequence[Due], now: datetime) -> list[Posting]:
    """Commit rows as pending, in order; those that are committed already are returned as they are."""
    new = [row for row in rows if row.posting_id is None]
    identifiers = {id(row): row.identifier or identifier_of(row) for row in rows}
    posting_ids: dict[str, int] = {}
    if new:
        columns = ("tenant_id", "meter_id", "usage_date", "version", "value", "stripe_customer_id", "event_name")
        values: dict[str, list[Any]] = {column: [getattr(row, column) for row in new] for column in columns}
        values["identifier"] = [identifiers[id(row)] for row in new]
        values["committed_at"] = [now] * len(new)
        with connection.transaction():
            posting_ids = dict(connection.execute(_SQL["commit"], values).fetchall())
    return [
        Posting(
            posting_id=row.posting_id or posting_ids[identifiers[id(row)]],
            tenant_id=row.tenant_id,
            meter_id=row.meter_id,
            usage_date=row.usage_date,
            version=row.version,
            value=row.value,
            identifier=identifiers[id(row)],
            stripe_customer_id=row.stripe_customer_id,
            event_name=row.event_name,
            committed_at=row.committed_at or now,
        )
        for row in rows
    ]


def record(connection: psycopg.Connection[Any], resolutions: Sequence[Resolution], now: datetime) -> None:
    """Write what became of pending postings, all of them or none."""
    if not resolutions:
        return
    with connection.transaction():
        connection.execute(
            _SQL["record"],
            {
                "posting_id": [resolution.posting_id for resolution in resolutions],
                "state": [resolution.state for resolution in resolutions],
                "cause_code": [resolution.cause_code for resolution in resolutions],
                "cause": [resolution.cause for resolution in resolutions],
                "now": now,
            },
        )


def newest_accepted(connection: psycopg.Connection[Any], tenant_id: str, meter_id: str, usage_date: date) -> str | None:
    """The identifier of the posting that Stripe holds of a day; None where it took none."""
    key = {"tenant_id": tenant_id, "meter_id": meter_id, "usage_date": usage_date}
    row = queries.first(connection, FILE, "newest_accepted", **key)
    return row["identifier"] if row else None


def held_elsewhere(
    connection: psycopg.Connection[Any], oldest_day: date, tenant_ids: Sequence[str] | None = None
) -> list[queries.Row]:
    """Days since then that another customer, account or mode than today's holds and no known final invoice billed."""
    chosen = None if tenant_ids is None else list(tenant_ids)
    return queries.rows(connection, FILE, "elsewhere", oldest_day=oldest_day, tenant_ids=chosen)


def withdraw(
    connection: psycopg.Connection[Any],
    identifiers: Sequence[str],
    state: Literal["refused", "lost"],
    cause_code: str,
    cause: str,
    now: datetime,
) -> list[str]:
    """Take accepted postings back: Stripe dropped them after it answered, or a person found them missing there."""
    rows = connection.execute(
        _SQL["withdraw"],
        {"identifiers": list(identifiers), "state": state, "cause_code": cause_code, "cause": cause, "now": now},
    ).fetchall()
    return [row[0] for row in rows]
