"""Clients that repeat and reorder what they push, while the API is killed and PostgreSQL restarts: nothing is lost, and
nothing is taken twice.

    python -m tests.intake.simulate --events 1000000 --connections 64 --seed 1

What each connection sends, and where each process is killed, follows from the seed; who comes first between connections
is left to the machine. Half of the events are sent by a second connection too, some of them with other content. Of each
event is proven afterwards: it is stored once; with content for which no client was refused, and no other for which one
was told that it is stored. What a day adds up to, and the rows that are read of it, are those events and no others.
"""

import argparse
import base64
import http.client
import json
import os
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any

import psycopg

from orchestration.installing import install
from tests.conftest import FAST_AND_LOOSE
from tests.faults.servers import crash_the_server, restart_the_server, wait_for_the_server
from tests.forks import end_of, started
from tests.intake import served_alone
from tests.intake.served import add_tenants, key, login_of
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.intake import hooks
from warehouse.intake.stored import Pushed
from warehouse.security.database_logins import Access
from warehouse.security.master_keys import parse_master_keys
from warehouse.security.vault import Secret, Vault

TENANTS, DAYS = 3, 3
OTHER = 1_000_000
"""Added to the quantity of an event that is sent with other content."""
LARGEST_BATCH = 200
_PATIENCE_SECONDS = 120


