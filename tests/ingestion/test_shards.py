"""Shards: a night is a run for each, together they read every day once, and a tenant moves between them at any time."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.defs.ingestion.schedules import TRAILING_DAYS, pull_usage_nightly
from orchestration.ingestion.partitions import tenant_day, tenant_days
from orchestration.resources import Minutebook
from orchestration.settings import Settings, SettingsError
from tests.ingestion.house import House, call
from tests.ingestion.test_ingest_runs import launch
from tests.orchestration.test_sensors import follow
from warehouse.control.shards import Segment, ordered, part_of, segments

NIGHT = datetime.now(UTC).replace(hour=3, minute=0, second=0, microsecond=0)
DAYS = [NIGHT.date() - timedelta(days=age) for age in range(TRAILING_DAYS, 0, -1)]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Records in files: a schedule's context takes an instance by reference."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def night(instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=NIGHT, resources={"minutebook": Minutebook()}
    ) as context:
        answer = pull_usage_nightly(context)
    assert isinstance(answer, list)
    return answer


def keys_of(instance: dg.DagsterInstance, request: dg.RunRequest) -> list[str]:
    """Every key that a run is launched for, as Dagster expands its range."""
    ends = [request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")]
    found = tenant_days.get_partition_keys_in_range(dg.PartitionKeyRange(*ends), dynamic_partitions_store=instance)
    return [str(key) for key in found]


def shard(tenant: str, name: str) -> None:
    done = CliRunner().invoke(app, ["tenant", "shard", tenant, name])
    assert done.exit_code == 0, done.output


def run_by_shard(instance: dg.DagsterInstance) -> dict[str, set[str]]:
    """Tenants of each shard's runs; every tenant-day is in exactly one of them."""
    found: dict[str, set[str]] = {}
    keys: Counter[str] = Counter()
    for request in night(instance):
        keys.update(expanded := keys_of(instance, request))
        found.setdefault(request.tags["minutebook/shard"], set()).update(tenant_day(key).tenant_id for key in expanded)
    tenants = instance.get_dynamic_partitions("tenant")
    assert keys == Counter(f"{tenant}|{day}" for tenant in tenants for day in DAYS)
    return found


def test_a_night_is_one_run_for_each_shard_and_covers_every_day_once(
    house: House, kept: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"tenant-{number:02}" for number in range(20)]
    for name in names:
        house.tenant(name)
    assert follow(kept) == names
    assert run_by_shard(kept) == {"shared": set(names)}
    assert len(night(kept)) == 1

    shard("tenant-07", "large")
    assert len(night(kept)) == 3  # what lies around it are two runs, until the sensor has put them in order
    run_by_shard(kept)
    assert follow(kept)[0] == "tenant-07"
    assert run_by_shard(kept) == {"large": {"tenant-07"}, "shared": set(names) - {"tenant-07"}}
    assert len(night(kept)) == 2

    monkeypatch.setenv("MINUTEBOOK_SHARDS", "3")
    follow(kept)
    found = run_by_shard(kept)
    assert len(night(kept)) == len(found) == 4
    assert set().union(*found.values()) == set(names)
    assert follow(kept) == follow(kept)
    assert len({request.run_key for request in night(kept)}) == 4


def test_a_tenant_that_moves_is_read_the_same_night_and_once(house: House, kept: dg.DagsterInstance) -> None:
    for name in ("acme", "birch"):
        house.tenant(name)
    follow(kept)
    for name in ("large", "shared", "other", "large"):
        shard("acme", name)
        run_by_shard(kept)  # before the sensor's tick
        follow(kept)
        assert any("acme" in tenants for tenants in run_by_shard(kept).values())


def test_partitions_are_put_in_order_only_while_no_run_needs_them(house: House, kept: dg.DagsterInstance) -> None:
    for name in ("acme", "birch"):
        house.tenant(name)
    follow(kept)
    shard("birch", "a-first-one")
    run = dg.DagsterRun(
        job_name="pull_usage", status=dg.DagsterRunStatus.NOT_STARTED, tags={"dagster/partition": "acme|2026-01-01"}
    )
    kept.add_run(run)
    house.tenant("cedar")
    assert follow(kept) == ["acme", "birch", "cedar"]
    kept.report_run_canceled(run)
    assert follow(kept) == ["birch", "acme", "cedar"]


def test_an_account_of_several_shards_is_read_once_a_night(house: House, instance: dg.DagsterInstance) -> None:
    """The platform's account has calls of both; whichever run comes first reads it."""
    calls = [
        call(f"{tenant}-{day}", day, phone_number_id=f"number-{tenant}") for tenant in ("acme", "birch") for day in DAYS
    ]
    house.own_vapi(None, calls)
    for tenant in ("acme", "birch"):
        house.tenant(tenant)
        house.attach(tenant, "phone_number", f"number-{tenant}")
    instance.add_dynamic_partitions("tenant", ["acme", "birch"])
    tags = {"dagster/schedule_name": "pull_usage_nightly", "minutebook/night": str(NIGHT.date())}
    for tenant in ("acme", "birch"):
        run = launch(instance, (tenant, DAYS[0]), (tenant, DAYS[-1]), tags | {"minutebook/shard": tenant})
        assert run.success
    read = Counter(pull["usage_date"] for pull in house.ledger() if pull["source"] == "vapi")
    assert read == Counter(DAYS)
    assert house.current_calls() == {one["id"] for one in calls}


def test_the_hash_is_stable_and_even() -> None:
    parts = [part_of(tenant, 4) for tenant in ("acme", "birch", "harbor-dental")]
    assert parts == ["shared-0", "shared-1", "shared-2"]
    counts = Counter(part_of(f"tenant-{number}", 8) for number in range(8_000))
    assert min(counts.values()) > 850
    assert max(counts.values()) < 1_150
    assert part_of("acme", 1) == "shared"


def test_segments_follow_the_order_that_they_are_given() -> None:
    of = {"a": "x", "b": "y", "c": "x"}
    assert segments("abc", of) == [Segment("x", "a", "a"), Segment("y", "b", "b"), Segment("x", "c", "c")]
    assert ordered("abc", of) == ["a", "c", "b"]
    assert segments(ordered("abc", of), of) == [Segment("x", "a", "c"), Segment("y", "b", "b")]


def test_tags_say_where_the_runs_of_a_shard_go(
    house: House, kept: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = json.dumps({"pod_spec_config": {"node_selector": {"pool": "large"}}})
    monkeypatch.setenv("MINUTEBOOK_SHARD_TAGS", json.dumps({"large": {"dagster-k8s/config": place}}))
    for name in ("acme", "birch"):
        house.tenant(name)
    shard("birch", "large")
    follow(kept)
    tags = {request.tags["minutebook/shard"]: request.tags for request in night(kept)}
    assert tags["large"]["dagster-k8s/config"] == place
    assert "dagster-k8s/config" not in tags["shared"]
    assert {one["minutebook/night"] for one in tags.values()} == {NIGHT.date().isoformat()}


@pytest.mark.parametrize(
    "wrong", [{"MINUTEBOOK_SHARDS": "0"}, {"MINUTEBOOK_SHARDS": "many"}, {"MINUTEBOOK_SHARD_TAGS": "[]"}]
)
def test_a_setting_that_cannot_be_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Settings.from_environment(wrong)


def test_a_name_that_is_none_is_refused(house: House) -> None:
    house.tenant("acme")
    done = CliRunner().invoke(app, ["tenant", "shard", "acme", "Large One"])
    assert done.exit_code == 1
    assert "no name of a shard" in done.output
