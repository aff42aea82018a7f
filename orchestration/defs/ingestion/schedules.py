"""The night: at 03:00 UTC yesterday and the days before it that providers may still restate, in one run for each shard
of tenants."""

from datetime import UTC, date, timedelta

import dagster as dg

from orchestration.dagster_internals.run_queue import FIRST_IN_THE_QUEUE
from orchestration.defs.ingestion.assets import NIGHT, SHARD
from orchestration.defs.ingestion.jobs import pull_usage, purge_raw
from orchestration.ingestion.partitions import key_of, shards, tenants
from orchestration.resources import Minutebook
from orchestration.settings import Settings
from sources.source import NIGHT_DAYS
from warehouse.control.shards import members, segments
from warehouse.control.shards import shards as shards_of
from warehouse.database.connect import Role, connect
from warehouse.marts.freshness import tenants_active_between

TRAILING_DAYS = NIGHT_DAYS  # a source that is final later declares its look-back


@dg.schedule(
    job=pull_usage,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=f"03:00 UTC: the last {TRAILING_DAYS} days of every tenant, a run for each shard.",
)
def pull_usage_nightly(
    context: dg.ScheduleEvaluationContext, minutebook: Minutebook
) -> list[dg.RunRequest] | dg.SkipReason:
    """A run for each shard over the rectangle of its tenants × trailing days, or over its own where partitions are of
    shards.

    Together they cover the tenant partitions as they stand now, in their order; one added later waits for the next
    night. Tenants of a shard that do not lie beside each other, as until the sensor has put them in order, are runs of
    their own.
    """
    today = context.scheduled_execution_time.astimezone(UTC).date()
    settings = minutebook.settings
    if settings.has_shard_partitions:
        return _runs_of_shards(context.instance, minutebook, today)
    keys = context.instance.get_dynamic_partitions(tenants.name or "")
    if not keys:
        return dg.SkipReason(
            "There is no tenant partition yet: no tenant is active, or the tenants sensor has not run."
        )
    with minutebook.database() as url, connect(url, Role.LOADER) as connection:
        found = segments(keys, shards_of(connection, settings.shards))
    return [
        dg.RunRequest(
            run_key=f"night-of-{today}" if len(found) == 1 else f"night-of-{today}-from-{one.first}",
            tags=_tags(settings, today, one.shard, one.first, one.last),
        )
        for one in found
    ]


def _runs_of_shards(
    instance: dg.DagsterInstance, minutebook: Minutebook, today: date
) -> list[dg.RunRequest] | dg.SkipReason:
    """A run for each shard of an active tenant, which is told its tenants: whoever moves meanwhile is in exactly one.

    A shard that is new since the sensor's last tick is made a partition here, so that nobody waits for the next night.
    """
    settings = minutebook.settings
    with minutebook.database() as url, connect(url, Role.LOADER) as connection:
        active = tenants_active_between(connection, today - timedelta(days=TRAILING_DAYS), today)
        of = shards_of(connection, settings.shards)
    found = members(active, of)
    if not found:
        return dg.SkipReason("No tenant is active.")
    instance.add_dynamic_partitions(shards.name or "", list(found))
    return [
        dg.RunRequest(
            run_key=f"night-of-{today}-of-{shard}",
            run_config={"resources": {"launched_for": {"config": {"tenants": chosen}}}},
            tags=_tags(settings, today, shard, shard, shard),
        )
        for shard, chosen in found.items()
    ]


def _tags(settings: Settings, today: date, shard: str, first: str, last: str) -> dict[str, str]:
    """Of the run over the trailing days of partitions that lie between two."""
    since, until = today - timedelta(days=TRAILING_DAYS), today - timedelta(days=1)
    return {
        **FIRST_IN_THE_QUEUE,
        **settings.shard_tags.get(shard, {}),
        NIGHT: today.isoformat(),
        SHARD: shard,
        "dagster/asset_partition_range_start": key_of(first, since),
        "dagster/asset_partition_range_end": key_of(last, until),
        "minutebook/usage_dates": f"{since} to {until}",
    }


purge_raw_daily = dg.ScheduleDefinition(
    job=purge_raw,
    cron_schedule="45 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    name="purge_raw_daily",
)
