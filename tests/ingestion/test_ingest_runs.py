"""Whole runs of the ingest assets over the sandbox: who is materialised, who is failed, and what the ledger says."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from orchestration.defs.ingestion.assets import raw_tables, raw_usage
from orchestration.ingestion.partitions import key_of, tenant_days
from sources.registry import source_named
from tests.ingestion.house import House, call
from tests.orchestration import location
from tests.sandbox.world import VapiAccount

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
DAYS = [YESTERDAY - timedelta(days=1), YESTERDAY]
CALLS = dg.AssetKey(["raw_vapi", "calls"])


def range_tags(first: tuple[str, date], last: tuple[str, date]) -> dict[str, str]:
    """As the schedule and a backfill tag a run."""
    return {
        "dagster/asset_partition_range_start": key_of(*first),
        "dagster/asset_partition_range_end": key_of(*last),
    }


def launch(
    instance: dg.DagsterInstance,
    first: tuple[str, date],
    last: tuple[str, date],
    tags: dict[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """One run of the night's job over the rectangle."""
    return location.defs.resolve_job_def("pull_usage").execute_in_process(
        instance=instance, raise_on_error=False, tags=range_tags(first, last) | (tags or {})
    )


def materialised(instance: dg.DagsterInstance, asset_key: dg.AssetKey = CALLS) -> set[str]:
    return set(instance.get_materialized_partitions(asset_key))


def metadata(instance: dg.DagsterInstance, key: str, asset_key: dg.AssetKey = CALLS) -> dict[str, object]:
    reported = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key, asset_partitions=[key]), limit=1)
    materialization = reported.records[0].asset_materialization
    assert materialization is not None
    return {name: value.value for name, value in materialization.metadata.items()}


@pytest.fixture
def three_tenants(house: House, instance: dg.DagsterInstance) -> House:
    """acme and gamma are well, beta's key is rejected."""
    for tenant in ("acme", "beta", "gamma"):
        house.tenant(tenant)
        house.own_vapi(tenant, [call(f"{tenant}-{day}", day) for day in DAYS], is_rejected=tenant == "beta")
    instance.add_dynamic_partitions("tenant", ["acme", "beta", "gamma"])
    return house


def test_exactly_the_days_of_a_rejected_key_are_failed(three_tenants: House, instance: dg.DagsterInstance) -> None:
    run = launch(instance, ("acme", DAYS[0]), ("gamma", DAYS[-1]))
    assert not run.success
    assert materialised(instance) == {key_of(tenant, day) for tenant in ("acme", "gamma") for day in DAYS}
    status = instance.get_status_by_partition(CALLS, [key_of("beta", day) for day in DAYS], tenant_days)
    assert {str(state) for state in (status or {}).values()} == {"AssetPartitionStatus.FAILED"}
    assert {(pull["account"], pull["state"], pull["cause_code"]) for pull in three_tenants.ledger()} == {
        ("acme", "published", None),
        ("beta", "failed", "credential_rejected"),
        ("gamma", "published", None),
    }
    assert {pull["run_id"] for pull in three_tenants.execute("select run_id from ledger.attempts")} == {run.run_id}


def test_the_run_says_which_tenants_failed_and_why(three_tenants: House, instance: dg.DagsterInstance) -> None:
    run = launch(instance, ("acme", DAYS[0]), ("gamma", DAYS[-1]))
    (failure,) = [event for event in run.all_events if event.event_type_value == "STEP_FAILURE"]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert data.description is not None
    assert data.description.startswith("2 of 6 tenant-days failed")
    assert "beta" in data.description
    assert "credential_rejected" in data.description
    assert "acme" not in data.description
    assert "private-key" not in repr(run.all_events)


def test_a_good_day_carries_its_rows_its_pull_and_its_totals(
    three_tenants: House, instance: dg.DagsterInstance
) -> None:
    launch(instance, ("acme", DAYS[0]), ("acme", DAYS[0]))
    reported = metadata(instance, key_of("acme", DAYS[0]))
    assert reported["rows"] == 1
    assert reported["account"] == "acme"
    assert reported["state"] == "published"
    assert reported["total_calls"] == reported["provider_total_calls"] == "1"
    assert reported["pull_id"] == three_tenants.ledger()[0]["pull_id"]


