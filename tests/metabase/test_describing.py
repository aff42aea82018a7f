"""Metabase says of the marts what dbt says, and looks at them again after a build."""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.defs.metabase.jobs import refresh_metabase
from orchestration.defs.metabase.sensors import LAST_BUILT, refresh_metabase_after_builds
from orchestration.metabase.documentation import documented
from orchestration.resources import Minutebook
from tests.sandbox.metabase import API_KEY, Metabase, serving
from tests.web import world


@pytest.fixture
def metabase(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Metabase]:
    """A Metabase over a warehouse with built marts, which it has not looked at yet."""
    world.build(database_url, 1)
    with serving(database_url) as (metabase, address):
        for name, value in (
            ("DATABASE_URL", database_url), ("HOME", str(tmp_path)), ("METABASE_URL", f"{address}/"),
            ("METABASE_API_KEY", API_KEY),
        ):  # fmt: skip
            monkeypatch.setenv(f"MINUTEBOOK_{name}", value)
        yield metabase


def describe(*arguments: str, exit_code: int = 0) -> str:
    done = CliRunner().invoke(app, ["dashboard", "describe", *arguments])
    assert done.exit_code == exit_code, done.output
    assert API_KEY not in done.output
    return done.output


def tick(instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    with dg.build_sensor_context(instance=instance, resources={"minutebook": Minutebook()}) as context:
        answer = refresh_metabase_after_builds(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


def run(instance: dg.DagsterInstance, *, fails: bool = False) -> None:
    done = refresh_metabase.execute_in_process(
        instance=instance, resources={"minutebook": Minutebook()}, raise_on_error=False
    )
    assert done.success != fails


def test_every_column_of_every_mart_is_described() -> None:
    for table in documented():
        assert table.description
        for column in table.columns:
            assert column.description, f"{table.name}.{column.name}"


def test_every_foreign_key_leads_to_the_key_of_a_mart() -> None:
    keys = {(table.name, column.name) for table in documented() for column in table.columns}
    targets = {(column.name, column.target) for table in documented() for column in table.columns if column.target}
    assert {target for _, target in targets} <= keys
    assert ("tenant_id", ("dim_tenants", "tenant_id")) in targets
    assert ("corrects_line_id", ("fct_statement_lines", "line_id")) in targets


def test_describing_brings_descriptions_types_and_keys_once(metabase: Metabase) -> None:
    planned = json.loads(describe("--dry-run", "--json"))
    assert {change["what"] for change in planned} == {"sync"}
    assert metabase.syncs == metabase.writes == 0
    assert describe("--json").count('"description"') > 100
    assert metabase.syncs == 1
    tenant = metabase.field("fct_statements", "tenant_id")
    assert tenant["semantic_type"] == "type/FK"
    assert tenant["fk_target_field_id"] == metabase.field("dim_tenants", "tenant_id")["id"]
    assert metabase.field("dim_tenants", "tenant_id")["semantic_type"] == "type/PK"
    assert metabase.field("fct_statements", "period_state")["semantic_type"] == "type/Category"
    assert metabase.field("fct_statements", "total")["description"].startswith("setup + subscription")
    reported = metabase.writes
    assert "agrees with dbt's documentation" in describe()
    assert (metabase.syncs, metabase.writes) == (1, reported)


def test_only_what_somebody_changed_by_hand_is_put_back(metabase: Metabase) -> None:
    describe()
    reported = metabase.writes
    metabase.field("fct_statements", "total").update(description="mine", semantic_type="type/Currency")
    metabase.field("fct_calls", "agent_id").update(fk_target_field_id=None)
    planned = json.loads(describe("--dry-run", "--json"))
    assert [(change["table"], change["column"], change["what"], change["now"]) for change in planned] == [
        ("fct_calls", "agent_id", "fk_target", None),
        ("fct_statements", "total", "description", "mine"),
    ]
    assert planned[0]["then"] == "dim_agents.agent_id"
    describe()
    assert metabase.writes == reported + 2
    # dbt says nothing of that type, so Metabase's own guess, or an analyst's, stands.
    assert metabase.field("fct_statements", "total")["semantic_type"] == "type/Currency"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("METABASE_API_KEY", "mb_another", "API key is not known"),
        ("METABASE_API_KEY", "", "set MINUTEBOOK_METABASE_URL and MINUTEBOOK_METABASE_API_KEY"),
        ("METABASE_DATABASE", "Warehouse", "has no database Warehouse; it has Minutebook"),
        ("METABASE_URL", "http://127.0.0.1:9", "did not answer"),
    ],
)
def test_a_metabase_that_cannot_be_described_says_what_to_do(
    metabase: Metabase, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"MINUTEBOOK_{variable}", value)
    assert said in describe(exit_code=1)
    assert metabase.writes == 0


def test_without_metabase_the_sensor_skips_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINUTEBOOK_METABASE_URL", raising=False)
    with dg.instance_for_test() as instance:
        answer = tick(instance)
    assert isinstance(answer, dg.SkipReason)
    assert "not configured" in str(answer.skip_message)


def test_after_each_build_metabase_is_asked_to_sync_once(metabase: Metabase) -> None:
    with dg.instance_for_test() as instance:
        assert isinstance(tick(instance), dg.RunRequest)  # it knows nothing of the marts yet
        run(instance)
        assert metabase.syncs == 1
        assert isinstance(tick(instance), dg.SkipReason)
        instance.report_runless_asset_event(dg.AssetMaterialization(LAST_BUILT))
        answer = tick(instance)
        assert isinstance(answer, dg.RunRequest)
        assert answer.tags["minutebook/because"] == "a build"
        run(instance)
        assert metabase.syncs == 2
        assert isinstance(tick(instance), dg.SkipReason)


def test_a_column_that_a_build_elsewhere_added_is_noticed(metabase: Metabase) -> None:
    with dg.instance_for_test() as instance:
        run(instance)
        for number in [number for number, field in metabase.fields.items() if field["name"] == "completeness"]:
            del metabase.fields[number]
        answer = tick(instance)
        assert isinstance(answer, dg.RunRequest)
        assert "1 difference from" in answer.tags["minutebook/because"]
        run(instance)
        assert metabase.field("fct_margin_monthly", "completeness")["semantic_type"] == "type/Category"


def test_while_metabase_is_down_the_sensor_waits_and_heals_by_itself(metabase: Metabase) -> None:
    with dg.instance_for_test() as instance:
        metabase.is_down = True
        assert "503" in str(getattr(tick(instance), "skip_message", ""))
        instance.report_runless_asset_event(dg.AssetMaterialization(LAST_BUILT))
        assert isinstance(tick(instance), dg.RunRequest)
        run(instance, fails=True)
        assert "trying again" in str(getattr(tick(instance), "skip_message", ""))
        metabase.is_down = False
        run(instance)
        assert isinstance(tick(instance), dg.SkipReason)


def test_marts_that_its_login_may_not_read_are_named(
    metabase: Metabase, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.metabase.descriptions._SYNC_SECONDS", 0.0)
    with psycopg.connect(database_url) as connection:
        connection.execute("drop table marts.fct_calls")
    assert "Metabase does not see marts.fct_calls" in describe(exit_code=1)
