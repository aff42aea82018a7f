"""Figures of the ledgers and marts, by source, tenant and cause. All are read on a connection as operator."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from warehouse.database.queries import Connection, first, rows
from warehouse.stripe import events

FILE = "operations/health"
WINDOW = timedelta(days=14)
"""How far back days are looked at: a lag is at most as long."""


@dataclass(frozen=True)
class Lag:
    """A tenant's source. lag_days: finished days after the newest that is whole; days_behind: all that are not."""

    tenant_id: str
    source: str
    days_behind: int
    lag_days: int


@dataclass(frozen=True)
class FailedDays:
    """Account-days of a source whose last try failed for a cause."""

    source: str
    cause: str
    account_days: int


@dataclass(frozen=True)
class Builds:
    """When the marts were last built whole, None: never; and whether what came after that failed."""

    built_at: datetime | None
    is_failing: bool


def lags(connection: Connection, today: date) -> list[Lag]:
    """Every tenant and source that is read, the longest lag first."""
    return [Lag(**row) for row in rows(connection, FILE, "lags", **_window(today))]


def failed_days(connection: Connection, today: date) -> list[FailedDays]:
    """What failed and was not read since."""
    return [FailedDays(**row) for row in rows(connection, FILE, "failed_days", **_window(today))]


def last_night(connection: Connection) -> datetime | None:
    """When a schedule last began to read."""
    found = first(connection, FILE, "last_night")
    return found["started_at"] if found else None


def last_builds(connection: Connection) -> Builds:
    """How the marts stand."""
    (row,) = rows(connection, FILE, "last_builds")
    return Builds(**row)


def differences(connection: Connection) -> dict[str, int]:
    """Days on which marts, postings and Stripe are not one, by finding. The marts must be built."""
    return {row["finding"]: row["days"] for row in rows(connection, FILE, "differences")}


def stripe_events_waiting(connection: Connection) -> int:
    """Stripe's webhooks that were kept and not worked off."""
    return events.count_waiting(connection)


def _window(today: date) -> dict[str, date]:
    return {"first_day": today - WINDOW, "last_day": today - timedelta(days=1)}
