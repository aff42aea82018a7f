"""Partitions of shards: a night reads and publishes what it does by tenant, the UI shows a shard's day as materialized
once all its tenants' days are published, and one tenant's days can be asked for by either scheme.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import _loggers
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from orchestration.dagster_internals import run_logs
from orchestration.dagster_internals.run_queue import BY_HAND, LANE
from orchestration.defs.ingestion import sensors
from orchestration.defs.ingestion.assets import raw_usage
from orchestration.defs.ingestion.jobs import pull_tenant
from orchestration.ingestion.partitions import key_of, shard_days, tenant_days
from orchestration.operations import logs
from orchestration.resources import LaunchedFor, Minutebook
from orchestration.settings import Settings, SettingsError
from sources.registry import source_named
from tests.ingestion.house import House, call
from tests.ingestion.test_ingest_runs import range_tags
from tests.ingestion.test_shards import DAYS, kept, night, shard
from tests.marts.warehouse_of_one import opened
from tests.orchestration.test_materializations import Daemon
from tests.orchestration.test_sensors import follow
from warehouse import clock

__all__ = ["kept"]  # a fixture
CALLS = dg.AssetKey(["raw_vapi", "calls"])
TENANTS = ("acme", "beta", "gamma")
READ_ONCE = Counter((tenant, day) for tenant in TENANTS for day in DAYS)


@pytest.fixture
def scheme(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What partitions are of; shards, where a test does not say."""
    said: str = getattr(request, "param", "shard")
    monkeypatch.setenv("MINUTEBOOK_PARTITIONS", said)
    return said


@pytest.fixture
def three(house: House, scheme: str) -> House:
    """acme and beta share a shard, gamma has one of its own; each has an account with a call a day."""
    for tenant in TENANTS:
        house.tenant(tenant)
        house.own_vapi(tenant, calls_of(tenant))
    shard("gamma", "large")
    return house


def calls_of(tenant: str) -> list[dict[str, Any]]:
    return [call(f"{tenant}-{day}", day) for day in DAYS]


def jobs(name: str = "pull_usage") -> dg.JobDefinition:
    """The pull of one source alone."""
    asset = raw_usage(source_named("vapi"))
    of_all = dg.define_asset_job("pull_usage", dg.AssetSelection.assets(asset))
    resources = {"minutebook": Minutebook(), "launched_for": LaunchedFor()}
    defs = dg.Definitions([asset], jobs=[of_all, pull_tenant], resources=resources, executor=dg.in_process_executor)
    return defs.resolve_job_def(name)


