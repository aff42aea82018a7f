"""Partitions of shards: which tenants' days a key stands for, and which keys the UI shows as materialized: those whose
tenants' days are all published, whoever published them. How each tenant's day ended stands in the ledger alone.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import dagster as dg
import psycopg

from orchestration.ingestion.outcomes import TenantDay
from orchestration.ingestion.partitions import UnknownRequest, key_of, read_key
from orchestration.ingestion.reporting import raw_key
from warehouse.control.shards import shards
from warehouse.ingestion.shard_days import ShardDay, Standing, active_tenant_days, standings


def shard_day(source: str, key: str) -> ShardDay:
    """Read a key of a source's day of a shard."""
    return ShardDay(source, *read_key(key))


def tenant_days_of(
    connection: psycopg.Connection[Any], parts: int, days: Collection[ShardDay], launched_for: Sequence[str]
) -> list[TenantDay]:
    """What is read for days of shards: of the tenants that the run was launched for, or else of those that are in the
    shard now, the days on which they are active. Raises UnknownRequest for a shard that no tenant is in.
    """
    of = shards(connection, parts)
    found = []
    for shard in sorted({day.shard for day in days}):
        tenants = launched_for or [tenant for tenant, its in of.items() if its == shard]
        if not tenants:
            raise UnknownRequest(
                f"Nothing is pulled: no tenant is in the shard {shard}. MINUTEBOOK_PARTITIONS and MINUTEBOOK_SHARDS are"
                " to be the same for all processes."
            )
        dates = sorted({day.usage_date for day in days if day.shard == shard})
        found += [TenantDay(*one) for one in active_tenant_days(connection, tenants, dates)]
    return found


def whole(connection: psycopg.Connection[Any], parts: int, days: Collection[ShardDay]) -> Iterator[Standing]:
    """Those of these days of which all tenants that are in the shard now have theirs published."""
    return (one for one in standings(connection, shards(connection, parts), days) if one.is_whole)


def materialization(day: Standing) -> dg.AssetMaterialization:
    """A shard's day that is published, as the UI shows it."""
    metadata: dict[str, dg.MetadataValue] = {
        "state": dg.MetadataValue.text("published" if day.pull_id is not None else "source not used"),
        "tenants": dg.MetadataValue.int(day.tenants),
        "incomplete": dg.MetadataValue.bool(day.is_incomplete),
    }
    if day.pull_id is not None:
        metadata["pull_id"] = dg.MetadataValue.int(day.pull_id)
    key = key_of(day.shard, day.usage_date)
    return dg.AssetMaterialization(asset_key=raw_key(day.source), partition=key, metadata=metadata)
