"""Events pushed over HTTP until they are committed, against a bare `COPY` of their rows and one insert per request.

    python -m tests.benchmarks.serving.intake [seconds]

The API is a process of its own on loopback; clients send bodies that were made before. Batches of 1,000 over 4
connections, single events over 16, and single events at half of the wanted pace, each of them answered in time.
"""

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg

from orchestration.installing import install
from tests.benchmarks._measuring import Cost, measured, verdict
from tests.intake.served import add_tenants, event, key, login_of
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.security.database_logins import Access

BATCH, BATCHES_A_SECOND, SINGLES_A_SECOND, P99_SECONDS = 1_000, 10_000, 500, 0.050
TABLE = "create table bare (tenant_id text, source text, event_id text, happened_at timestamptz, data json)"


class Sender:
    """One connection; answers 202 in so many seconds."""

    def __init__(self, port: int, token: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def send(self, body: str) -> float:
        began = time.perf_counter()
        self.connection.request("POST", "/v1/events", body, self.headers)
        answer = self.connection.getresponse()
        said = answer.read()
        assert answer.status == 202, said
        return time.perf_counter() - began


def bodies(name: str, count: int, size: int) -> list[str]:
    """Requests of so many events."""
    data = {"quantity": 3, "unit": "page", "model": "large", "region": "eu-1"}
    if size == 1:
        return [json.dumps(event(f"{name}-{number}", data=data)) for number in range(count)]
    return [
        json.dumps([event(f"{name}-{number}-{place}", data=data) for place in range(size)]) for number in range(count)
    ]


def pushed(port: int, token: str, sent: list[str], connections: int, pace: float | None = None) -> list[float]:
    """Seconds of each answer; at a pace, each request has a moment, and whoever is late has waited from then on."""
    began = time.perf_counter() + 0.1

    def work(number: int) -> list[float]:
        sender, took = Sender(port, token), []
        for place in range(number, len(sent), connections):
            due = began + place / pace if pace else 0.0
            if (early := due - time.perf_counter()) > 0:
                time.sleep(early)
            late = max(0.0, time.perf_counter() - due) if pace else 0.0
            took.append(sender.send(sent[place]) + late)
        return took

    with ThreadPoolExecutor(connections) as pool:
        return [one for some in pool.map(work, range(connections)) for one in some]


def copied(url: str, sent: list[str]) -> int:
    """The same rows by one COPY a batch."""
    rows = [json.loads(body) for body in sent]
    with psycopg.connect(url) as connection:
        for batch in rows:
            with connection.cursor().copy("copy bare from stdin") as copy:
                for one in batch:
                    copy.write_row(("acme", one["source"], one["id"], one["time"], json.dumps(one["data"])))
            connection.commit()
    return sum(map(len, rows))


def inserted(url: str, sent: list[str]) -> int:
    """The same rows by one insert and commit each, over one connection."""
    with psycopg.connect(url, autocommit=True) as connection:
        for body in sent:
            one = json.loads(body)
            row = ("acme", one["source"], one["id"], one["time"], json.dumps(one["data"]))
            connection.execute("insert into bare values (%s, %s, %s, %s, %s)", row)
    return len(sent)


def told(what: str, count: int, cost: Cost) -> float:
    """Print it; events a second on the wall."""
    rate = count / cost.wall
    each = 1e6 / count
    print(
        f"{what}: {count} in {cost.wall:.1f} s, {rate:,.0f}/s;"
        f" CPU us each: API {cost.beside * each:.0f}, server {cost.server * each:.0f}, client {cost.own * each:.0f}"
    )
    return rate


def main(seconds: float) -> int:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as url:
        install(url)
        with connect(url, Role.OPERATOR, actor="otto") as operator:
            add_tenants(operator, "acme")
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(TABLE)
        token = key(url, "acme")
        with (
            login_of(url, Access.SERVER) as server,
            login_of(url, Access.INTAKE) as intake,
            socket.socket() as listening,
        ):
            listening.bind(("127.0.0.1", 0))
            listening.listen(256)
            urls = {"DATABASE_URL": url, "SERVER_DATABASE_URL": server, "INTAKE_DATABASE_URL": intake, "HOME": folder}
            environment = os.environ | {f"MINUTEBOOK_{name}": value for name, value in urls.items()}
            command = [sys.executable, "-m", "tests.intake.served_alone", str(listening.fileno()), "1", "0"]
            api = subprocess.Popen(command, env=environment, pass_fds=[listening.fileno()])
            try:
                held = _measure(Path(folder), url, token, listening.getsockname()[1], api.pid, seconds)
            finally:
                api.send_signal(signal.SIGTERM)
                api.wait()
    return verdict(*held)


def _measure(home: Path, url: str, token: str, port: int, api: int, seconds: float) -> list[bool]:
    pushed(port, token, bodies("warm", 20, 1), 4)

    def cost_of(what: str, count: int, work: Callable[[], Any]) -> tuple[float, Any]:
        with measured(home, api) as cost:
            found = work()
        return told(what, count, cost), found

    batches = bodies("batch", int(BATCHES_A_SECOND * seconds / BATCH), BATCH)
    singles = bodies("single", int(SINGLES_A_SECOND * seconds), 1)
    memory = [psutil.Process(api).memory_info().rss]
    many, _ = cost_of("batches of 1,000", len(batches) * BATCH, lambda: pushed(port, token, batches, 4))
    memory.append(psutil.Process(api).memory_info().rss)
    more = bodies("more", len(batches), BATCH)
    cost_of("as many again", len(more) * BATCH, lambda: pushed(port, token, more, 4))
    memory.append(psutil.Process(api).memory_info().rss)
    bare, _ = cost_of("bare COPY of the same rows", len(batches) * BATCH, lambda: copied(url, batches))
    one, _ = cost_of("single events", len(singles), lambda: pushed(port, token, singles, 16))
    each, _ = cost_of("one insert and commit each", len(singles), lambda: inserted(url, singles))
    half = bodies("half", int(SINGLES_A_SECOND / 2 * seconds), 1)
    _, took = cost_of("at half the pace", len(half), lambda: pushed(port, token, half, 16, SINGLES_A_SECOND / 2))
    p99 = statistics.quantiles(took, n=100)[98]
    grown = (memory[2] - memory[1]) / 2**20
    print(f"ratios: batches {many / bare:.2f} of COPY, single events {one / each:.2f} of one insert each")
    print(f"p99 at half the pace {p99 * 1000:.1f} ms; memory of the API grew by {grown:.1f} MiB in the second half")
    return [many >= BATCHES_A_SECOND, one >= SINGLES_A_SECOND, p99 <= P99_SECONDS, grown <= 32]


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0))
