"""The two dimensions of what is pulled: tenant × usage date. Keys read `tenant|usage_date`; where the deployment has so
many tenants that MINUTEBOOK_PARTITIONS says shard, `shard|usage_date`, and a key stands for all tenants of the shard.

The usage dates start on the first of a month, MINUTEBOOK_UI_DAYS ago or a little more. Dagster's guidance is at most
100,000 keys per asset: 400 days at 230 tenants, 69 at 1,000, which `minutebook up` therefore chooses there (81,000 keys
cost its web server 0.6 s; at 400 days a browser gave up: tests/benchmarks/pulling/ui.py). Older days are pulled by the
command line and seen in `minutebook status` and `marts.fct_tenant_day_status`, which know no partitions. A start that
moves by months and not by days is the same in every process that loads the definitions.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache

import dagster as dg

from orchestration.ingestion import TenantDay
from orchestration.settings import Settings
from warehouse import clock

MOST_DAYS = 400
FEWEST_DAYS = 35  # a month and what Stripe still takes
MOST_KEYS = 100_000


def days_for(count: int) -> int:
    """How far back the partitions may begin with so many tenants or shards; the first month's other days are counted
    in.
    """
    return max(FEWEST_DAYS, min(MOST_DAYS, MOST_KEYS // max(count, 1) - 31))


def first_usage_date(today: date, days: int = MOST_DAYS) -> date:
    """The oldest usage date that has a partition, seen from `today` (UTC)."""
    return (today - timedelta(days=days)).replace(day=1)


tenants = dg.DynamicPartitionsDefinition(name="tenant")
shards = dg.DynamicPartitionsDefinition(name="shard")
usage_dates = dg.DailyPartitionsDefinition(
    start_date=first_usage_date(clock.today(), Settings.from_environment().ui_days or MOST_DAYS).isoformat()
)
tenant_days = dg.MultiPartitionsDefinition({"tenant": tenants, "usage_date": usage_dates})
shard_days = dg.MultiPartitionsDefinition({"shard": shards, "usage_date": usage_dates})


def read_key(key: str) -> tuple[str, date]:
    """The tenant or shard of a partition key, and the day: in the order of their names, and neither has a `|`."""
    tenant_or_shard, usage_date = key.split("|")
    return tenant_or_shard, date.fromisoformat(usage_date)


def tenant_day(key: str) -> TenantDay:
    """Read a key of a tenant's day."""
    return TenantDay(*read_key(key))


def key_of(tenant_or_shard: str, usage_date: date) -> str:
    """The partition key of a tenant's day, or of a shard's."""
    return str(dg.MultiPartitionKey({"tenant": tenant_or_shard, "usage_date": usage_date.isoformat()}))


RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end", "dagster/partition")
PLANNED_AT_ONCE = 5_000


class UnknownRequest(dg.DagsterError):
    """What a run was launched for is not known any more: nothing of it is pulled."""


def requested_keys(instance: dg.DagsterInstance, run: dg.DagsterRun, asset_key: dg.AssetKey) -> Sequence[str]:
    """The keys of an asset that a run was launched for, sorted.

    Dagster keeps only the two ends of a range with a run and expands them when it asks for `partition_keys`, over the
    tenants as they stand then: one that left is missing without a word, one that left and came back drags those added
    meanwhile in, or empties the range. What it planned at launch, key by key, is what was requested, and what the UI
    shows. A re-execution requests what its root did. Raises UnknownRequest.
    """
    root = instance.get_run_by_id(run.tags.get("dagster/root_run_id", run.run_id)) or run
    is_same_range = all(root.tags.get(tag) == run.tags.get(tag) for tag in RANGE_TAGS)
    keys = _planned(instance, root.run_id if is_same_range else run.run_id).get(asset_key)
    if not keys:
        raise UnknownRequest(
            f"Nothing is pulled: Dagster has no plan of which days of {asset_key.to_user_string()} this run was"
            " launched for. Launch a new backfill of them."
        )
    return sorted(keys)


@lru_cache(maxsize=1)  # a run is one process, with a step for each source
def _planned(instance: dg.DagsterInstance, run_id: str) -> Mapping[dg.AssetKey, set[str]]:
    keys: dict[dg.AssetKey, set[str]] = {}
    cursor = None
    while True:
        page = instance.get_records_for_run(
            run_id,
            cursor=cursor,
            of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
            limit=PLANNED_AT_ONCE,
        )
        for record in page.records:
            event = record.event_log_entry.dagster_event
            if event is not None and event.asset_key is not None and event.partition is not None:
                keys.setdefault(event.asset_key, set()).add(event.partition)
        if not page.has_more:
            return keys
        cursor = page.cursor
