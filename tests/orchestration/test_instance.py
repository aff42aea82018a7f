"""Dagster's own storage lives in the warehouse's server, and writes there; its queue lets the night through."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.run_coordinator import SubmitRunContext
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from orchestration.dagster_internals.home import environment
from orchestration.dagster_internals.run_queue import FIRST_IN_THE_QUEUE
from orchestration.dagster_internals.storage import storage_url
from orchestration.defs.ingestion.assets import raw_tables
from orchestration.ingestion import waiting
from tests.orchestration import location


def test_an_event_is_written_to_postgres_storage(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(database_url, tmp_path).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(["raw_vapi", "calls"], partition="acme|2026-10-01"))
        instance.add_dynamic_partitions("tenant", ["acme"])
        assert instance.get_materialized_partitions(dg.AssetKey(["raw_vapi", "calls"])) == {"acme|2026-10-01"}
    with psycopg.connect(database_url) as connection:
        (events,) = connection.execute("select count(*) from dagster.event_logs").fetchone() or (0,)
        found = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()
    assert events == 1
    assert (found or (1,))[0] == 0


@pytest.fixture
def real(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance as `dagster.yaml` describes it, with its records in Postgres."""
    for name, value in environment(database_url, tmp_path).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        yield instance


def test_events_share_a_connection_and_survive_its_end(real: dg.DagsterInstance, database_url: str) -> None:
    ours = "select pid from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()"
    event = dg.AssetMaterialization(["raw_vapi", "calls"], partition="acme|2026-10-01")
    held = []
    with psycopg.connect(database_url, autocommit=True) as owner:
        for is_cut in (False, True, False):
            real.report_runless_asset_event(event)
            held.append({pid for (pid,) in owner.execute(ours)})
            if is_cut:
                owner.execute("select pg_terminate_backend(pid, 5000) from unnest(%s::int []) as pid", [[*held[-1]]])
        (events,) = owner.execute("select count(*) from dagster.event_logs").fetchone() or (0,)
    first, second, third = held
    assert first & second
    assert third - second
    assert events == 3


def test_what_a_pull_says_while_it_works_is_in_the_log_of_its_run(real: dg.DagsterInstance) -> None:
    @dg.op
    def pulls() -> None:
        waiting.log.info("waiting for 3 account-days")

    @dg.job
    def night() -> None:
        pulls()

    run = night.execute_in_process(instance=real)
    assert "waiting for 3 account-days" in {record.user_message for record in real.all_logs(run.run_id)}


PLANNED = """
select array_agg(format('%s %s', e.asset_key, e.partition) order by 1, e.id), count(distinct e.xmin::text),
    (select count(*) from dagster.asset_event_tags), (select array_agg(asset_key order by asset_key)
    from dagster.asset_keys where last_run_id is not null)
from dagster.event_logs as e where e.dagster_event_type = 'ASSET_MATERIALIZATION_PLANNED'
"""


def test_what_a_run_plans_is_written_at_once_and_says_what_it_says_one_by_one(
    real: dg.DagsterInstance, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real.add_dynamic_partitions("tenant", ["acme", "bolt"])
    ends = {"start": "acme|2026-10-01", "end": "bolt|2026-10-03"}
    tags = {f"dagster/asset_partition_range_{end}": key for end, key in ends.items()}
    planned = []
    with psycopg.connect(database_url, autocommit=True) as owner:
        for at_once in (None, "0"):
            if at_once is not None:
                monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", at_once)
            real.create_run_for_job(location.defs.resolve_job_def("pull_usage"), tags=tags)
            planned.append(owner.execute(PLANNED).fetchone() or ())
            owner.execute("truncate dagster.event_logs, dagster.asset_event_tags, dagster.asset_keys")
    (keys, transactions, *rest), (keys_one_by_one, transactions_one_by_one, *rest_one_by_one) = planned
    assert len(keys) == len(raw_tables) * 2 * 3
    assert sorted(keys) == sorted(keys_one_by_one)
    assert rest == rest_one_by_one
    assert (transactions, transactions_one_by_one) == (1, len(keys))


def test_a_pool_has_one_run_at_a_time(real: dg.DagsterInstance) -> None:
    pools = real.get_concurrency_config().pool_config
    assert pools.default_pool_limit == 1
    assert real.run_retries_enabled
    assert not real.run_retries_max_retries > 2


def submitted(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    """A pull of a range in the queue, submitted as backfills, people and schedules submit it."""
    ends = {f"dagster/asset_partition_range_{end}": "acme|2026-10-01" for end in ("start", "end")}
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("minutebook"), "__repository__")
    run = instance.create_run_for_job(
        location.defs.resolve_job_def("pull_usage"),
        tags={**ends, **tags},
        remote_job_origin=RemoteJobOrigin(repository, "pull_usage"),
    )
    instance.run_coordinator.submit_run(SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]
    return run.run_id


def launched(instance: dg.DagsterInstance) -> list[str]:
    """What Dagster's daemon launches next by this instance's settings, in its order; it is marked as at work."""
    with QueuedRunCoordinatorDaemon(interval_seconds=1) as daemon:
        runs = daemon._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None)
    for run in runs:
        instance.run_storage.handle_run_event(
            run.run_id, dg.DagsterEvent("PIPELINE_START", run.job_name), datetime.now(UTC)
        )
    return [run.run_id for run in runs]


def test_a_year_of_backfills_leaves_the_night_and_a_single_day_their_slots(real: dg.DagsterInstance) -> None:
    real.add_dynamic_partitions("tenant", ["acme"])
    backfills = [submitted(real, {"dagster/backfill": f"year-{n}"}) for n in range(12)]
    assert launched(real) == backfills[:1]
    again = [submitted(real, {"dagster/root_run_id": backfills[0]}) for _ in range(12)]
    assert launched(real) == again[:1]
    night = submitted(real, {"dagster/schedule_name": "pull_usage_nightly", **FIRST_IN_THE_QUEUE})
    assert launched(real) == [night]
    assert launched(real) == []


def test_the_night_goes_before_what_was_queued_before_it(real: dg.DagsterInstance) -> None:
    real.add_dynamic_partitions("tenant", ["acme"])
    backfill = submitted(real, {"dagster/backfill": "year"})
    day = submitted(real, {})
    night = submitted(real, {"dagster/schedule_name": "pull_usage_nightly", **FIRST_IN_THE_QUEUE})
    assert launched(real) == [night, backfill, day]


def test_no_pool_makes_the_night_wait_inside_its_run_for_a_backfill() -> None:
    assert {asset.op.pool for asset in raw_tables} == {None}


def test_the_password_survives_the_way_into_the_storage_url() -> None:
    url = storage_url("postgresql://me:p%40ss%2Fword@db.example:6543/books?options=-cstatement_timeout%3D5s")
    assert url == (
        "postgresql+psycopg2://me:p%40ss%2Fword@db.example:6543/books"
        "?options=-cstatement_timeout%3D5s%20-csearch_path%3Ddagster"
    )
