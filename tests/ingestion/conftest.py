"""A deployment per test, and one instance of Dagster whose records are real."""

import base64
import secrets
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.settings import Settings
from tests.ingestion.house import House
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sandbox.server import Sandbox
from warehouse.clock import OFFSET, offset_to

Minutebook = Callable[..., str]


@pytest.fixture
def house(
    database_url: str,
    sandbox: Sandbox,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    """A migrated database, the sandbox, and an environment that leads to both."""
    monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", database_url)
    monkeypatch.setenv("MINUTEBOOK_MASTER_KEYS", base64.b64encode(secrets.token_bytes(32)).decode())
    monkeypatch.setenv("MINUTEBOOK_VAPI_URL", sandbox.vapi_url)
    monkeypatch.setenv("MINUTEBOOK_VOICEFLOW_URL", sandbox.voiceflow_url)
    return House(database_url, Settings.from_environment(), sandbox)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's own records, in memory."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def minutebook(house: House, dbt_home: Path, monkeypatch: pytest.MonkeyPatch) -> Minutebook:
    """The command line, on November 3 of 2026; gives what it printed."""
    monkeypatch.setenv(OFFSET, offset_to(datetime(2026, 11, 3, 12, tzinfo=UTC)))
    house.settings.home.mkdir(exist_ok=True)
    (dbt_home / "dbt").mkdir(exist_ok=True)
    (house.settings.home / "dbt").symlink_to(dbt_home / "dbt")

    def run(line: str, code: int = 0, secret: str | None = None) -> str:
        arguments = shlex.split(line.removeprefix("minutebook "))
        result = CliRunner().invoke(app, arguments, input=secret, terminal_width=250)
        assert result.exit_code == code, f"{line}: {result.output}"
        return result.stdout

    return run
