"""The night: at 03:00 UTC yesterday and the days before it that providers may still restate, in one run for each shard
of tenants."""

from datetime import UTC, timedelta

import dagster as dg

from orchestration.dagster_internals.run_queue import FIRST_IN_THE_QUEUE
from orchestration.defs.ingestion.assets import NIGHT, SHARD
from orchestration.defs.ingestion.jobs import pull_usage, purge_raw
from orchestration.ingestion.partitions import key_of, tenants
from orchestration.resources import Minutebook
from sources.source import NIGHT_DAYS
from warehouse.control.shards import segments, shards
from warehouse.database.connect import Role, connect

TRAILING_DAYS = NIGHT_DAYS  # a source that is final later declares its look-back


@dg.schedule(
    job=pull_usage,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=f"03:00 UTC: the last {TRAILING_DAYS} days of every tenant partition, a run for each shard.",
)
def pull_usage_nightly(
    context: dg.ScheduleEvaluationContext, minutebook: Minutebook
) -> list[dg.RunRequest] | dg.SkipReason:
    """A run for each shard over the rectangle of its tenants × trailing days.

    Together they cover the tenant partitions as they stand now, in their order; one added later waits for the next
    night. Tenants of a shard that do not lie beside each other, as until the sensor has put them in order, are runs of
    their own.
    """
    today = context.scheduled_execution_time.astimezone(UTC).date()
    keys = context.instance.get_dynamic_partitions(tenants.name or "")
    if not keys:
        return dg.SkipReason(
            "There is no tenant partition yet: no tenant is active, or the tenants sensor has not run."
        )
    settings = minutebook.settings
    with minutebook.database() as url, connect(url, Role.LOADER) as connection:
        found = segments(keys, shards(connection, settings.shards))
    first, last = today - timedelta(days=TRAILING_DAYS), today - timedelta(days=1)
    return [
        dg.RunRequest(
            run_key=f"night-of-{today}" if len(found) == 1 else f"night-of-{today}-from-{one.first}",
            tags={
                **FIRST_IN_THE_QUEUE,
                **settings.shard_tags.get(one.shard, {}),
                NIGHT: today.isoformat(),
                SHARD: one.shard,
                "dagster/asset_partition_range_start": key_of(one.first, first),
                "dagster/asset_partition_range_end": key_of(one.last, last),
                "minutebook/usage_dates": f"{first} to {last}",
            },
        )
        for one in found
    ]


purge_raw_daily = dg.ScheduleDefinition(
    job=purge_raw,
    cron_schedule="45 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    name="purge_raw_daily",
)