def test_a_source_a_tenant_does_not_use_is_materialised_without_a_pull(
    three_tenants: House, instance: dg.DagsterInstance
) -> None:
    launch(instance, ("acme", DAYS[0]), ("acme", DAYS[0]))
    usage = dg.AssetKey(["raw_voiceflow", "usage"])
    assert metadata(instance, key_of("acme", DAYS[0]), usage) == {"state": "source not used", "rows": 0}
    assert {pull["source"] for pull in three_tenants.ledger()} == {"vapi"}


def test_each_good_day_is_logged_once(three_tenants: House, instance: dg.DagsterInstance) -> None:
    run = launch(instance, ("gamma", DAYS[0]), ("gamma", DAYS[-1]))
    assert run.success
    logged = instance.fetch_materializations(CALLS, limit=10).records
    assert sorted(str(record.partition_key) for record in logged) == [key_of("gamma", day) for day in DAYS]


def test_a_shared_account_is_read_once_and_satisfies_every_tenant_that_shares_it(
    house: House, instance: dg.DagsterInstance
) -> None:
    for tenant in ("acme", "beta"):
        house.tenant(tenant)
        house.attach(tenant, "vapi_phone_number", f"number-of-{tenant}")
    house.own_vapi(
        None,
        [call(f"c-{tenant}", YESTERDAY, phone_number_id=f"number-of-{tenant}") for tenant in ("acme", "beta", "x")],
    )
    instance.add_dynamic_partitions("tenant", ["acme", "beta"])
    run = launch(instance, ("acme", YESTERDAY), ("beta", YESTERDAY))
    assert run.success
    assert materialised(instance) == {key_of("acme", YESTERDAY), key_of("beta", YESTERDAY)}
    (only,) = house.ledger()
    assert (only["account"], only["tenant_id"], only["row_count"]) == ("platform", None, 3)
    assert len(house.sandbox.asked("/vapi/call")) == len(only["windows"])


def test_an_automatic_retry_reads_only_what_its_predecessor_did_not_finish(
    three_tenants: House, instance: dg.DagsterInstance
) -> None:
    first = launch(instance, ("acme", DAYS[0]), ("gamma", DAYS[-1]))
    three_tenants.sandbox.received.clear()
    launch(
        instance,
        ("acme", DAYS[0]),
        ("gamma", DAYS[-1]),
        {
            "dagster/retry_number": "1",
            "dagster/parent_run_id": first.run_id,
            "dagster/root_run_id": first.run_id,
        },
    )
    asked_with = {received.key.removeprefix("Bearer ") for received in three_tenants.sandbox.received}
    assert asked_with == {"private-key-of-beta-at-vapi"}
    assert metadata(instance, key_of("acme", DAYS[0]))["state"] == "already done"


def test_a_second_run_of_the_same_days_reads_them_again(three_tenants: House, instance: dg.DagsterInstance) -> None:
    launch(instance, ("acme", DAYS[0]), ("acme", DAYS[-1]))
    launch(instance, ("acme", DAYS[0]), ("acme", DAYS[-1]))
    assert [pull["state"] for pull in three_tenants.ledger()] == ["published", "published", "unchanged", "unchanged"]
    assert metadata(instance, key_of("acme", DAYS[0]))["state"] == "unchanged"


def test_the_night_leaves_out_a_paused_tenant_and_a_backfill_does_not(
    three_tenants: House, instance: dg.DagsterInstance
) -> None:
    three_tenants.execute("insert into control.tenant_statuses values ('acme', %s, 'paused')", DAYS[-1])
    launch(instance, ("acme", DAYS[0]), ("acme", DAYS[-1]), {"dagster/schedule_name": "pull_usage_nightly"})
    assert [pull["usage_date"] for pull in three_tenants.ledger()] == DAYS[:1]
    assert metadata(instance, key_of("acme", DAYS[-1]))["state"] == "not active"
    launch(instance, ("acme", DAYS[-1]), ("acme", DAYS[-1]))
    assert {pull["usage_date"] for pull in three_tenants.ledger()} == set(DAYS)


@pytest.mark.parametrize("source", ["vapi", "voiceflow", "usage_metrics"])
def test_a_backfill_of_a_raw_table_is_a_single_run(source: str) -> None:
    asset = raw_usage(source_named(source))
    assert asset.backfill_policy == dg.BackfillPolicy.single_run()
    assert asset.partitions_def == tenant_days


