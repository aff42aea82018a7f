"""A deployment per test, and one instance of Dagster whose records are real."""

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration.settings import Settings
from tests.orchestration.house import House
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sandbox.server import Sandbox


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
