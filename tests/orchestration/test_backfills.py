"""Backfills as the UI launches them, run by Dagster's own daemon: how many runs they become, and of what."""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.execution.plan.resume_retry import ReexecutionStrategy
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget, create_test_daemon_workspace_context
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._daemon.backfill import execute_backfill_iteration

from orchestration.dagster_internals.run_queue import BY_HAND, LANE
from orchestration.ingestion.partitions import key_of
from tests.ingestion.house import House, call
from tests.orchestration import location

CALLS = dg.AssetKey(["raw_vapi", "calls"])
DAYS = [datetime.now(UTC).date() - timedelta(days=back) for back in range(5, 0, -1)]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[WorkspaceProcessContext]:
    """Dagster with its records in files, our queue, and nobody who takes runs from it."""
    overrides = {"run_coordinator": {"module": "orchestration.dagster_internals.run_queue", "class": "LanesOfPulls"}}
    origin = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name=location.__name__))
    with (
        dg.DagsterInstance.local_temp(str(tmp_path), overrides=overrides) as instance,
        create_test_daemon_workspace_context(InProcessTestWorkspaceLoadTarget(origin), instance) as context,
    ):
        yield context


@pytest.fixture
def four(house: House, workspace: WorkspaceProcessContext) -> House:
    """Four tenants with a Vapi account each; beta's key is rejected."""
    for tenant in ("acme", "beta", "gamma", "delta"):
        house.tenant(tenant)
        house.own_vapi(tenant, [call(f"{tenant}-{day}", day) for day in DAYS], is_rejected=tenant == "beta")
        workspace.instance.add_dynamic_partitions("tenant", [tenant])
    return house


def launch(workspace: WorkspaceProcessContext, keys: list[str]) -> None:
    """Ask for a backfill of these keys, as the UI does."""
    workspace.instance.add_backfill(
        PartitionBackfill.from_asset_partitions(
            backfill_id="by-hand",
            asset_graph=workspace.create_request_context().asset_graph,
            partition_names=keys,
            asset_selection=[CALLS],
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=workspace.instance,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
    )


def queued(workspace: WorkspaceProcessContext) -> list[dg.DagsterRun]:
    """The runs that Dagster's daemon makes of it next; they wait in our queue."""
    list(execute_backfill_iteration(workspace, logging.getLogger(__name__)))
    return list(workspace.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])))


def run_to_its_end(workspace: WorkspaceProcessContext, run: dg.DagsterRun) -> dg.DagsterRun:
    """Execute a queued run; as it ended."""
    starting = dg.DagsterEvent("PIPELINE_STARTING", run.job_name)
    workspace.instance.run_storage.handle_run_event(run.run_id, starting, datetime.now(UTC))
    job = location.defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection={CALLS})
    execute_run(InMemoryJob(job), found(workspace, run), workspace.instance)
    return found(workspace, run)


def found(workspace: WorkspaceProcessContext, run: dg.DagsterRun) -> dg.DagsterRun:
    """The run as it stands."""
    stored = workspace.instance.get_run_by_id(run.run_id)
    assert stored
    return stored


def pulled(house: House) -> set[tuple[str, date]]:
    """Account-days that were requested of the provider."""
    return {(pull["account"], pull["usage_date"]) for pull in house.ledger()}


def test_a_tenants_range_is_one_run_whoever_comes_and_goes_while_it_waits(
    four: House, workspace: WorkspaceProcessContext
) -> None:
    launch(workspace, [key_of("gamma", day) for day in DAYS])
    (run,) = queued(workspace)
    assert run.tags[LANE] == BY_HAND
    workspace.instance.add_dynamic_partitions("tenant", ["eve"])
    workspace.instance.delete_dynamic_partition("tenant", "gamma")
    workspace.instance.add_dynamic_partitions("tenant", ["gamma"])
    assert run_to_its_end(workspace, run).is_success
    assert pulled(four) == {("gamma", day) for day in DAYS}


def test_a_day_of_all_tenants_is_one_run_and_its_re_execution_reads_only_what_failed(
    four: House, workspace: WorkspaceProcessContext
) -> None:
    launch(workspace, [key_of(tenant, DAYS[0]) for tenant in ("acme", "beta", "gamma", "delta")])
    (run,) = queued(workspace)
    failed = run_to_its_end(workspace, run)
    assert failed.status is dg.DagsterRunStatus.FAILURE
    assert pulled(four) == {(tenant, DAYS[0]) for tenant in ("acme", "beta", "gamma", "delta")}
    four.sandbox.received.clear()
    context = workspace.create_request_context()
    (code_location,) = context.code_locations
    again = workspace.instance.create_reexecuted_run(
        request_context=context,
        parent_run=failed,
        code_location=code_location,
        remote_job=code_location.get_repository("__repository__").get_full_job("__ASSET_JOB"),
        strategy=ReexecutionStrategy.FROM_FAILURE,
        use_parent_run_tags=True,
    )
    workspace.instance.submit_run(again.run_id, context)
    assert run_to_its_end(workspace, again).tags[LANE] == BY_HAND
    asked_with = {received.key.removeprefix("Bearer ") for received in four.sandbox.received}
    assert asked_with == {"private-key-of-beta-at-vapi"}


def test_a_tenant_deleted_before_the_daemon_makes_the_runs_stops_the_backfill_before_anything_is_pulled(
    four: House, workspace: WorkspaceProcessContext
) -> None:
    launch(workspace, [key_of(tenant, DAYS[0]) for tenant in ("acme", "beta", "gamma")])
    workspace.instance.delete_dynamic_partition("tenant", "gamma")
    assert queued(workspace) == []
    stopped = workspace.instance.get_backfill("by-hand")
    assert stopped
    assert stopped.status in (BulkActionStatus.FAILING, BulkActionStatus.FAILED)
    assert stopped.error
    assert f"partitions were removed: {{'gamma|{DAYS[0]}'}}" in stopped.error.message
    assert pulled(four) == set()
