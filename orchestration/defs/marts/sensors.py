"""Sensors compare what should be with what is, and decide; runs do. None keeps a cursor: a missed tick heals at the
next."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

from orchestration.alerts.delivery import deliver, delivery
from orchestration.defs.ingestion.schedules import TRAILING_DAYS
from orchestration.defs.marts.jobs import build_marts
from orchestration.ingestion.partitions import tenants
from orchestration.resources import Minutebook
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.database.queries import load
from warehouse.statements import quotas
from warehouse.statements.freshness import MartsBehind, require_built

QUERIES = load("statements/freshness")
PAUSE_AFTER_A_FAILED_BUILD = timedelta(minutes=10)
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.sensor(
    name="tenant_partitions_follow_tenants",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Keeps the tenant partitions equal to the tenants that are active, or were within the trailing days.",
)
def tenant_partitions_follow_tenants(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.SensorResult | dg.SkipReason:
    """Add and remove tenant partitions.

    A tenant that has just been closed or paused keeps its partition for the trailing days: its last active day is
    pulled by the night after it. While a backfill or a partitioned run is asked for or at work nothing is removed:
    Dagster could not make the runs that a backfill still lacks, nor execute one again.
    """
    today = clock.today()
    present = context.instance.get_dynamic_partitions(tenants.name or "")
    wanted = _active_tenants(minutebook, today - timedelta(days=TRAILING_DAYS), today)
    added = [tenant for tenant in wanted if tenant not in set(present)]
    removed = [tenant for tenant in present if tenant not in set(wanted)]
    if removed and _has_partitioned_runs(context.instance):
        context.log.info(f"Keeping the partitions of {', '.join(removed)} until the runs at work have ended.")
        removed = []
    if not added and not removed:
        return dg.SkipReason(f"The {len(present)} tenant partitions are the active tenants.")
    return dg.SensorResult(
        dynamic_partitions_requests=[
            *([tenants.build_add_request(added)] if added else []),
            *([tenants.build_delete_request(removed)] if removed else []),
        ]
    )


@dg.sensor(
    name="build_marts_when_they_lack_something",
    job=build_marts,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds the marts when a current pull is not in them, control data changed, or a new day began.",
)
def build_marts_when_they_lack_something(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.RunRequest | dg.SkipReason:
    """Ask for one build when the marts lack something; never while one is queued or at work."""
    lacking = list(_what_the_marts_lack(minutebook, clock.today()))
    if not lacking:
        return dg.SkipReason("The marts hold every current pull, today's date and the control data as it stands.")
    if because := held_back(context.instance, build_marts.name, PAUSE_AFTER_A_FAILED_BUILD):
        return dg.SkipReason(f"{because} Lacking: {', '.join(lacking)}.")
    return dg.RunRequest(tags={"minutebook/because": ", ".join(lacking)})


@dg.sensor(
    name="alert_on_quotas",
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells of tenants at 50, 80 and 100 % of an allowance or spend limit, once per crossing.",
)
def alert_on_quotas(context: dg.SensorEvaluationContext, minutebook: Minutebook) -> dg.SkipReason:
    """Level-triggered: what was missed at one tick is made up at the next. It starts no run."""
    with minutebook.database() as url, connect(url, Role.OPERATOR, actor="alert_on_quotas") as connection:
        try:
            require_built(connection)
        except MartsBehind:
            return dg.SkipReason("The marts are not built yet.")
        found = quotas.record(connection, clock.today())
        connection.commit()
        done, failed = deliver(connection, delivery(minutebook.settings.alert_webhook_url))
    for alert in done:
        context.log.info(str(alert))
    if failed:
        context.log.error("; ".join(failed))
    return dg.SkipReason(f"{found} crossings recorded, {len(done)} delivered, {len(failed)} to be tried again.")


def held_back(instance: dg.DagsterInstance, job: str, pause: timedelta | None = None) -> str | None:
    """Why no run of a job is asked for now: one is queued or at work, or the last failed less than a pause ago."""
    if instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNFINISHED), limit=1):
        return f"A run of {job} is at work already."
    last = instance.get_run_records(dg.RunsFilter(job_name=job), limit=1) if pause else []
    if pause and last and last[0].dagster_run.status == dg.DagsterRunStatus.FAILURE and last[0].end_time is not None:
        again = datetime.fromtimestamp(last[0].end_time, UTC) + pause
        if clock.now() < again:
            return f"The last run of {job} failed; trying again at {again:%H:%M:%S} UTC."
    return None


def _active_tenants(minutebook: Minutebook, first_day: date, last_day: date) -> list[str]:
    with minutebook.database() as url, connect(url, Role.LOADER) as connection:
        rows = connection.execute(QUERIES["tenants_active_between"], {"first_day": first_day, "last_day": last_day})
        return [row[0] for row in rows]


def _what_the_marts_lack(minutebook: Minutebook, today: date) -> Iterator[str]:
    with minutebook.database() as url, connect(url, Role.TRANSFORMER) as connection:
        built = connection.execute(QUERIES["marts_are_built"]).fetchone()
        if built is None or not built[0]:
            yield "everything"
            return
        row = connection.execute(QUERIES["what_the_marts_lack"], {"today": today}).fetchone()
    if row is not None:
        pulls, is_control_newer, is_day_newer = row
        if pulls:
            yield f"{pulls} pulls"
        if is_control_newer:
            yield "changed control data"
        if is_day_newer:
            yield "today"


def _has_partitioned_runs(instance: dg.DagsterInstance) -> bool:
    partition_tags = {"dagster/partition", "dagster/asset_partition_range_start"}
    backfills = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING])
    return bool(instance.get_backfills(filters=backfills, limit=1)) or any(
        partition_tags & set(run.tags) for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    )
