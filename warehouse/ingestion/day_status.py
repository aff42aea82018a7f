"""Tenant-days that need attention, told by the ledger itself: true before any build, and while the marts lag behind."""

from collections.abc import Sequence
from datetime import date

from warehouse.database.queries import Connection, Row, rows


def days_needing_attention(
    connection: Connection, first_day: date, last_day: date, tenant_ids: Sequence[str] | None = None
) -> list[Row]:
    """Days of `[first_day, last_day]`, both included, on which an active tenant's source was not pulled, is being read,
    failed, failed again after it had been pulled, or is incomplete. One row per tenant, source and day.
    """
    chosen = None if tenant_ids is None else list(tenant_ids)
    return rows(connection, "ingestion/day_status", "days", first_day=first_day, last_day=last_day, tenant_ids=chosen)
