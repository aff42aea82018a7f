"""Sensors compare what should be with what is, on Dagster's own records and a real database."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from orchestration.defs.ingestion.sensors import tenant_partitions_follow_tenants
from orchestration.defs.marts.jobs import build_marts
from orchestration.defs.marts.sensors import build_marts_when_behind
from orchestration.resources import Minutebook

TODAY = datetime.now(UTC).date()
LONG_AGO = date(2025, 1, 1)


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def onboard(database: psycopg.Connection, tenant_id: str, *statuses: tuple[date, str]) -> None:
    database.execute(
        "insert into control.tenants (tenant_id, name, currency) values (%s, %s, 'USD')", (tenant_id, tenant_id)
    )
    for valid_from, status in statuses:
        database.execute("insert into control.tenant_statuses values (%s, %s, %s)", (tenant_id, valid_from, status))


def follow(instance: dg.DagsterInstance, dimension: str = "tenant") -> list[str]:
    """One tick, its partition requests carried out as the daemon does; the partitions then."""
    with dg.build_sensor_context(instance=instance, resources={"minutebook": Minutebook()}) as context:
        answer = tenant_partitions_follow_tenants(context)
    for request in getattr(answer, "dynamic_partitions_requests", None) or []:
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        else:
            for key in request.partition_keys:
                instance.delete_dynamic_partition(request.partitions_def_name, key)
    return list(instance.get_dynamic_partitions(dimension))


def decide(instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    with dg.build_sensor_context(instance=instance, resources={"minutebook": Minutebook()}) as context:
        answer = build_marts_when_behind(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


def pretend_the_marts_are_built(database: psycopg.Connection, as_of: date = TODAY) -> None:
    """The two relations a build leaves behind, as far as the sensor reads them."""
    database.execute("create table marts.fct_line_balances ()")
    database.execute("create table marts.fct_pulls_built as select pull_id from ledger.pulls where state = 'published'")
    database.execute(
        "create table marts.dim_build as select revision as control_revision, %s::date as as_of from control.revision",
        (as_of,),
    )
    database.execute("grant select on all tables in schema marts to minutebook_transformer")


def publish(database: psycopg.Connection, tenant_id: str) -> None:
    database.execute(
        "with attempt as (insert into ledger.attempts (trigger) values ('cli') returning attempt_id)"
        " insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date, state, row_count, closed_at)"
        " select attempt_id, 'vapi', %(tenant)s, %(tenant)s, current_date - 1, 'published', 0, now() from attempt",
        {"tenant": tenant_id},
    )


def test_partitions_are_added_for_active_tenants_only(
    database: psycopg.Connection, instance: dg.DagsterInstance
) -> None:
    onboard(database, "acme", (LONG_AGO, "active"))
    onboard(database, "later", (TODAY + timedelta(days=2), "active"))
    onboard(database, "gone", (LONG_AGO, "active"), (LONG_AGO + timedelta(days=30), "closed"))
    onboard(database, "resting", (LONG_AGO, "active"), (LONG_AGO + timedelta(days=30), "paused"))
    onboard(database, "bare")
    assert follow(instance) == ["acme"]


def test_a_tenant_closed_yesterday_keeps_its_partition_until_its_last_day_is_past_the_trailing_days(
    database: psycopg.Connection, instance: dg.DagsterInstance
) -> None:
    onboard(database, "leaving", (LONG_AGO, "active"), (TODAY - timedelta(days=1), "closed"))
    onboard(database, "left", (LONG_AGO, "active"), (TODAY - timedelta(days=3), "closed"))
    instance.add_dynamic_partitions("tenant", ["left"])
    assert follow(instance) == ["leaving"]


def test_nothing_is_removed_while_a_partitioned_run_is_queued(
    database: psycopg.Connection, instance: dg.DagsterInstance
) -> None:
    instance.add_dynamic_partitions("tenant", ["left"])
    run = dg.DagsterRun(
        job_name="pull_usage",
        status=dg.DagsterRunStatus.NOT_STARTED,
        tags={"dagster/asset_partition_range_start": "left|2026-10-01"},
    )
    instance.add_run(run)
    assert follow(instance) == ["left"]
    instance.report_run_canceled(run)
    assert follow(instance) == []


def test_a_second_tick_has_nothing_to_do(database: psycopg.Connection, instance: dg.DagsterInstance) -> None:
    onboard(database, "acme", (LONG_AGO, "active"))
    follow(instance)
    with dg.build_sensor_context(instance=instance, resources={"minutebook": Minutebook()}) as context:
        assert isinstance(tenant_partitions_follow_tenants(context), dg.SkipReason)


def test_marts_that_were_never_built_are_built(database: psycopg.Connection, instance: dg.DagsterInstance) -> None:
    assert isinstance(decide(instance), dg.RunRequest)


def test_marts_that_lack_nothing_are_left_alone(database: psycopg.Connection, instance: dg.DagsterInstance) -> None:
    onboard(database, "acme", (LONG_AGO, "active"))
    publish(database, "acme")
    pretend_the_marts_are_built(database)
    assert isinstance(decide(instance), dg.SkipReason)


def test_a_published_pull_is_built(database: psycopg.Connection, instance: dg.DagsterInstance) -> None:
    onboard(database, "acme", (LONG_AGO, "active"))
    pretend_the_marts_are_built(database)
    publish(database, "acme")
    request = decide(instance)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["minutebook/because"] == "1 pull"


def test_changed_control_data_is_built(database: psycopg.Connection, instance: dg.DagsterInstance) -> None:
    pretend_the_marts_are_built(database)
    onboard(database, "acme", (LONG_AGO, "active"))
    request = decide(instance)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["minutebook/because"] == "changed control data"


def test_a_new_day_is_built(database: psycopg.Connection, instance: dg.DagsterInstance) -> None:
    pretend_the_marts_are_built(database, TODAY - timedelta(days=1))
    request = decide(instance)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["minutebook/because"] == "today"


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_one_build_at_a_time_is_asked_for(
    database: psycopg.Connection, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    instance.add_run(dg.DagsterRun(job_name=build_marts.name, status=status))
    assert isinstance(decide(instance), dg.SkipReason)


def test_a_failed_build_is_not_repeated_at_every_tick(
    database: psycopg.Connection, instance: dg.DagsterInstance
) -> None:
    run = dg.DagsterRun(job_name=build_marts.name, status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    instance.report_run_failed(run)
    answer = decide(instance)
    assert isinstance(answer, dg.SkipReason)
    assert "failed" in (answer.skip_message or "")
