"""Whole runs of the ingest assets over the sandbox: who is materialised, who is failed, and what the ledger says."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from orchestration.assets.ingest import raw_tables, raw_usage
from orchestration.jobs import pull_usage
from orchestration.partitions import key_of, tenant_days
from orchestration.resources import Minutebook
from tests.orchestration.house import House, call

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
DAYS = [YESTERDAY - timedelta(days=1), YESTERDAY]
CALLS = dg.AssetKey(["raw_vapi", "calls"])


def launch(
    instance: dg.DagsterInstance,
    first: tuple[str, date],
    last: tuple[str, date],
    tags: dict[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """One run of the night's job over the rectangle, tagged as the schedule and a backfill tag it."""
    defs = dg.Definitions(
        assets=raw_tables, jobs=[pull_usage], resources={"minutebook": Minutebook()}, executor=dg.in_process_executor
    )
    return defs.resolve_job_def("pull_usage").execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags={
            "dagster/asset_partition_range_start": key_of(*first),
            "dagster/asset_partition_range_end": key_of(*last),
            **(tags or {}),
        },
    )


def materialised(instance: dg.DagsterInstance, asset_key: dg.AssetKey = CALLS) -> set[str]:
    return set(instance.get_materialized_partitions(asset_key))


def metadata(instance: dg.DagsterInstance, key: str, asset_key: dg.AssetKey = CALLS) -> dict[str, object]:
    told = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key, asset_partitions=[key]), limit=1)
    materialization = told.records[0].asset_materialization
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
    told = metadata(instance, key_of("acme", DAYS[0]))
    assert told["rows"] == 1
    assert told["account"] == "acme"
    assert told["state"] == "published"
    assert told["total_calls"] == told["provider_total_calls"] == "1"
    assert told["pull_id"] == three_tenants.ledger()[0]["pull_id"]


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
    asset = raw_usage(source)
    assert asset.backfill_policy == dg.BackfillPolicy.single_run()
    assert asset.partitions_def == tenant_days
    assert asset.op.pool == source
