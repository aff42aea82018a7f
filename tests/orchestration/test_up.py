"""`minutebook up` where nothing of ours is on PATH: it builds, and what is killed leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from orchestration.marts import building
from orchestration.settings import Settings
from tests.ingestion.house import House, call
from tests.moved.machine import moved
from tests.sandbox.server import serving
from tests.sandbox.world import World
from warehouse.clock import today
from warehouse.database.embedded import running

SCRIPTS = Path(sysconfig.get_path("scripts"))
LAUNCH = """
mutation ($job: String!) { launchRun(executionParams: {
  selector: {jobName: $job, repositoryName: "__repository__", repositoryLocationName: "minutebook"}
  runConfigData: {}
}) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
RETRIES = """
query ($run: String!) { runsOrError(filter: {tags: [{key: "dagster/parent_run_id", value: $run}]}) {
  ... on Runs { results { runId } }
} }
"""
BACKFILL = """
mutation ($key: String!) { launchPartitionBackfill(backfillParams: {
  assetSelection: [{path: ["raw_vapi", "calls"]}], partitionNames: [$key]
}) { __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
BACKFILL_STATUS = """
query ($backfill: String!) { partitionBackfillOrError(backfillId: $backfill) {
  ... on PartitionBackfill { status }
} }
"""
STATUS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Not a folder of pytest's: the server's own user must be able to pass through those above."""
    with tempfile.TemporaryDirectory(prefix="minutebook-up-") as folder:
        yield Path(folder)


def bare(home: Path) -> dict[str, str]:
    """The environment of somebody who has not activated anything."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(home), **moved(), "MINUTEBOOK_HOME": str(home / "state")}


@dataclass(frozen=True)
class Up:
    process: subprocess.Popen[str]
    port: int

    def ask(self, query: str, **variables: str) -> dict[str, Any]:
        answer = httpx.post(
            f"http://127.0.0.1:{self.port}/graphql", json={"query": query, "variables": variables}, timeout=60
        ).json()
        assert "errors" not in answer, answer
        return dict(answer["data"])

    def launch(self, job: str) -> str:
        answer = self.ask(LAUNCH, job=job)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def backfill(self, key: str) -> list[str]:
        """The backfill that was launched of the calls of a partition; of one that there is not yet, none."""
        answer = httpx.post(
            f"http://127.0.0.1:{self.port}/graphql", json={"query": BACKFILL, "variables": {"key": key}}, timeout=60
        ).json()
        launched = (answer.get("data") or {}).get("launchPartitionBackfill") or {}
        return [launched["backfillId"]] if "backfillId" in launched else []

    def backfill_status(self, backfill: str) -> str:
        return str(self.ask(BACKFILL_STATUS, backfill=backfill)["partitionBackfillOrError"]["status"])

    def status(self, run: str) -> str:
        return str(self.ask(STATUS, run=run)["runOrError"]["status"])

    def retries(self, run: str) -> list[str]:
        """What Dagster launched of itself after the run had failed."""
        return [str(one["runId"]) for one in self.ask(RETRIES, run=run)["runsOrError"]["results"]]


@contextmanager
def up(home: Path, **settings: str) -> Iterator[Up]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [str(SCRIPTS / "minutebook"), "up", "--port", str(port)],
        env=bare(home) | settings, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        eventually(lambda: process.poll() is not None or is_listening(port), 240)
        assert process.poll() is None, process.stdout and process.stdout.read()
        yield Up(process, port)
    finally:
        process.terminate()
        process.wait(60)


def eventually(holds: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.3)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def processes_of(home: Path, word: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        environment = process.info["environ"] or {}
        if environment.get("MINUTEBOOK_HOME") == str(home / "state") and word in " ".join(
            process.info["cmdline"] or []
        ):
            found.append(process)
    return found


@pytest.mark.timeout(2400)
def test_a_killed_build_and_a_killed_code_server_are_begun_again_and_a_shard_is_pulled(home: Path) -> None:
    with (
        serving(World()) as sandbox,
        up(home, MINUTEBOOK_PARTITIONS="shard", MINUTEBOOK_VAPI_URL=sandbox.vapi_url) as one,
        running(home / "state") as url,
        psycopg.connect(url, autocommit=True) as owner,
    ):
        models = (building.PROJECT / "models").rglob("*.sql")
        described = building.documentation(home / "state").read_text()
        assert [path.stem for path in models if path.stem not in described] == []
        # The first model waits for a table that we hold, so that the kill meets dbt at work.
        with owner.transaction():
            owner.execute("lock table control.tenants in access exclusive mode")
            killed = one.launch("build_marts")
            eventually(lambda: bool(processes_of(home, "orchestration.marts.dbt_process")), 600)
            (dbt,) = processes_of(home, "orchestration.marts.dbt_process")
            worker = dbt.parent()
            assert worker is not None
            os.kill(worker.pid, signal.SIGKILL)
            eventually(lambda: not dbt.is_running() or dbt.status() == psutil.STATUS_ZOMBIE, 60)
        eventually(lambda: one.status(killed) == "FAILURE", 600)  # looked at each half minute
        eventually(lambda: bool(one.retries(killed)), 300)
        (again,) = one.retries(killed)
        eventually(lambda: one.status(again) in ("SUCCESS", "FAILURE"), 600)
        assert one.status(again) == "SUCCESS"
        slots = "select count(*) from dagster.concurrency_slots where run_id = %s"
        eventually(lambda: owner.execute(slots, [killed]).fetchone() == (0,), 300)

        # Dagster itself would go on without a server of our code, and launch nothing.
        (code,) = processes_of(home, "dagster api grpc")
        code.kill()
        eventually(lambda: launches(one, "purge_raw"), 300)

        house, yesterday = House(url, Settings.from_environment(bare(home)), sandbox), today() - timedelta(days=1)
        for tenant in ("acme", "beta"):
            house.tenant(tenant)
            house.own_vapi(tenant, [call(tenant, yesterday)])
        backfills: list[str] = []  # of a key that the sensor made since
        eventually(lambda: backfills.extend(one.backfill(f"shared|{yesterday}")) or bool(backfills), 300)
        eventually(lambda: one.backfill_status(backfills[0]) not in ("REQUESTED", "COMPLETING"), 600)
        assert one.backfill_status(backfills[0]) == "COMPLETED_SUCCESS"
        assert house.current_calls() == {"acme", "beta"}


def launches(one: Up, job: str) -> bool:
    with suppress(AssertionError, httpx.HTTPError):
        return bool(one.launch(job))
    return False


def of_the_home(home: Path) -> list[str]:
    """Every process that works for this home, by its environment or its folder, in words."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "environ", "cwd", "status"]):
        state, reported = str(home / "state"), process.info["environ"] or {}
        is_ours = reported.get("MINUTEBOOK_HOME") == state or str(process.info["cwd"]).startswith(state)
        if is_ours and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(f"{process.info['pid']} {' '.join(process.info['cmdline'] or [])[:120]}")
    return found


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_ended_or_killed_leaves_no_process_behind(number: signal.Signals) -> None:
    with tempfile.TemporaryDirectory(prefix="minutebook-up-") as folder, up(home := Path(folder)) as one:
        run = one.launch("build_marts")
        eventually(lambda: one.status(run) in ("STARTED", "SUCCESS", "FAILURE"), 600)
        one.process.send_signal(number)
        one.process.wait(60)
        eventually(lambda: not of_the_home(home), 90)
