"""The code location loads as the server loads it, and is what the product's table of contents says."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration.dagster_internals.home import CONFIGURATION
from tests.orchestration.definitions import WRITTEN, served

MODELS = CONFIGURATION / "dbt_project" / "models"
SOURCES = CONFIGURATION / "sources"
DEFINITIONS = CONFIGURATION / "orchestration" / "defs"


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


def test_what_is_served_is_what_is_written_beside(location: dg.RepositoryDefinition) -> None:
    assert WRITTEN.read_text().splitlines() == list(served(location))


def test_each_capability_has_files_of_the_same_names() -> None:
    files = {path.relative_to(DEFINITIONS) for path in DEFINITIONS.glob("*/*.py") if path.stem != "__init__"}
    assert {path.stem for path in files} == {"assets", "checks", "jobs", "schedules", "sensors"}


def test_every_asset_is_a_table_named_and_grouped_by_its_schema(location: dg.RepositoryDefinition) -> None:
    graph = location.asset_graph
    for key in graph.get_all_asset_keys():
        schema, _table = key.path
        assert graph.get(key).group_name == schema


def test_a_schema_is_a_folder_of_models_or_of_a_provider_or_written_by_our_own_code(
    location: dg.RepositoryDefinition,
) -> None:
    schemas = {key.path[0] for key in location.asset_graph.get_all_asset_keys()}
    models = {(path.relative_to(MODELS).parts[0], path.stem) for path in MODELS.rglob("*.sql")}
    raw = {schema for schema in schemas if schema.startswith("raw_")}
    assert models <= {tuple(key.path) for key in location.asset_graph.get_all_asset_keys()}
    assert schemas - {schema for schema, _ in models} - raw == {"contracts", "control", "ledger"}
    assert {schema.removeprefix("raw_") for schema in raw} <= {path.name for path in SOURCES.iterdir()}


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
