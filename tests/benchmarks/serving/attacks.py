"""One tenant, a stranger or a SQL client does its worst; others' pages, pulls, approvals and builds are measured.

python -m tests.benchmarks.serving.attacks [--seconds 60] [--only NAME ...]     the others' p99, beside the undisturbed
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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from datetime import time as clock_time
from pathlib import Path

import httpx
from sqlalchemy.engine import make_url

from orchestration.installing import install as migrate
from orchestration.web.access.auth import DEVICE, SESSION
from tests.benchmarks._measuring import verdict
from tests.benchmarks.serving._attackers import ATTACKER, ATTACKS, MINUTEBOOK, OUTAGES, TLS, Scene
from tests.oracle.worlds.loading import load
from tests.oracle.worlds.months import World, generated
from tests.web.conftest import add_staff, start_session
from tests.web.signing import sent
from warehouse import clock
from warehouse.database import lifetime
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.security import database_logins, process_logins, web_logins
from warehouse.security.database_logins import Access

TENANTS = 60
MOST_RATIO = 2.0
# A ratio of a few milliseconds tells of the machine, not of the attack.
LEAST_MILLISECONDS = {"page": 100.0, "sign-in": 1_000.0, "pull": 2_000.0, "approval": 2_000.0, "build": 20_000.0}
OTHERS = {"ana": ("/periods", "/days"), "otto": ("/days",), "theo": ("/usage", "/tables")}
LONGEST_OUTAGE_SECONDS = 60.0
DEVICE_OF_ANA = "a-device-of-ana"


def others(scene: Scene, seconds: float, environment: Mapping[str, str]) -> tuple[dict[str, list[float]], list[str]]:
    """Milliseconds of everybody else's pages and work, by kind, and what did not end well."""
    command = [sys.executable, "-m", "tests.benchmarks.serving._work", str(seconds)]
    with lifetime.group(command, env=environment, stdout=subprocess.PIPE, text=True) as work:
        taken, errors = people(scene, seconds)
        output, _ = work.communicate(timeout=seconds + 600)
    reported = json.loads(output.splitlines()[-1])
    return {**taken, **reported["taken"]}, errors + reported["errors"]


def people(scene: Scene, seconds: float) -> tuple[dict[str, list[float]], list[str]]:
    """Who look at pages, and ana, who signs in again and again; they come again when they are asked to. Milliseconds,
    and what did not end well.
    """
    taken: dict[str, list[float]] = {"page": [], "sign-in": []}
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
                    errors += _timed(taken["page"], f"{login} {path}", lambda: clients[login].get(path), 200)  # noqa: B023 - called at once
            errors += _timed(taken["sign-in"], "ana signs in", lambda: _signed_in(scene), 303)
    return taken, errors


def _signed_in(scene: Scene) -> httpx.Response:
    """By a browser that did so before, from an address at which nobody attacks."""
    transport = httpx.HTTPTransport(verify=TLS, local_address="127.200.0.1")
    with httpx.Client(base_url=scene.address, timeout=60, transport=transport) as client:
        client.cookies.set(DEVICE, DEVICE_OF_ANA, path="/sign-in")
        page = client.get("/sign-in")
        return sent(client, page, "ana") if page.status_code == 200 else page


def _timed(taken: list[float], what: str, do: Callable[[], httpx.Response], wanted: int) -> list[str]:
    begun = time.perf_counter()
    error = _done(do, wanted)
    taken.append((time.perf_counter() - begun) * 1000)
    time.sleep(0.2)  # as a person in a hurry: faster is an attack
    return [f"{what}: {error}"] if error else []


def _done(do: Callable[[], httpx.Response], wanted: int) -> str:
    """What was wrong with an answer, nothing where it came; 503 with Retry-After is asked again, as it says."""
    until = time.monotonic() + LONGEST_OUTAGE_SECONDS
    while True:
        try:
            answer = do()
        except httpx.HTTPError as error:
            return type(error).__name__
        if answer.status_code == wanted:
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
            scene = Scene(f"http://127.0.0.1:{port}", sql, str(home), _tenants(world)[0])
            _wait_for(scene)
            yield scene, environment
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _filled(url: str, world: World) -> dict[str, str]:
    """Months of usage, people who are signed in, and logins of the database; their addresses."""
    migrate(process_logins.derived(url))
    with connect(url, Role.OWNER, autocommit=True) as owner:
        load(owner, world)
    tenants = _tenants(world)
    with connect(url, Role.SERVER) as connection:
        add_staff(connection)
        for login, tenant in ((ATTACKER, tenants[0]), ("theo", tenants[1])):
            web_logins.add_login(connection, login, "tenant", tenant)
            start_session(connection, login)
        password_hash, _ = web_logins.password_of(connection, "ana", "")
        web_logins.start_session(connection, "ana", str(password_hash), device=DEVICE_OF_ANA)
    with connect(url, Role.OWNER) as owner:
        given = {"tenant": database_logins.grant(owner, Access.TENANT, tenant_id=tenants[0])}
        given |= {access.value: database_logins.grant(owner, access) for access in (Access.ANALYST, Access.OPERATOR)}
    address = make_url(url)
    return {
        name: address.set(username=one.login, password=one.password.reveal()).render_as_string(hide_password=False)
        for name, one in given.items()
    }


def _tenants(world: World) -> list[str]:
    return sorted(tenant.tenant_id for tenant in world.book.tenants)


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
        people(scene, 3)  # warm
        undisturbed, failed = others(scene, asked.seconds, environment)
        baseline = {kind: p99(taken) for kind, taken in undisturbed.items()}
        print("undisturbed: " + ", ".join(f"{kind} {value:,.0f} ms" for kind, value in baseline.items()), flush=True)
        for name in asked.only:
            command = [sys.executable, "-m", "tests.benchmarks.serving._attackers", name, str(asked.seconds + 2)]
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