def run(
    instance: dg.DagsterInstance, request: dg.RunRequest, tags: dict[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    """What the schedule requested, as the daemon launches it."""
    tags = {**request.tags, "dagster/schedule_name": "pull_usage_nightly", **(tags or {})}
    return jobs().execute_in_process(
        instance=instance, raise_on_error=False, tags=tags, run_config=dict(request.run_config)
    )


def run_night(instance: dg.DagsterInstance) -> dict[str, bool]:
    """Whether each shard's run ended well."""
    follow(instance)
    return {request.tags["minutebook/shard"]: run(instance, request).success for request in night(instance)}


def pull_range(instance: dg.DagsterInstance, **config: object) -> dg.ExecuteInProcessResult:
    ops = {"pull_days_of_tenant": {"config": config}}
    return jobs("pull_tenant").execute_in_process(instance=instance, raise_on_error=False, run_config={"ops": ops})


def shown(instance: dg.DagsterInstance, of: str) -> set[str]:
    """The states of a shard's days in the UI."""
    states = instance.get_status_by_partition(CALLS, [key_of(of, day) for day in DAYS], shard_days) or {}
    return {state.name if state else "MISSING" for state in states.values()}


def read(house: House) -> Counter[tuple[str, Any]]:
    return Counter((pull["account"], pull["usage_date"]) for pull in house.ledger() if pull["source"] == "vapi")


@pytest.mark.parametrize("scheme", ["tenant", "shard"], indirect=True)
def test_the_same_night_ends_in_the_same_ledger_and_marts(
    three: House,
    kept: dg.DagsterInstance,
    dbt_home: Path,
) -> None:
    assert run_night(kept) == {"large": True, "shared": True}
    assert read(three) == READ_ONCE
    assert {(pull["state"], pull["row_count"]) for pull in three.ledger()} == {("published", 1)}
    assert three.current_calls() == {f"{tenant}-{day}" for tenant in TENANTS for day in DAYS}
    warehouse = opened(three.url, dbt_home)
    with warehouse.connection:
        warehouse.build(clock.today())
        status = "select tenant_id, usage_date, status from marts.fct_tenant_day_status where source = 'vapi'"
        found = Counter(warehouse.rows(f"{status} and usage_date >= %s and usage_date <= %s", DAYS[0], DAYS[-1]))
        assert found == Counter((tenant, day, "usage") for tenant in TENANTS for day in DAYS)


def test_one_tenant_fails_and_the_partition_says_so_until_its_days_are_published_too(
    three: House,
    kept: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(_loggers, "colored_console_logger", _loggers.colored_console_logger)
    run_logs.print_by(logs.in_json(three.settings.secrets))
    three.own_vapi("beta", [], is_rejected=True)
    assert run_night(kept) == {"large": True, "shared": False}
    assert shown(kept, "shared") == {"FAILED"}
    assert shown(kept, "large") == {"MATERIALIZED"}
    assert three.current_calls() == {f"{tenant}-{day}" for tenant in ("acme", "gamma") for day in DAYS}
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert {(line.get("shard"), line.get("tenant")) for line in said if line.get("day")} == {
        ("large", None), (None, "beta"),
    }  # fmt: skip

    daemon = Daemon(kept)
    daemon.tick()
    assert shown(kept, "shared") == {"FAILED"}
    three.own_vapi("beta", calls_of("beta"))
    three.pull(["beta"], DAYS[:1])
    daemon.tick()
    assert shown(kept, "shared") == {"FAILED", "MATERIALIZED"}
    three.pull(["beta"], DAYS[1:])
    daemon.tick()
    assert shown(kept, "shared") == {"MATERIALIZED"}
    assert daemon.tick() == 0


@pytest.mark.parametrize("first", ["large", "shared"])
def test_a_tenant_that_moves_while_the_night_waits_is_read_once_by_the_run_that_was_told_of_it(
    first: str,
    three: House,
    kept: dg.DagsterInstance,
) -> None:
    requests = night(kept)  # before any tick of the sensor: the schedule makes the partitions itself
    assert sorted(kept.get_dynamic_partitions("shard")) == ["large", "shared"]
    shard("acme", "large")
    three.tenant("eve")
    for request in sorted(requests, key=lambda one: one.tags["minutebook/shard"] != first):
        assert run(kept, request).success
    assert read(three) == READ_ONCE
    told = {one.tags["minutebook/shard"]: one.run_config for one in night(kept)}
    assert told["large"] == {"resources": {"launched_for": {"config": {"tenants": ["acme", "gamma"]}}}}


def test_partitions_are_the_shards_of_active_tenants(three: House, kept: dg.DagsterInstance) -> None:
    assert follow(kept, "shard") == ["large", "shared"]
    assert kept.get_dynamic_partitions("tenant") == []
    shard("acme", "an-own-one")
    shard("gamma", "shared")
    assert follow(kept, "shard") == ["shared", "an-own-one"]
    assert follow(kept, "shard") == ["shared", "an-own-one"]


@pytest.mark.parametrize("scheme", ["tenant", "shard"], indirect=True)
def test_a_tenants_own_range_is_asked_for_whatever_partitions_are(
    three: House,
    kept: dg.DagsterInstance,
    scheme: str,
) -> None:
    follow(kept, scheme)
    daemon = Daemon(kept)
    done = pull_range(kept, tenant="acme", first_day=str(DAYS[0]), last_day=str(DAYS[-1]))
    assert done.success
    assert done.dagster_run.tags[LANE] == BY_HAND
    assert read(three) == Counter(("acme", day) for day in DAYS)
    daemon.tick()
    expected = {key_of("acme", day) for day in DAYS} if scheme == "tenant" else set()
    assert daemon.shown() == expected
    assert pull_range(kept, tenant="beta", first_day=str(DAYS[-1]), last_day=str(DAYS[-1]), sources=["vapi"]).success
    daemon.tick()
    last = {key_of("beta", DAYS[-1])} if scheme == "tenant" else {key_of("shared", DAYS[-1])}
    assert daemon.shown() == expected | last


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tenant": "nobody"}, "there is no tenant 'nobody'"),
        ({"last_day": "yesterday"}, "YYYY-MM-DD"),
        ({"last_day": "2020-01-01"}, "is before the first"),
        ({"sources": ["fax"]}, "No source fax"),
    ],
)
def test_a_range_that_cannot_be_is_refused(
    wrong: dict[str, Any], said: str, three: House, instance: dg.DagsterInstance
) -> None:
    right = {"tenant": "acme", "first_day": str(DAYS[0]), "last_day": str(DAYS[-1]), "sources": ["vapi"]}
    done = pull_range(instance, **right | wrong)
    assert not done.success
    (failure,) = [event for event in done.all_events if event.event_type_value == "STEP_FAILURE"]
    assert said in (failure.step_failure_data.user_failure_data.description or "")
    assert three.ledger() == []


def test_a_backfill_of_a_shard_reads_who_is_in_it_and_active_then(three: House, instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("shard", ["large", "shared"])
    three.tenant("new", since=DAYS[-1])
    three.own_vapi("new", [])
    tags = range_tags(("shared", DAYS[0]), ("shared", DAYS[-1]))
    assert jobs().execute_in_process(instance=instance, tags=tags).success
    expected = {(tenant, day) for tenant in ("acme", "beta") for day in DAYS} | {("new", DAYS[-1])}
    assert read(three) == Counter(expected)
    assert shown(instance, "shared") == {"MATERIALIZED"}
    assert shown(instance, "large") == {"MISSING"}


def test_a_run_of_a_shard_that_nobody_is_in_pulls_nothing(three: House, instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("shard", ["acme"])
    tags = range_tags(("acme", DAYS[0]), ("acme", DAYS[-1]))
    done = jobs().execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    assert not done.success
    (failure,) = [event for event in done.all_events if event.event_type_value == "STEP_FAILURE"]
    assert "no tenant is in the shard acme" in failure.step_failure_data.error.to_string()
    assert three.ledger() == []


def test_a_run_that_was_killed_is_tried_again_for_the_same_tenants_and_reads_what_is_not_done(
    three: House,
    kept: dg.DagsterInstance,
) -> None:
    (request,) = [one for one in night(kept) if one.tags["minutebook/shard"] == "shared"]
    job = jobs()
    killed = kept.create_run_for_job(job, run_config=dict(request.run_config), tags=request.tags)
    three.pull(["acme"], DAYS, run_id=killed.run_id)  # as far as it came
    shard("beta", "large")
    retry = {"dagster/retry_number": "1", "dagster/root_run_id": killed.run_id}
    again = kept.create_run_for_job(job, run_config=dict(killed.run_config), tags={**killed.tags, **retry})
    assert execute_run(InMemoryJob(job), again, kept).success
    assert read(three) == Counter((tenant, day) for tenant in ("acme", "beta") for day in DAYS)
    assert shown(kept, "shared") == {"MATERIALIZED"}


def test_a_history_is_gone_through_in_blocks_though_tenants_partitions_were_shown(
    three: House,
    kept: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sensors, "PULLS_AT_ONCE", 2)
    three.pull(TENANTS, DAYS)
    daemon = Daemon(kept)
    follow(kept, "shard")
    daemon.cursor = clock.now().isoformat()  # of the other scheme
    ticks = [daemon.tick() for _ in range(6)]
    assert sum(ticks) == 2 * len(DAYS)
    assert daemon.shown() == {key_of(of, day) for of in ("large", "shared") for day in DAYS}
    monkeypatch.setenv("MINUTEBOOK_PARTITIONS", "tenant")
    kept.add_dynamic_partitions("tenant", ["acme"])
    assert daemon.tick() == len(DAYS)


def test_the_setting_says_what_partitions_are_of(monkeypatch: pytest.MonkeyPatch) -> None:
    assert raw_usage(source_named("vapi")).partitions_def == tenant_days
    monkeypatch.setenv("MINUTEBOOK_PARTITIONS", "shard")
    by_shard = raw_usage(source_named("vapi"))
    assert by_shard.partitions_def == shard_days
    assert by_shard.backfill_policy == dg.BackfillPolicy.single_run()
    with pytest.raises(SettingsError, match="MINUTEBOOK_PARTITIONS is neither tenant nor shard"):
        Settings.from_environment({"MINUTEBOOK_PARTITIONS": "100000"})
