"""The night: at 03:00 UTC yesterday and the days before it that providers may still restate, all tenants, in one
run."""

from datetime import UTC, timedelta

import dagster as dg

from orchestration.dagster_internals.run_queue import FIRST_IN_THE_QUEUE
from orchestration.defs.ingestion.jobs import pull_usage, purge_raw
from orchestration.ingestion.partitions import key_of, tenants
from sources.source import NIGHT_DAYS

TRAILING_DAYS = NIGHT_DAYS  # a source that is final later declares its look-back


@dg.schedule(
    job=pull_usage,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=f"03:00 UTC: the last {TRAILING_DAYS} days of every tenant partition, as one run.",
)
def pull_usage_nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run over the rectangle of tenants × trailing days.

    It covers the tenant partitions as they stand now, in the order they were added; one added later waits for
    the next night.
    """
    today = context.scheduled_execution_time.astimezone(UTC).date()
    keys = context.instance.get_dynamic_partitions(tenants.name or "")
    if not keys:
        return dg.SkipReason(
            "There is no tenant partition yet: no tenant is active, or the tenants sensor has not run."
        )
    first, last = today - timedelta(days=TRAILING_DAYS), today - timedelta(days=1)
    return dg.RunRequest(
        run_key=f"night-of-{today}",
        tags={
            **FIRST_IN_THE_QUEUE,
            "dagster/asset_partition_range_start": key_of(keys[0], first),
            "dagster/asset_partition_range_end": key_of(keys[-1], last),
            "minutebook/usage_dates": f"{first} to {last}",
        },
    )


purge_raw_daily = dg.ScheduleDefinition(
    job=purge_raw,
    cron_schedule="45 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    name="purge_raw_daily",
)
