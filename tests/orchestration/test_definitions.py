"""The code location loads as the server loads it, and is what the product's table of contents says."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration.dagster_internals.home import CONFIGURATION


@pytest.fixture(scope="module")
def location(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.RepositoryDefinition]:
    """The repository behind workspace.yaml's module; its dbt manifest is parsed into a home of this test's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINUTEBOOK_HOME", str(tmp_path_factory.mktemp("home")))
        from orchestration.definitions import defs

        yield defs.get_repository_def()


def test_the_workspace_names_the_module_that_loads(location: dg.RepositoryDefinition) -> None:
    assert "module_name: orchestration.definitions" in Path(CONFIGURATION / "workspace.yaml").read_text()
    dg.Definitions.validate_loadable(dg.Definitions(assets=list(location.assets_defs_by_key.values())))


def test_an_asset_is_named_and_grouped_like_its_table(location: dg.RepositoryDefinition) -> None:
    graph = location.asset_graph
    names = {key.to_user_string(): graph.get(key).group_name for key in graph.materializable_asset_keys}
    assert names["raw_vapi/calls"] == "vapi"
    assert names["raw_voiceflow/usage"] == "voiceflow"
    assert names["raw_usage_metrics/metrics"] == "usage_metrics"
    for mart in ("fct_statement_lines", "fct_margin_monthly", "fct_calls", "dim_tenants", "fct_tenant_day_status"):
        assert names[f"marts/{mart}"] == "marts"
    built = {schema: group for name, group in names.items() if (schema := name.split("/")[0]) in ("staging", "marts")}
    assert all(schema == group for schema, group in built.items())


def test_lineage_runs_from_the_raw_calls_to_the_statement(location: dg.RepositoryDefinition) -> None:
    graph = location.asset_graph
    upstream, seen = {dg.AssetKey(["marts", "fct_statement_lines"])}, set()
    while upstream:
        key = upstream.pop()
        seen.add(key)
        upstream |= graph.get(key).parent_keys - seen
    for raw in (["raw_vapi", "calls"], ["raw_voiceflow", "usage"], ["raw_usage_metrics", "metrics"]):
        assert dg.AssetKey(raw) in seen


def test_a_part_of_the_marts_is_refused_since_the_rest_would_stay_old(location: dg.RepositoryDefinition) -> None:
    job = location.get_job("build_marts")
    chosen = [dg.AssetKey(["intermediate", "int_tenants_built"]), dg.AssetKey(["marts", "fct_margin_daily"])]
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, asset_selection=chosen, raise_on_error=False)
    (failed,) = result.filter_events(lambda event: event.is_step_failure)
    assert "launch the job build_marts" in str(failed.step_failure_data.error_display_string)
    assert not result.success


def test_jobs_schedules_sensors_and_checks_are_these(location: dg.RepositoryDefinition) -> None:
    assert {"pull_usage", "build_marts"} <= {job.name for job in location.get_all_jobs()}
    assert "pull_usage_nightly" in {schedule.name for schedule in location.schedule_defs}
    assert {"tenant_partitions_follow_tenants", "build_marts_when_behind"} <= {
        sensor.name for sensor in location.sensor_defs
    }
    checks = {key.name for key in location.asset_graph.asset_check_keys}
    assert {
        "no_usage_is_unattributed",
        "no_usage_is_unpriced",
        "no_day_is_missing",
        "provider_total_agrees",
    } <= checks
