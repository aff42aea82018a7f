"""Stripe's day summaries as they were read back, and where marts, postings and Stripe are not one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from warehouse.database.queries import Connection, execute, typed

FILE = "stripe/reconciliation"


@dataclass(frozen=True, slots=True)
class Summary:
    """A tenant's meter of which Stripe should hold something, or may."""

    tenant_id: str
    meter_id: str
    stripe_customer_id: str
    stripe_event_name: str


@dataclass(frozen=True, slots=True)
class DifferentDay:
    """A day of `marts.fct_reconciliation` that is not the same everywhere, in the meter's units.

    is_elsewhere: another customer, account or mode than today's took it; sent_to: which.
    """

    tenant_id: str
    meter_id: str
    usage_date: date
    period_start: date
    ours: Decimal
    posted: Decimal
    stripe: Decimal
    difference: Decimal
    age_days: int
    posting_state: str | None
    cause_code: str | None
    cause: str | None
    read_at: datetime | None
    is_approved: bool
    finding: str
    is_elsewhere: bool
    sent_to: str | None


def summaries_to_read(
    connection: Connection, oldest_day: date, tenant_ids: Sequence[str] | None = None
) -> list[Summary]:
    """What is to be read of Stripe since a day, by tenant and meter."""
    chosen = None if tenant_ids is None else list(tenant_ids)
    return typed(connection, Summary, FILE, "to_read", oldest_day=oldest_day, tenant_ids=chosen)


def put_summaries(
    connection: Connection, of: Summary, oldest_day: date, days: Mapping[date, Decimal], now: datetime
) -> None:
    """Replace what was read since a day; one that was posted and is not among these days is read as 0."""
    key = {"tenant_id": of.tenant_id, "meter_id": of.meter_id, "oldest_day": oldest_day}
    with connection.transaction():
        execute(connection, FILE, "forget_summaries", **key)
        execute(connection, FILE, "put_summaries", **key, days=list(days), values=list(days.values()), now=now)


def differences(connection: Connection, tenant_ids: Sequence[str] | None = None) -> list[DifferentDay]:
    """What was not the same when the mart was made, by tenant, meter and day."""
    chosen = None if tenant_ids is None else list(tenant_ids)
    return typed(connection, DifferentDay, FILE, "differences", tenant_ids=chosen)
