"""One tenant, a stranger or a SQL client does its worst; others' pages, pulls, approvals and builds are measured.

python -m tests.benchmarks.attacks [--seconds 60] [--only NAME ...]     the others' p99, as a ratio to the undisturbed
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from datetime import time as clock_time
from pathlib import Path

import httpx
from sqlalchemy.engine import make_url

from orchestration.installing import install as migrate
from orchestration.web.access.auth import SESSION
from tests.benchmarks._attackers import ATTACKER, ATTACKS, MINUTEBOOK, OUTAGES, Scene
from tests.benchmarks._measuring import verdict
from tests.oracle.loading import load
from tests.oracle.months import World, generated
from tests.web.conftest import add_staff, start_session
from warehouse import clock
from warehouse.database import lifetime
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.security import database_logins, process_logins, web_logins
from warehouse.security.database_logins import Access

TENANTS = 60
MOST_RATIO = 2.0
# A ratio of a few milliseconds tells of the machine, not of the attack.
LEAST_MILLISECONDS = {"page": 100.0, "pull": 2_000.0, "approval": 2_000.0, "build": 20_000.0}
OTHERS = {"ana": ("/periods", "/days"), "otto": ("/days",), "theo": ("/usage", "/tables")}
LONGEST_OUTAGE_SECONDS = 60.0


def others(scene: Scene, seconds: float, environment: Mapping[str, str]) -> tuple[dict[str, list[float]], list[str]]:
    """Milliseconds of everybody else's pages and work, by kind, and what did not end well."""
    command = [sys.executable, "-m", "tests.benchmarks._work", str(seconds)]
    with lifetime.group(command, env=environment, stdout=subprocess.PIPE, text=True) as work:
        taken, errors = pages(scene, seconds)
        output, _ = work.communicate(timeout=seconds + 600)
    reported = json.loads(output.splitlines()[-1])
    return {"page": taken, **reported["taken"]}, errors + reported["errors"]


def pages(scene: Scene, seconds: float) -> tuple[list[float], list[str]]:
    """As people look at them, who come again when they are asked to; milliseconds of each, and what was no page."""
    taken: list[float] = []
    errors: list[str] = []
    deadline = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        clients = {
            login: stack.enter_context(
                httpx.Client(base_url=scene.address, timeout=60, cookies={SESSION: f"a-session-of-{login}"})
            )
            for login in OTHERS
        }
        while time.monotonic() < deadline:
            for login, paths in OTHERS.items():
                for path in paths:
                    begun = time.perf_counter()
                    error = _looked_at(clients[login], path)
                    taken.append((time.perf_counter() - begun) * 1000)
                    if error:
                        errors.append(f"{login} {path}: {error}")
                    time.sleep(0.2)  # as a person in a hurry: faster is an attack
    return taken, errors


def _looked_at(client: httpx.Client, path: str) -> str:
    """What was wrong with a page, nothing where it came; 503 with Retry-After is asked again, as it says."""
    until = time.monotonic() + LONGEST_OUTAGE_SECONDS
    while True:
        try:
            answer = client.get(path)
        except httpx.HTTPError as error:
            return type(error).__name__
        if answer.status_code == 200:
            return ""
        if answer.status_code != 503 or "retry-after" not in answer.headers or time.monotonic() > until:
            return str(answer.status_code)
        time.sleep(1)


@contextmanager
def served(home: Path) -> Iterator[tuple[Scene, dict[str, str]]]:
    """`minutebook serve` in a process of its own over built months of many tenants, and the environment of its day."""
    world = generated(3, TENANTS)
    environment = {
        **os.environ,
        "MINUTEBOOK_HOME": str(home),
        clock.OFFSET: clock.offset_to(datetime.combine(world.as_of, clock_time(12), UTC)),
        "MINUTEBOOK_STRIPE_WEBHOOK_SECRET": "whsec_" + "a" * 32,
        "MINUTEBOOK_ATTACKED_TENANTS": str(TENANTS),
    }
    with running(home) as url, socket.socket() as probe:
        sql = _filled(url, world)
        subprocess.run([*MINUTEBOOK, "build"], env=environment, check=True, stdout=subprocess.DEVNULL)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [*MINUTEBOOK, "serve", "--port", str(port)]
        with (
            home.with_name("serve.log").open("wb") as log,
            lifetime.group(command, env=environment, stdout=log, stderr=log) as process,
        ):
            scene = Scene(f"http://127.0.0.1:{port}", sql, str(home))
            _wait_for(scene)
            yield scene, environment
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _filled(url: str, world: World) -> dict[str, str]:
    """Months of usage, people who are signed in, and logins of the database; their addresses."""
    migrate(process_logins.derived(url))
    with connect(url, Role.OWNER, autocommit=True) as owner:
        load(owner, world)
    tenants = sorted(tenant.tenant_id for tenant in world.book.tenants)
    with connect(url, Role.SERVER) as connection:
        add_staff(connection)
        for login, tenant in ((ATTACKER, tenants[0]), ("theo", tenants[1])):
            web_logins.add_login(connection, login, "tenant", tenant)
            start_session(connection, login)
    with connect(url, Role.OWNER) as owner:
        given = {"tenant": database_logins.grant(owner, Access.TENANT, tenant_id=tenants[0])}
        given |= {access.value: database_logins.grant(owner, access) for access in (Access.ANALYST, Access.OPERATOR)}
    address = make_url(url)
    return {
        name: address.set(username=one.login, password=one.password.reveal()).render_as_string(hide_password=False)
        for name, one in given.items()
    }


def _wait_for(scene: Scene) -> None:
    for _ in range(600):
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{scene.address}/healthz", timeout=10).status_code == 200:
                return
        time.sleep(0.2)
    raise RuntimeError("serve did not start")


def p99(taken: list[float]) -> float:
    """Of few, the slowest."""
    return sorted(taken)[int(len(taken) * 0.99)] if taken else float("nan")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", nargs="*", choices=list(ATTACKS), default=list(ATTACKS))
    asked = parser.parse_args()
    bounds: list[bool] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "home") as (scene, environment):
        pages(scene, 3)  # warm
        undisturbed, failed = others(scene, asked.seconds, environment)
        baseline = {kind: p99(taken) for kind, taken in undisturbed.items()}
        print("undisturbed: " + ", ".join(f"{kind} {value:,.0f} ms" for kind, value in baseline.items()), flush=True)
        for name in asked.only:
            command = [sys.executable, "-m", "tests.benchmarks._attackers", name, str(asked.seconds + 2)]
            with lifetime.group(command, env=environment, stdin=subprocess.PIPE, text=True) as attacker:
                attacker.stdin.write(json.dumps(asdict(scene)))  # type: ignore[union-attr]
                attacker.stdin.close()  # type: ignore[union-attr]
                time.sleep(2)  # until it is under way
                taken, errors = others(scene, asked.seconds, environment)
            found = {kind: p99(taken[kind]) for kind in baseline}
            ratios = ", ".join(
                f"{kind} {found[kind] / baseline[kind]:.1f} x ({found[kind]:,.0f} ms of {len(taken[kind])})"
                for kind in found
            )
            print(f"{name}: {ratios}; {len(errors)} errors", flush=True)
            if name not in OUTAGES:
                bounds += [
                    not value > max(MOST_RATIO * baseline[kind], LEAST_MILLISECONDS[kind])
                    for kind, value in found.items()
                ]
            failed += errors
    for error in failed[:20]:
        print(error)
    return 1 if failed else verdict(*bounds)


if __name__ == "__main__":
    sys.exit(main())
