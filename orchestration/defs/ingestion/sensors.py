"""Partitions that follow the tenants and the ledger, and days that are pulled again by themselves.

Each compares what should be with what is. A missed tick heals at the next.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import takewhile

import dagster as dg

from orchestration.dagster_internals.backfills import is_any_unfinished
from orchestration.defs.ingestion.jobs import pull_day_in_progress, pull_days_again
from orchestration.defs.ingestion.schedules import TRAILING_DAYS
from orchestration.defs.runs import UNFINISHED, reason_to_wait
from orchestration.ingestion import PullOutcome, PullState
from orchestration.ingestion.partitions import key_of, shards, tenants, usage_dates
from orchestration.ingestion.reporting import materialization, raw_key
from orchestration.ingestion.shard_days import materialization as shard_materialization
from orchestration.resources import Minutebook
from sources.registry import horizons
from warehouse import clock
from warehouse.control.shards import members, ordered
from warehouse.control.shards import shards as shards_of
from warehouse.database.connect import Role, connect
from warehouse.ingestion import retry_schedule, shard_days, today
from warehouse.marts import freshness
from warehouse.words import counted, moment

AT_ONCE = 1_000  # of a tick: each costs Dagster some milliseconds
PULLS_AT_ONCE = 20_000  # of a tick, where partitions are of shards
OVERLAP = timedelta(minutes=3)  # a pull is closed a little before its transaction ends
RUNS_REPORT_WITHIN = timedelta(minutes=1)


@dg.sensor(
    name="tenant_partitions_follow_tenants",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Keeps the partitions equal to the tenants that are active, or were within the trailing days; where"
    " partitions are of shards, to theirs.",
)
def tenant_partitions_follow_tenants(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.SensorResult | dg.SkipReason:
    """Add and remove partitions of tenants, or of shards.

    A tenant that has just been closed or paused keeps its partition for the trailing days: its last active day is
    pulled by the night after it. While a backfill or a partitioned run is queued or at work nothing is removed:
    Dagster could not make the runs that a backfill still lacks, nor execute one again. Tenants of a shard lie beside
    each other, so that a night is one run for each.
    """
    today = clock.today()
    settings = minutebook.settings
    dimension = shards if settings.has_shard_partitions else tenants
    present = context.instance.get_dynamic_partitions(dimension.name or "")
    with minutebook.database() as url, connect(url, Role.LOADER) as connection:
        active = set(freshness.tenants_active_between(connection, today - timedelta(days=TRAILING_DAYS), today))
        of = shards_of(connection, settings.shards)
    if settings.has_shard_partitions:
        active, of = set(members(active, of)), {}  # nothing has to lie beside another
    kept = [tenant for tenant in present if tenant in active]
    wanted = ordered([*kept, *sorted(active - set(present))], of)
    # Dagster adds at the end, so what is to lie in front of another is taken out and added again.
    stays = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(kept, wanted, strict=False))))
    added = wanted[stays:]
    removed = [tenant for tenant in present if tenant not in set(wanted[:stays])]
    if removed and _has_partitioned_runs(context.instance):
        context.log.info(f"Keeping the partitions of {', '.join(removed[:5])} … until the runs at work have ended.")
        added, removed = [tenant for tenant in wanted if tenant not in set(present)], []
    if not added and not removed:
        return dg.SkipReason(f"The {dimension.name} partitions are those of the active tenants: {len(present)}.")
    return dg.SensorResult(
        dynamic_partitions_requests=[
            *([dimension.build_delete_request(removed)] if removed else []),
            *([dimension.build_add_request(added)] if added else []),
        ]
    )


@dg.sensor(
    name="usage_partitions_follow_the_ledger",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports days as materialized that were published by the command line, a page or an event.",
)
def usage_partitions_follow_the_ledger(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.SensorResult | dg.SkipReason:
    """Report what is published in the ledger and not shown by the partitions, whoever published it.

    A run reports its own days by itself. Left over are those of a run that was killed in between, and those of tenants
    that it was not launched for and that share an account with one it was.
    From the cursor on, each pull is compared, so that a tick costs as much as was published since the last one. Without
    a cursor every published day in reach of the partitions is.
    """
    if minutebook.settings.has_shard_partitions:
        return _report_shard_days(context, minutebook)
    compared_until = (clock.now() - OVERLAP).isoformat()
    since = _since(context.cursor, "")
    missing = _not_shown(context.instance, _published(context, minutebook, since), since)
    if not missing:
        context.update_cursor(compared_until)
        return dg.SkipReason("The partitions show every published day.")
    return dg.SensorResult(
        asset_events=[materialization(outcome) for outcome in missing[:AT_ONCE]],
        cursor=compared_until if len(missing) <= AT_ONCE else context.cursor,
    )


@dg.sensor(
    name="pull_days_again_when_due",
    job=pull_days_again,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests a pull of days that are incomplete, failed for a passing reason, or were never pulled.",
)
def pull_days_again_when_due(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.RunRequest | dg.SkipReason:
    """Request one run when a day is due; never while one is queued or at work, nor before the first night.

    So what was set up by hand, or to be looked at, asks no provider of its own accord.
    """
    now = clock.now()
    with minutebook.database() as url, connect(url, Role.LOADER) as connection:
        if not retry_schedule.a_schedule_pulls(connection):
            return dg.SkipReason("No night has pulled yet; until then: minutebook pull again.")
        days = retry_schedule.account_days(connection, now, horizons())
    waiting = [day for day in days if day.due_at <= now]
    if not waiting:
        until = f"; the next of {len(days)} at {moment(days[0].due_at)}" if days else ""
        return dg.SkipReason(f"No day is due{until}.")
    if not_now := reason_to_wait(context.instance, pull_days_again.name):
        return dg.SkipReason(f"Due: {counted(len(waiting), 'day')}. {not_now}")
    because = sorted({f"{day.status} {day.key.source}" for day in waiting})
    return dg.RunRequest(tags={"minutebook/because": f"{counted(len(waiting), 'day')}: {', '.join(because)}"[:250]})


@dg.sensor(
    name="pull_day_in_progress_when_due",
    job=pull_day_in_progress,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests a reading of the day in progress, as often as its tenants chose.",
)
def pull_day_in_progress_when_due(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.RunRequest | dg.SkipReason:
    """Request one run when an account is due; never while one is queued or at work."""
    with minutebook.database() as url, connect(url, Role.LOADER) as connection:
        due = today.due(connection, clock.today())
    if not due:
        return dg.SkipReason("No account's day in progress is due.")
    if not_now := reason_to_wait(context.instance, pull_day_in_progress.name):
        return dg.SkipReason(f"Due: {counted(len(due), 'account')}. {not_now}")
    return dg.RunRequest(tags={"minutebook/because": f"{counted(len(due), 'account')} due today"})


def _report_shard_days(context: dg.SensorEvaluationContext, minutebook: Minutebook) -> dg.SensorResult | dg.SkipReason:
    """Report shards' days on which something was published and nothing is lacking now.

    Without a cursor, or with one of tenants' partitions, all pulls are gone through, some at a tick, as they were
    published.
    """
    compared_until = clock.now() - OVERLAP
    since = _since(context.cursor, shards.name or "")
    present = set(context.instance.get_dynamic_partitions(shards.name or ""))
    with minutebook.database() as url, connect(url, Role.LOADER) as connection:
        of = shards_of(connection, minutebook.settings.shards)
        of = {tenant: shard for tenant, shard in of.items() if shard in present}
        end = shard_days.end_of_a_block(connection, since, PULLS_AT_ONCE)
        days = shard_days.published_between(connection, of, usage_dates.start.date(), since, end)
        found = [day for day in shard_days.standings(connection, of, days) if day.is_whole and day.pull_id is not None]
    keys: dict[str, list[str]] = {}
    for day in found:
        keys.setdefault(day.source, []).append(key_of(day.shard, day.usage_date))
    shown = {source: _pulls_shown(context.instance, source, of_source, since) for source, of_source in keys.items()}
    missing = [day for day in found if (key_of(day.shard, day.usage_date), day.pull_id) not in shown[day.source]]
    cursor = f"{shards.name} {(end or compared_until).isoformat()}"
    if not missing:
        context.update_cursor(cursor)
        return dg.SkipReason("The partitions show every published day.")
    return dg.SensorResult(
        asset_events=[shard_materialization(day) for day in missing[:AT_ONCE]],
        cursor=cursor if len(missing) <= AT_ONCE else context.cursor,
    )


def _since(cursor: str | None, of: str) -> datetime | None:
    """The moment of a cursor; None without one, or after partitions of the other kind."""
    kind, _, at = (cursor or "").rpartition(" ")
    return datetime.fromisoformat(at) if at and kind == of else None


def _has_partitioned_runs(instance: dg.DagsterInstance) -> bool:
    partition_tags = {"dagster/partition", "dagster/asset_partition_range_start"}
    return is_any_unfinished(instance) or any(
        partition_tags & set(run.tags) for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    )


def _published(
    context: dg.SensorEvaluationContext, minutebook: Minutebook, since: datetime | None
) -> list[PullOutcome]:
    """The tenant-days that have a partition and were published since."""
    partitioned = context.instance.get_dynamic_partitions(tenants.name or "")
    before = clock.now() - RUNS_REPORT_WITHIN
    with minutebook.database() as url, connect(url, Role.LOADER) as connection:
        found = freshness.published_tenant_days(connection, list(partitioned), usage_dates.start.date(), since, before)
    return [PullOutcome(state=PullState.PUBLISHED, **asdict(day)) for day in found]


def _not_shown(instance: dg.DagsterInstance, published: list[PullOutcome], since: datetime | None) -> list[PullOutcome]:
    """Those whose pull no partition shows; without a moment to begin at, those whose day none shows."""
    keys: dict[str, list[str]] = {}
    for one in published:
        keys.setdefault(one.source, []).append(_key(one))
    if since is None:
        days = {source: instance.get_materialized_partitions(raw_key(source)) for source in keys}
        return [one for one in published if _key(one) not in days[one.source]]
    pulls = {source: _pulls_shown(instance, source, of_source, since) for source, of_source in keys.items()}
    return [one for one in published if (_key(one), one.pull_id) not in pulls[one.source]]


def _pulls_shown(
    instance: dg.DagsterInstance, source: str, keys: list[str], since: datetime | None
) -> set[tuple[str | None, object]]:
    """Partition and pull of each materialization of these partitions that was reported since, if a moment is given."""
    found: set[tuple[str | None, object]] = set()
    for start in range(0, len(keys), AT_ONCE):
        of_keys = dg.AssetRecordsFilter(
            raw_key(source),
            asset_partitions=keys[start : start + AT_ONCE],
            after_timestamp=since.timestamp() if since else None,
        )
        page = instance.fetch_materializations(of_keys, limit=AT_ONCE)
        while True:
            for record in page.records:
                event = record.asset_materialization
                pull_id = event.metadata.get("pull_id") if event else None
                found.add((record.partition_key, pull_id.value if pull_id else None))
            if not page.has_more:
                break
            page = instance.fetch_materializations(of_keys, limit=AT_ONCE, cursor=page.cursor)
    return found


def _key(outcome: PullOutcome) -> str:
    return key_of(outcome.tenant_id or "", outcome.usage_date)
