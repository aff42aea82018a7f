"""After a build Metabase looks at the marts again, and says of each column what dbt says."""

from datetime import timedelta

import dagster as dg

from orchestration.defs.metabase.jobs import refresh_metabase
from orchestration.defs.runs import reason_to_wait
from orchestration.metabase import descriptions
from orchestration.metabase.client import NOT_CONFIGURED, MetabaseRefused, opened
from orchestration.metabase.documentation import documented
from orchestration.resources import Minutebook
from warehouse.words import counted

LAST_BUILT = dg.AssetKey(["marts", "dim_build"])
PAUSE_AFTER_A_FAILURE = timedelta(minutes=10)


@dg.sensor(
    name="refresh_metabase_after_builds",
    job=refresh_metabase,
    minimum_interval_seconds=120,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Refreshes Metabase after a build, and whenever it differs from dbt's documentation.",
)
def refresh_metabase_after_builds(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.RunRequest | dg.SkipReason:
    """Request one run when a build is newer than the last refresh, or Metabase and dbt differ (builds elsewhere)."""
    settings, instance = minutebook.settings, context.instance
    if not settings.metabase_url or not settings.metabase_api_key:
        return dg.SkipReason(NOT_CONFIGURED)
    if not_now := reason_to_wait(instance, refresh_metabase.name, PAUSE_AFTER_A_FAILURE):
        return dg.SkipReason(not_now)
    done = instance.get_run_records(
        dg.RunsFilter(job_name=refresh_metabase.name, statuses=[dg.DagsterRunStatus.SUCCESS]), limit=1
    )
    refreshed_at = (done[0].start_time if done else None) or 0.0
    built = instance.get_latest_materialization_event(LAST_BUILT)
    if built is not None and refreshed_at < built.timestamp:
        return dg.RunRequest(tags={"minutebook/because": "a build"})
    try:
        with opened(settings) as metabase:
            changes = descriptions.plan(metabase, documented())
    except MetabaseRefused as error:
        return dg.SkipReason(str(error))
    if changes:
        return dg.RunRequest(
            tags={"minutebook/because": f"{counted(len(changes), 'difference')} from dbt's documentation"}
        )
    return dg.SkipReason("Metabase knows the last build and says what dbt's documentation says.")