def test_a_good_day_is_seen_while_the_run_is_still_at_work(house: House, instance: dg.DagsterInstance) -> None:
    for tenant in ("acme", "idle"):
        house.tenant(tenant)
    seen: list[set[str]] = []

    def asked_meanwhile(start: datetime, end: datetime) -> list[dict[str, Any]]:
        seen.append(materialised(instance))
        return []

    house.own_vapi("acme", [])
    house.sandbox.world.vapi["private-key-of-acme-at-vapi"] = VapiAccount(asked_meanwhile)
    instance.add_dynamic_partitions("tenant", ["acme", "idle"])
    run = launch(instance, ("acme", YESTERDAY), ("idle", YESTERDAY))
    assert run.success
    assert seen[0] == {key_of("idle", YESTERDAY)}
    logged = [event.event_log_entry.user_message for event in instance.get_records_for_run(run.run_id).records]
    assert "vapi: 1 of 2 tenant-days settled, 0 failed" in logged


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("joins", ["+eve"]),
        ("in the middle leaves", ["-beta"]),
        ("at the start leaves", ["-acme"]),
        ("at the end leaves", ["-gamma"]),
        ("at the end leaves and comes back after another", ["-gamma", "+eve", "+gamma"]),
        ("at the start leaves and comes back", ["-acme", "+acme"]),
    ],
)
def test_a_tenant_that_comes_or_goes_after_the_launch_shifts_nobodys_keys(
    what: str, changes: list[str], three_tenants: House, instance: dg.DagsterInstance
) -> None:
    three_tenants.tenant("eve")
    three_tenants.own_vapi("eve", [call("eve-1", DAYS[0])])
    job = location.defs.resolve_job_def("pull_usage")
    run = instance.create_run_for_job(job, tags=range_tags(("acme", DAYS[0]), ("gamma", DAYS[-1])))
    for change in changes:
        if change[0] == "+":
            instance.add_dynamic_partitions("tenant", [change[1:]])
        else:
            instance.delete_dynamic_partition("tenant", change[1:])
    execute_run(InMemoryJob(job), run, instance)
    assert {(pull["account"], pull["usage_date"]) for pull in three_tenants.ledger()} == {
        (tenant, day) for tenant in ("acme", "beta", "gamma") for day in DAYS
    }
    logged = instance.fetch_materializations(CALLS, limit=100).records
    assert {str(record.partition_key) for record in logged} == {
        key_of(tenant, day) for tenant in ("acme", "gamma") for day in DAYS
    }


@pytest.mark.parametrize("status", ["paused", "closed"])
def test_a_tenant_that_is_paused_or_closed_after_the_launch_is_pulled_as_asked(
    status: str, three_tenants: House, instance: dg.DagsterInstance
) -> None:
    job = location.defs.resolve_job_def("pull_usage")
    run = instance.create_run_for_job(job, tags=range_tags(("acme", DAYS[0]), ("gamma", DAYS[-1])))
    three_tenants.execute("insert into control.tenant_statuses values ('acme', %s, %s)", DAYS[0], status)
    execute_run(InMemoryJob(job), run, instance)
    assert {pull["account"] for pull in three_tenants.ledger()} == {"acme", "beta", "gamma"}


def test_a_run_of_which_nobody_knows_what_was_asked_pulls_nothing(
    three_tenants: House, instance: dg.DagsterInstance
) -> None:
    job = location.defs.resolve_job_def("pull_usage")
    instance.delete_dynamic_partition("tenant", "acme")
    instance.add_dynamic_partitions("tenant", ["acme"])  # after gamma: Dagster expands acme to gamma to nothing
    run = instance.create_run_for_job(job, tags=range_tags(("acme", DAYS[0]), ("gamma", DAYS[-1])))
    result = execute_run(InMemoryJob(job), run, instance)
    assert not result.success
    assert three_tenants.ledger() == []
    failures = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    assert len(failures) == len(raw_tables)
    for entry in failures:
        assert entry.dagster_event is not None
        assert entry.dagster_event.step_failure_data.error is not None
        assert "Launch a new backfill of them" in entry.dagster_event.step_failure_data.error.to_string()
