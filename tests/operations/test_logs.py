"""Lines of logs: JSON where no person looks, with what they are about, without secrets, and nothing that acts."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
import structlog
from dagster import _loggers

from orchestration.dagster_internals import run_logs
from orchestration.operations import logs
from orchestration.settings import Settings, SettingsError
from tests.ingestion.conftest import house, instance
from tests.ingestion.house import House, call
from tests.ingestion.test_ingest_runs import launch
from tests.sandbox.fixture import sandbox

__all__ = ["house", "instance", "sandbox"]  # fixtures
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


@pytest.fixture
def _printed_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_loggers, "colored_console_logger", _loggers.colored_console_logger)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.mark.usefixtures("_printed_as_before")
def test_a_line_of_a_run_says_which_run_tenant_source_and_day_it_is_about(
    house: House, instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    house.tenant("acme")
    house.tenant("birch")
    instance.add_dynamic_partitions("tenant", ["acme", "birch"])
    house.own_vapi("acme", [call("one", YESTERDAY)])
    house.own_vapi("birch", [], is_rejected=True)
    run_logs.print_by(logs.in_json(house.settings.secrets))
    done = launch(instance, ("acme", YESTERDAY), ("birch", YESTERDAY))
    said = lines(capsys.readouterr().err)
    about = {"run": done.run_id, "tenant": "birch", "source": "vapi", "day": YESTERDAY.isoformat()}
    (failed,) = [line for line in said if line.get("source")]
    assert failed.items() >= (about | {"level": "error"}).items()
    assert failed["event"].startswith(f"birch {YESTERDAY} vapi failed")
    about = {"run": done.run_id, "tenant": "acme", "asset": "raw_vapi/calls", "day": YESTERDAY.isoformat()}
    assert any(line.items() >= about.items() for line in said)
    assert {line["run"] for line in said} == {done.run_id}
    assert any("1 of 2 tenant-days failed" in line["event"] for line in said)


@pytest.mark.usefixtures("_printed_as_before")
def test_a_line_holds_no_secret_of_the_deployment_and_nothing_that_acts(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings.from_environment(
        {"MINUTEBOOK_DATABASE_URL": "postgresql://u:hidden-1@h/d", "MINUTEBOOK_STRIPE_API_KEY": "sk_live_hidden-2"}
    )

    @dg.op
    def fails(context: dg.OpExecutionContext) -> None:
        context.log.info("as hidden-1 \x1b[2J\nand sk_live_hidden-2")
        raise RuntimeError("with postgresql://u:hidden-1@h/d")

    @dg.job
    def one_job() -> None:
        fails()

    run_logs.print_by(logs.in_json(settings.secrets))
    assert not one_job.execute_in_process(raise_on_error=False).success
    logs.configure(settings.secrets)
    try:
        raise ValueError("of hidden-1")
    except ValueError:
        structlog.get_logger().exception("served hidden-1", run="r", asked="sk_live_hidden-2")
    printed = capsys.readouterr().err
    assert "hidden" not in printed
    assert "\x1b" not in printed
    said = lines(printed)
    assert len(said) == len(printed.splitlines())
    assert "as … \nand …" in [line["event"] for line in said]
    assert any("RuntimeError: with …" in line["event"] for line in said)
    assert said[-1]["event"] == "served …"
    assert "ValueError: of …" in said[-1]["exception"]


def test_the_setting_is_json_or_text() -> None:
    assert Settings.from_environment({"MINUTEBOOK_LOGS": "json"}).has_json_logs
    assert not Settings.from_environment({"MINUTEBOOK_LOGS": "text"}).has_json_logs
    with pytest.raises(SettingsError, match="MINUTEBOOK_LOGS is neither json nor text"):
        Settings.from_environment({"MINUTEBOOK_LOGS": "yes"})
