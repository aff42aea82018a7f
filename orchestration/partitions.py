"""The two dimensions of what is pulled: tenant × usage date. Keys read `tenant|usage_date`.

The usage dates start on the first of the month, 400 days ago or a little more. Dagster's guidance is at most 100,000
keys per asset, which 400 days are at 250 tenants, while a year of history can still be backfilled in the UI (older
days: the command line). A start that moves by months and not by days is the same in every process that loads the
definitions.
"""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from orchestration.pulling import TenantDay

REACHES_BACK = timedelta(days=400)


def first_usage_date(today: date) -> date:
    """The oldest usage date that has a partition, seen from `today` (UTC)."""
    return (today - REACHES_BACK).replace(day=1)


tenants = dg.DynamicPartitionsDefinition(name="tenant")
usage_dates = dg.DailyPartitionsDefinition(start_date=first_usage_date(datetime.now(UTC).date()).isoformat())
tenant_days = dg.MultiPartitionsDefinition({"tenant": tenants, "usage_date": usage_dates})


def tenant_day(key: str) -> TenantDay:
    """Read a partition key. A tenant id has no `|`, so the key has exactly two parts, in the order of their names."""
    tenant_id, usage_date = key.split("|")
    return TenantDay(tenant_id, date.fromisoformat(usage_date))


def key_of(tenant_id: str, usage_date: date) -> str:
    """The partition key of a tenant-day."""
    return str(dg.MultiPartitionKey({"tenant": tenant_id, "usage_date": usage_date.isoformat()}))
