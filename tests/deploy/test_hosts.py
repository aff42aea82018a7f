"""Plain hosts: a night is split over two of them, one loses its power in the middle, and every day is pulled once."""

import asyncio
import json
import os
import secrets
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis as client_of_redis
from sqlalchemy.engine import make_url

from orchestration.dagster_internals.hosts import QUEUE_TAG
from orchestration.dagster_internals.run_queue import FIRST_IN_THE_QUEUE
from orchestration.defs.ingestion.assets import NIGHT, SHARD
from orchestration.ingestion.partitions import key_of
from orchestration.installing import install
from orchestration.settings import Settings
from tests.conftest import FAST_AND_LOOSE
from tests.deploy.hosts import Host, hosts, redis
from tests.deploy.test_image import free_port
from tests.faults.links import link
from tests.ingestion.house import House, call
from tests.orchestration.test_up import SCRIPTS, Up, eventually, is_listening
from tests.sandbox.faults import FOREVER, slow
from tests.sandbox.server import serving
from tests.sandbox.world import World
from tests.web.server import MASTER_KEY
from warehouse.clock import today
from warehouse.database import lifetime
from warehouse.database.embedded import running

TENANTS = 64
NOTICED_SECONDS = 60
QUEUE = "nights"  # what sensors launch besides waits in another
LAUNCH = """
mutation ($tags: [ExecutionTag!]!) { launchRun(executionParams: {
  selector: {jobName: "pull_usage", repositoryName: "__repository__", repositoryLocationName: "minutebook"}
  runConfigData: {} executionMetadata: {tags: $tags}
}) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
TAGS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { tags { key value } } } }"
GOOD = """
select p.account, count(*) as times, sum(p.row_count) as rows
from ledger.pulls as p where p.source = 'vapi' and p.state in ('published', 'unchanged', 'superseded')
group by p.account
"""


@dataclass
class Fleet:
    """One deployment: `up` on this machine, a worker on each host. env is that of this machine."""

    house: House
    machines: list[Host]
    env: dict[str, str]
    folder: Path
    broker: str
    workers: ExitStack = field(default_factory=ExitStack)

    def start(self, host: Host) -> None:
        """A worker on the host, which finds everything at its gateway."""
        there = {name: value.replace("127.0.0.1", host.gateway) for name, value in self.env.items()}
        there["MINUTEBOOK_HOME"] = str(self.folder / host.name)
        command = [str(SCRIPTS / "minutebook"), "worker", "--queue", QUEUE, "--at-once", "1", "--name", host.name]
        self.workers.enter_context(host.running(command, there, self.folder / f"{host.name}.log"))

    def log(self, host: Host) -> str:
        return (self.folder / f"{host.name}.log").read_text()

    @contextmanager
    def up(self) -> Iterator[Up]:
        port = free_port()
        command = [str(SCRIPTS / "minutebook"), "up", "--port", str(port)]
        with (
            (self.folder / "up").open("wb") as log,
            lifetime.group(command, env=self.env, stdout=log, stderr=log) as it,
        ):
            eventually(lambda: it.poll() is not None or is_listening(port), 240)
            assert it.poll() is None, (self.folder / "up").read_text()
            yield Up(it, port)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="minutebook-hosts-")))
        machines = stack.enter_context(hosts("a", "b"))
        gateways = [host.gateway for host in machines]
        listening = {"listen_addresses": ",".join(["127.0.0.1", *gateways])}
        url = stack.enter_context(running(folder / "postgres", settings={**FAST_AND_LOOSE, **listening}))
        (data,) = folder.glob("postgres/postgres/data")
        with (data / "pg_hba.conf").open("a") as hba:
            hba.write("host all all 10.0.0.0/8 scram-sha-256\n")
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("select pg_reload_conf()")
        install(url)
        password, port = secrets.token_hex(12), free_port()
        broker = stack.enter_context(redis(gateways, port, password, folder))
        sandbox = stack.enter_context(serving(World()))
        sandbox_port = int(sandbox.url.rpartition(":")[2])
        for gateway in gateways:
            stack.enter_context(link(sandbox_port, gateway, sandbox_port))
        env = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LD_PRELOAD") if name in os.environ},
            "MINUTEBOOK_HOME": str(folder / "main"),
            "MINUTEBOOK_DATABASE_URL": url,
            "MINUTEBOOK_MASTER_KEYS": MASTER_KEY,
            "MINUTEBOOK_VAPI_URL": sandbox.vapi_url,
            "MINUTEBOOK_BROKER_URL": broker,
        }
        house = House(url, Settings.from_environment(env), sandbox)
        one = Fleet(house, machines, env, folder, broker)
        stack.enter_context(one.workers)
        yield one


def launch(up: Up, first: str, last: str, shard: str) -> str:
    """A run of the night over tenants that lie beside each other, tagged as the schedule tags it."""
    day = today() - timedelta(days=1)
    tags = {
        **FIRST_IN_THE_QUEUE, QUEUE_TAG: QUEUE, NIGHT: today().isoformat(), SHARD: shard,
        "dagster/schedule_name": "pull_usage_nightly",
        "dagster/asset_partition_range_start": key_of(first, day),
        "dagster/asset_partition_range_end": key_of(last, day),
    }  # fmt: skip
    listed: Any = [{"key": key, "value": value} for key, value in tags.items()]
    answer = up.ask(LAUNCH, tags=listed)["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


@pytest.mark.timeout(1800)
def test_a_night_over_two_hosts_of_which_one_dies_pulls_every_day_once(fleet: Fleet) -> None:
    house, (a, b) = fleet.house, fleet.machines
    names = [f"tenant-{number:03}" for number in range(TENANTS)]
    day = today() - timedelta(days=1)
    for name in names:
        house.tenant(name)
        house.own_vapi(name, [call(f"{name}-{n}", day) for n in range(3)])
    house.sandbox.faults.script("/vapi/call", slow(lambda: asyncio.sleep(2)), times=FOREVER)

    def published() -> dict[str, int]:
        return {row["account"]: row["times"] for row in house.execute(GOOD)}

    with fleet.up() as up:
        eventually(
            lambda: house.execute("select count(*) as n from dagster.dynamic_partitions")[0]["n"] == TENANTS, 300
        )
        half = TENANTS // 2
        runs = [launch(up, names[0], names[half - 1], "shared-0"), launch(up, names[half], names[-1], "shared-1")]
        with client_of_redis.Redis.from_url(fleet.broker) as queue:
            eventually(lambda: queue.llen(QUEUE) == 2, 120)
            waiting = b"".join(queue.lrange(QUEUE, 0, -1)).decode()
        assert_no_secret(fleet, waiting)
        for host in (a, b):
            fleet.start(host)
        eventually(lambda: all(up.status(run) == "STARTED" for run in runs), 400)
        eventually(lambda: len(published()) >= TENANTS // 8, 300)
        on_a = next(run for run in runs if run in fleet.log(a))
        (on_b,) = {*runs} - {on_a}
        assert on_b in fleet.log(b)
        tags = json.dumps([up.ask(TAGS, run=run) for run in runs])
        assert_no_secret(fleet, tags, *command_lines(a, b))

        done_before = set(published())
        a.die()
        assert len(done_before) < TENANTS
        eventually(lambda: up.status(on_a) == "FAILURE", NOTICED_SECONDS)
        eventually(lambda: bool(up.retries(on_a)), 120)
        (again,) = up.retries(on_a)
        for run in (on_b, again):
            eventually(lambda run=run: up.status(run) in ("SUCCESS", "FAILURE"), 600)  # type: ignore[misc]
            assert up.status(run) == "SUCCESS"
        assert again in fleet.log(b)

    assert published() == dict.fromkeys(names, 1)
    assert {row["account"]: row["rows"] for row in house.execute(GOOD)} == dict.fromkeys(names, 3)
    assert house.execute("select 1 from ledger.pulls where state = 'reading'") == []
    tried = Counter(row["account"] for row in house.ledger())
    assert {name: tried[name] for name in done_before} == dict.fromkeys(done_before, 1)


def command_lines(*machines: Host) -> list[str]:
    found = [" ".join(psutil.Process(pid).cmdline()) for host in machines for pid in host.processes()]
    assert [line for line in found if "minutebook worker" in line]
    return found


def assert_no_secret(fleet: Fleet, *texts: str) -> None:
    passwords = [str(make_url(url).password) for url in (fleet.house.url, fleet.broker)]
    assert not [text for text in texts if any(secret in text for secret in (*passwords, MASTER_KEY))]
