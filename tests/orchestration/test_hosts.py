"""Runs on hosts: what is named in the queue, what happens while it is away, and what a second process does."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import redis as client_of_redis
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import LaunchRunContext, WorkerStatus
from dagster._core.run_coordinator import QueuedRunCoordinator
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.dagster_internals.home import environment
from orchestration.dagster_internals.hosts import QUEUE_TAG, RunsOnHosts, run
from orchestration.settings import Settings, SettingsError
from tests.deploy.hosts import redis
from tests.deploy.test_image import free_port
from tests.web.server import MASTER_KEY
from warehouse.operations import host_runs

PASSWORD = "password-of-the-queue"


@dg.job
def nothing() -> None:
    pass


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    with redis([], free_port(), PASSWORD, tmp_path) as url:
        yield url


@pytest.fixture
def away() -> str:
    """Where no Redis answers."""
    return f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0"


def instance(url: str, broker: str, home: Path, patch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    """As `minutebook up` configures it where there is a broker."""
    variables = {"MINUTEBOOK_DATABASE_URL": url, "MINUTEBOOK_BROKER_URL": broker}
    for name, value in (environment(url, home, has_hosts=True) | variables).items():
        patch.setenv(name, value)
    return dg.DagsterInstance.get()


def made(dagster: dg.DagsterInstance, status: dg.DagsterRunStatus, queue: str | None = None) -> dg.DagsterRun:
    return dagster.create_run_for_job(nothing, status=status, tags={QUEUE_TAG: queue} if queue else {})


def launch(dagster: dg.DagsterInstance, launched: dg.DagsterRun) -> None:
    dagster.run_launcher.launch_run(LaunchRunContext(launched, None))


def test_a_run_is_named_in_the_queue_of_its_tag_and_nothing_else_is(
    database_url: str, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instance(database_url, broker, tmp_path, monkeypatch) as dagster:
        assert isinstance(dagster.run_launcher, RunsOnHosts)
        usual, large = (
            made(dagster, dg.DagsterRunStatus.STARTING),
            made(dagster, dg.DagsterRunStatus.STARTING, queue="large"),
        )
        for one in (usual, large):
            launch(dagster, one)
        assert PASSWORD not in str(dagster.get_ref().to_dict())
        assert PASSWORD not in str([one.tags for one in dagster.get_runs()])
    with client_of_redis.Redis.from_url(broker) as queues:
        for queue, named in (("minutebook", usual), ("large", large)):
            (message,) = queues.lrange(queue, 0, -1)
            assert named.run_id in message.decode()
            assert PASSWORD not in message.decode()


def test_while_redis_is_away_a_run_goes_back_into_dagsters_queue(
    database_url: str, away: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instance(database_url, away, tmp_path, monkeypatch) as dagster:
        with pytest.raises(DagsterUserCodeUnreachableError) as raised:
            launch(dagster, made(dagster, dg.DagsterRunStatus.STARTING))
        assert PASSWORD not in str(raised.value)
        assert isinstance(dagster.run_coordinator, QueuedRunCoordinator)
        config = dagster.get_concurrency_config().run_queue_config
        assert config is not None
        assert (config.max_user_code_failure_retries, config.max_concurrent_runs) == (60, 10)


def test_a_run_that_has_begun_is_another_processs_or_is_cancelled_is_not_begun(
    database_url: str, away: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instance(database_url, away, tmp_path, monkeypatch) as dagster:
        begun, ours, over = (made(dagster, status) for status in (
            dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.FAILURE,
        ))  # fmt: skip
        with host_runs.holding(database_url, ours.run_id):
            for one in (begun, ours, over):
                run(one.run_id)
        for one in (begun, ours, over):
            found = dagster.get_run_by_id(one.run_id)
            assert found is not None
            assert found.status is one.status
            assert dagster.all_logs(one.run_id) == []
        assert dagster.run_launcher.terminate(ours.run_id)
        run(ours.run_id)
        found = dagster.get_run_by_id(ours.run_id)
        assert found is not None
        assert found.status is dg.DagsterRunStatus.CANCELED
        assert not dagster.run_launcher.terminate(over.run_id)


def test_a_run_that_nobody_holds_is_dead(
    database_url: str, away: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instance(database_url, away, tmp_path, monkeypatch) as dagster:
        begun = made(dagster, dg.DagsterRunStatus.STARTED)
        with host_runs.holding(database_url, begun.run_id):
            assert dagster.run_launcher.check_run_worker_health(begun).status is WorkerStatus.RUNNING
        assert dagster.run_launcher.check_run_worker_health(begun).status is WorkerStatus.FAILED


@pytest.mark.parametrize("missing", ["MINUTEBOOK_BROKER_URL", "MINUTEBOOK_DATABASE_URL"])
def test_a_worker_says_what_it_needs(
    database_url: str, away: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    variables = {
        "MINUTEBOOK_HOME": str(tmp_path), "MINUTEBOOK_DATABASE_URL": database_url, "MINUTEBOOK_BROKER_URL": away,
        "MINUTEBOOK_MASTER_KEYS": MASTER_KEY,
    }  # fmt: skip
    for name in {*variables} - {missing}:
        monkeypatch.setenv(name, variables[name])
    done = CliRunner().invoke(app, ["worker"])
    assert done.exit_code == 1
    assert missing in done.stderr


def test_the_address_of_the_queue_is_a_secret_and_redis(away: str) -> None:
    settings = Settings.from_environment({"MINUTEBOOK_BROKER_URL": away})
    assert {away, PASSWORD} <= {*settings.secrets}
    assert PASSWORD not in repr(settings)
    with pytest.raises(SettingsError, match="MINUTEBOOK_BROKER_URL is no URL of redis"):
        Settings.from_environment({"MINUTEBOOK_BROKER_URL": "amqp://guest@localhost//"})