@dataclass
class Story:
    """One run: what was asked, and what was told of each event; bit 1 of the content as it is, bit 2 of the other."""

    seed: int
    events: int
    connections: int
    kills: int
    restarts: int
    began: datetime = field(default_factory=lambda: datetime.combine(clock.today(), datetime.min.time(), UTC))
    told_stored: bytearray = field(default_factory=bytearray)
    told_other: bytearray = field(default_factory=bytearray)
    accepted: int = 0
    requests: int = 0
    repeated: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.told_stored, self.told_other = bytearray(self.events), bytearray(self.events)

    def event(self, number: int, *, is_other: bool = False) -> dict[str, Any]:
        """The event of that number. Of every 50 the last replaces the first."""
        happened = self.began - timedelta(days=number // TENANTS % DAYS, seconds=1 + number % 80_000)
        replaced = {"replaces": str(number - 49 * TENANTS)} if self.is_replacement(number) else {}
        return {
            "specversion": "1.0",
            "id": str(number),
            "source": "/simulated",
            "type": "ocr.scan",
            "time": happened.isoformat(),
            "data": {"quantity": number + (OTHER * 10 if is_other else 0), "model": "large"},
            **replaced,
        }

    def is_replacement(self, number: int) -> bool:
        """Whether it replaces another of its tenant."""
        return number // TENANTS % 50 == 49

    def requests_of(self, connection: int) -> Iterator[tuple[int, list[tuple[int, bool]]]]:
        """Tenant and events, by number and whether with other content, of each request of a connection."""
        random = Random(f"{self.seed}/{connection}")
        own = range(connection, self.events, self.connections)
        others = range((connection + 1) % self.connections, self.events, self.connections)
        of_tenant: list[list[tuple[int, bool]]] = [[] for _ in range(TENANTS)]
        for number in own:
            of_tenant[number % TENANTS].append((number, False))
        for number in others:
            if random.random() < 0.5:
                of_tenant[number % TENANTS].append((number, random.random() < 0.05 and not self.is_replacement(number)))
        sent = []
        for tenant, events in enumerate(of_tenant):
            random.shuffle(events)
            first = 0
            while first < len(events):
                size = random.choice((1, 1, 10, 100, LARGEST_BATCH))
                sent.append((tenant, events[first : first + size]))
                first += size
        random.shuffle(sent)
        for request in sent:
            yield request
            if random.random() < 0.1:
                yield request


class Client:
    """One connection of a story: sends each request until it is answered for good."""

    def __init__(self, story: Story, number: int, port: int, tokens: list[str]) -> None:
        self.story, self.number, self.port, self.tokens = story, number, port, tokens
        self.connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """Send all of it; what replaces an event that is not known yet comes again later."""
        waiting = list(self.story.requests_of(self.number))
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while waiting:
            early = []
            for tenant, events in waiting:
                if unknown := self.send(tenant, events):
                    early.append((tenant, unknown))
                else:
                    deadline = time.monotonic() + _PATIENCE_SECONDS
            assert time.monotonic() < deadline, f"connection {self.number}: {early[0]} has nothing to replace"
            if early:
                time.sleep(0.05)
            waiting = early

    def send(self, tenant: int, events: list[tuple[int, bool]]) -> list[tuple[int, bool]]:
        """Until there is an answer for good; events that replace what is not known yet."""
        body = json.dumps([self.story.event(number, is_other=is_other) for number, is_other in events])
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            headers = {
                "Authorization": f"Bearer {self.tokens[tenant]}",
                "Content-Type": "application/cloudevents-batch+json",
            }
            answer = self.asked("/v1/events", body, headers)
            if answer is not None and answer[0] in (202, 422):
                return self._note(events, json.loads(answer[1]))
            assert answer is None or answer[0] in (429, 503), answer
            assert time.monotonic() < deadline, f"connection {self.number}: no answer; the last was {answer}"
            with self.story.lock:
                self.story.repeated += 1
            time.sleep(0.05)

    def asked(self, path: str, body: str, headers: dict[str, str]) -> tuple[int, bytes] | None:
        """The answer; None where there was none."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            self.connection.request("POST", path, body, headers)
            response = self.connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            return None

    def _note(self, events: list[tuple[int, bool]], told: dict[str, Any]) -> list[tuple[int, bool]]:
        codes = {one["index"]: one["code"] for one in told.get("rejected", ())}
        assert told["accepted"] + told["duplicates"] + len(codes) == len(events), told
        assert set(codes.values()) <= {"id_conflict", "replaces_unknown"}, codes
        story = self.story
        with story.lock:
            story.requests += 1
            story.accepted += told["accepted"]
            for place, (number, is_other) in enumerate(events):
                bit = 2 if is_other else 1
                if place not in codes:
                    story.told_stored[number] |= bit
                elif codes[place] == "id_conflict":
                    story.told_other[number] |= bit
        return [event for place, event in enumerate(events) if codes.get(place) == "replaces_unknown"]


class Supervisor:
    """Starts the API again whenever it ends; the socket stays open meanwhile, as behind a proxy that waits."""

    def __init__(self, story: Story, environment: dict[str, str], listening: socket.socket) -> None:
        self.story, self.environment, self.listening = story, environment, listening
        self.is_over = Flag()
        self.process: BaseProcess | None = None

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    def run(self) -> None:
        """Until it is over: the first `kills` processes live as long as their seed says."""
        longest = max(5, self.story.events // 60 // max(1, self.story.kills))
        for life in range(10_000):
            if self.is_over.is_set():
                return
            bounds = self.story.seed * 1_000 + life, longest if life < self.story.kills else 0
            self.process = started(served_alone.main, self.environment, self.listening, *bounds)
            self.story.ends[str(end_of(self.process))] += 1

    def end(self) -> None:
        """Ask it to end."""
        self.is_over.set()
        if self.process is not None:
            self.process.terminate()


def run(story: Story, url: str, home: Path) -> float:
    """Push all of it against a database of its own; seconds that it took. Raises AssertionError."""
    names = [f"tenant-{number}" for number in range(TENANTS)]
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        add_tenants(operator, *names)
    tokens = [key(url, name) for name in names]
    with served(story, url, home, {}) as api, ThreadPoolExecutor(story.connections) as pool:
        began = time.monotonic()
        clients = [Client(story, number, api.port, tokens) for number in range(story.connections)]
        running_clients = [pool.submit(client.run) for client in clients]
        _disturb(story, url, lambda: all(one.done() for one in running_clients))
        for one in running_clients:
            one.result()
        took = time.monotonic() - began
    wait_for_the_server(url)
    prove(story, url, names)
    return took


@contextmanager
def served(story: Story, url: str, home: Path, more: dict[str, str]) -> Iterator[Supervisor]:
    """The API, which is started again whenever it dies."""
    with (
        login_of(url, Access.SERVER) as server_url,
        login_of(url, Access.INTAKE) as intake_url,
        socket.socket() as listening,
    ):
        listening.bind(("127.0.0.1", 0))
        listening.listen(512)
        urls = {"DATABASE_URL": url, "SERVER_DATABASE_URL": server_url, "INTAKE_DATABASE_URL": intake_url}
        values = {**urls, "HOME": str(home), **more}
        environment = os.environ | {f"MINUTEBOOK_{name}": value for name, value in values.items()}
        supervisor = Supervisor(story, environment, listening)
        thread = Thread(target=supervisor.run)
        thread.start()
        try:
            yield supervisor
        finally:
            supervisor.end()
            thread.join()


def report(story: Story, url: str, home: Path) -> None:
    """Tell a hook of as many calls as the story has events, each until it is answered 200. Raises AssertionError."""
    keys_of_vault = base64.b64encode(bytes(32)).decode()
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        add_tenants(operator, "acme")
        secret = Secret("a-secret-of-the-hook")
        hook_id = hooks.create(Vault(parse_master_keys(keys_of_vault)), operator, "acme", "vapi", "bearer", {}, secret)

    def tell(connection: int, port: int) -> None:
        client = Client(story, connection, port, [])
        headers = {"Authorization": f"Bearer {secret.reveal()}", "Content-Type": "application/json"}
        for number in range(connection, story.events, story.connections):
            at = (story.began - timedelta(days=1, seconds=number)).isoformat()
            call = {"id": str(number), "createdAt": at, "type": "inboundPhoneCall"}
            message = {"type": "end-of-call-report", "startedAt": at, "endedAt": at, "cost": number, "call": call}
            deadline = time.monotonic() + 3 * _PATIENCE_SECONDS
            for _ in range(2):  # the provider repeats what it was answered, too
                body = json.dumps({"message": message})
                while (answer := client.asked(f"/v1/hooks/vapi/{hook_id}", body, headers)) is None or answer[0] == 503:
                    assert time.monotonic() < deadline, f"seed {story.seed}: {number} has no answer but {answer}"
                    with story.lock:
                        story.repeated += 1
                    time.sleep(0.05)
                assert answer == (200, b"{}"), answer
                story.told_stored[number] = 1

    with (
        served(story, url, home, {"MASTER_KEYS": keys_of_vault}) as api,
        ThreadPoolExecutor(story.connections) as pool,
    ):
        telling = [pool.submit(tell, number, api.port) for number in range(story.connections)]
        _disturb(story, url, lambda: all(one.done() for one in telling))
        for one in telling:
            one.result()
    wait_for_the_server(url)
    with psycopg.connect(url) as connection:
        kept = connection.execute("select row_id::int, cost::int from intake.reports order by 1").fetchall()
    assert kept == [(number, number) for number in range(story.events)], f"seed {story.seed}: lost, or kept twice"


def _disturb(story: Story, url: str, is_over: Any) -> None:
    """Crash and restart PostgreSQL, in turns, after equal shares of the events."""
    for number in range(story.restarts):
        share = story.events * (number + 1) // (story.restarts + 1)
        while not is_over() and sum(map(bool, story.told_stored)) < share:
            time.sleep(0.2)
        if not is_over():
            (crash_the_server, restart_the_server)[number % 2](url)
            wait_for_the_server(url)


def prove(story: Story, url: str, names: list[str]) -> None:
    """Each event is stored once, as was answered, and read once. Raises AssertionError."""
    seen, standing = bytearray(story.events), 0
    with psycopg.connect(url) as connection, connection.cursor(name="stored") as cursor:
        cursor.itersize = 10_000
        cursor.execute("select tenant_id, event_id::int, (facts ->> 'quantity')::bigint from intake.events")
        for tenant, number, quantity in cursor:
            bit = 1 if quantity == number else 2
            assert quantity in (number, number + OTHER * 10), f"seed {story.seed}: {number} holds {quantity}"
            assert tenant == names[number % TENANTS], f"seed {story.seed}: {number} is {tenant}'s"
            assert not seen[number], f"seed {story.seed}: {number} is stored twice"
            assert not story.told_stored[number] & ~bit, f"seed {story.seed}: {number} was said to be stored otherwise"
            assert not story.told_other[number] & bit, f"seed {story.seed}: {number} was refused, and is stored"
            seen[number] = bit
    assert all(seen), f"seed {story.seed}: {seen.count(0)} events are lost, {seen.index(0)} among them"
    assert story.accepted <= story.events, f"seed {story.seed}: {story.accepted} accepted of {story.events}"
    days = [(story.began - timedelta(days=back, seconds=1)).date() for back in range(DAYS)]
    read: set[str] = set()
    for name in names:
        for day in days:
            with Pushed(url).day("events", name, day) as (sums, events):
                ids = [event.event_id for event in events]
            assert sums.events == sums.stored, f"seed {story.seed}: {name} {day} adds up to {sums}"
            standing += len(ids)
            read |= set(ids)
    replaced = {str(n - 49 * TENANTS) for n in range(story.events) if story.is_replacement(n)}
    assert standing == len(read), f"seed {story.seed}: an event is read twice"
    assert read == {str(number) for number in range(story.events)} - replaced, f"seed {story.seed}: not what stands"


@contextmanager
def database(settings: dict[str, str] | None = None) -> Iterator[tuple[str, Path]]:
    """A server of its own, which may be crashed, with an installed database; and a folder beside it."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "server", settings=settings) as url:
        install(url)
        yield url, Path(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--kills", type=int, default=60, help="of the API's process")
    parser.add_argument("--restarts", type=int, default=6, help="and crashes of PostgreSQL, in turns")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    story = Story(asked.seed, asked.events, asked.connections, asked.kills, asked.restarts)
    with database(FAST_AND_LOOSE) as (url, home):
        took = run(story, url, home)
    sys.stdout.write(
        f"seed {story.seed}: {story.events} events of {story.connections} connections in {took:.0f} s, {story.requests}"
        f" requests answered, {story.repeated} repeated for want of an answer, processes ended as {dict(story.ends)};"
        " none lost, none twice\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
