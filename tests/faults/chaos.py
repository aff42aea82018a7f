"""A deployment at work while everything under it breaks, one strike after the other; afterwards its books are true.

    python -m tests.faults.chaos --seed 1 --strikes 40
    python -m tests.faults.chaos --seed 1 --strikes 40 --up     with `minutebook up` at work, and killed, too

Which strikes come, in which order, and when each meets the work follows from the seed; who comes first between
processes is left to the machine. At work are two pulls of tenants whose answers change, and clients that push events.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

import pytest
from sqlalchemy.engine import make_url

from orchestration.installing import install
from orchestration.settings import Settings
from tests.conftest import FAST_AND_LOOSE
from tests.deploy.test_image import free_port
from tests.faults.links import Link, link
from tests.faults.restless import Restless
from tests.faults.servers import crash_the_server, restart_the_server
from tests.faults.service import CODE_SERVER, DAEMON, Service, service
from tests.faults.standby import REPLICATED, Primary
from tests.faults.zygote import PLACES, Zygote
from tests.ingestion.house import House
from tests.intake import simulate
from tests.intake.served import add_tenants, key
from tests.intake.simulate import TENANTS, Client, Story
from tests.sandbox.server import serving
from tests.sandbox.world import World
from tests.web.server import MASTER_KEY
from warehouse.clock import OFFSET, offset_to
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.security.isolation import require_isolation

CONNECTIONS = 2
NAMES = tuple(f"tenant-{number}" for number in range(TENANTS))
NOON = datetime(2026, 11, 12, 12, tzinfo=UTC)
DAYS = tuple(date(2026, 11, day) for day in (8, 9, 10))
EVENTS_OF_A_STRIKE = 120
DISK_BYTES = 1 << 30
HOUR, DAY = 3_600, 86_400


@dataclass
class Chaos:
    """What is at work, and the strikes that it has had."""

    random: Random
    restless: Restless
    primary: Primary
    to_providers: Link
    of_workers: Link
    of_serve: Link
    clients: list["Pusher"]
    supervisor: simulate.Supervisor
    disk: Path | None
    up: Service | None = None
    had: Counter[str] = field(default_factory=Counter)

    def strikes(self) -> dict[str, Callable[[], None]]:
        """Each meets the work at a moment that the seed decides; when it returns, all is whole again."""
        found: dict[str, Callable[[], None]] = {
            "restart of PostgreSQL": lambda: self._outside(lambda: restart_the_server(self.primary.url)),
            "crash of PostgreSQL": lambda: self._outside(lambda: crash_the_server(self.primary.url)),
            "failover": lambda: self._outside(self._fail_over),
            "worker cut off from PostgreSQL": lambda: self._outside(lambda: self._cut(self.of_workers)),
            "serve cut off from PostgreSQL": lambda: self._outside(lambda: self._cut(self.of_serve)),
            "worker cut off from providers": lambda: self._outside(lambda: self._cut(self.to_providers)),
            "everybody cut off": lambda: self._outside(
                lambda: self._cut(self.of_workers, self.of_serve, self.to_providers)
            ),
            "worker killed": self._kill_a_worker,
            "worker without disk": lambda: self._work({"largest_file": 4096}),
            "worker without memory": lambda: self._work({"memory": self.random.choice((1, 8, 64)) << 20}),
            "serve killed": lambda: self._outside(self._kill_serve),
            "clock an hour ahead": lambda: self._at(HOUR),
            "clock an hour behind": lambda: self._at(-HOUR),
            "a day of outage": self._outage,
        }
        if self.disk is not None:
            found["PostgreSQL without disk"] = lambda: self._outside(self._fill_the_disk)
        if self.up is not None:
            up = self.up
            found["daemon killed"] = lambda: self._outside(lambda: up.kill(DAEMON))
            found["code server killed"] = lambda: self._outside(lambda: up.kill(CODE_SERVER))
        return found

    def strike(self, name: str) -> None:
        """Have everybody at work, and break something."""
        self.had[name] += 1
        self.restless.change(self.random)
        pushing = [threading.Thread(target=one.push, args=(EVENTS_OF_A_STRIKE,)) for one in self.clients]
        for one in pushing:
            one.start()
        self.strikes()[name]()
        self.primary.stand_up()
        if self.up is not None:
            self.up.stand_up()
        for one in pushing:
            one.join()

    def settle(self) -> None:
        """One quiet pull, and every event that had to wait."""
        for one in self.clients:
            one.run()
        ended = self.restless.pull()
        assert [one["status"] for one in ended] == [0], ended

    def _work(self, *more: dict[str, object], offset: int = 0) -> None:
        self._start(*more, offset=offset)
        self.restless.zygote.ended()

    def _start(self, *more: dict[str, object], offset: int = 0) -> None:
        named = {name: value for name, value in os.environ.items() if name.startswith("MINUTEBOOK_")}
        named[OFFSET] = str(float(named[OFFSET]) + offset)
        triggers = ("backfill", "cli")  # by a schedule, sensors would pull other days as well
        options = (*more, *({} for _ in triggers))[: len(triggers)]
        runs = [self.restless.run(trigger=t, **o) for t, o in zip(triggers, options, strict=True)]
        self.restless.zygote.start(named, *runs)

    def _outside(self, do: Callable[[], None]) -> None:
        """In the middle of the work."""
        self._start()
        time.sleep(self.random.uniform(0.05, 0.8))
        do()
        self.restless.zygote.ended()

    def _kill_a_worker(self) -> None:
        place = self.random.choice([*sorted(PLACES), ""])
        how = (
            {"kill_at": [place, self.random.randint(1, 2)]} if place else {"kill_after": self.random.uniform(0.02, 1.2)}
        )
        self._work(how)

    def _kill_serve(self) -> None:
        if self.supervisor.process is not None:
            self.supervisor.process.kill()

    def _cut(self, *links: Link) -> None:
        for one in links:
            one.cut()
        time.sleep(self.random.uniform(0.5, 3))
        for one in links:
            one.heal()

    def _at(self, seconds: int) -> None:
        """For a worker, and for what serves, which begins again with its clock moved."""
        before = self.supervisor.environment[OFFSET]
        self.supervisor.environment[OFFSET] = str(float(before) + seconds)
        self._kill_serve()
        self._work(offset=seconds)
        self.supervisor.environment[OFFSET] = before
        self._kill_serve()

    def _outage(self) -> None:
        """Nothing of ours runs for a day, on which providers go on."""
        self._kill_serve()
        self.restless.change(self.random)
        self._work(offset=DAY)

    def _fail_over(self) -> None:
        self.primary.fail_over(free_port())
        for one in (self.of_workers, self.of_serve):
            one.lead_to(self.primary.port)

    def _fill_the_disk(self) -> None:
        assert self.disk is not None
        filler = self.disk / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * (1 << 20))
        time.sleep(self.random.uniform(0.5, 2))
        filler.unlink()


class Pusher(Client):
    """Pushes its events little by little; `run` then sends all of them again, whatever was answered before."""

    def __init__(self, story: Story, number: int, port: int, tokens: list[str]) -> None:
        super().__init__(story, number, port, tokens)
        self._left = story.requests_of(number)

    def push(self, events: int) -> None:
        while events > 0 and (request := next(self._left, None)):
            self.send(*request)
            events -= len(request[1])


@contextmanager
def deployment(seed: int, events: int) -> Iterator[Chaos]:
    """Five tenants that are pulled and three that push, a server that may fail over, and a network between all."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="minutebook-chaos-")))
        folder.chmod(0o711)
        disk = stack.enter_context(_disk(folder / "disk"))
        home = (disk or folder) / "home"
        own = stack.enter_context(running(home, settings={**FAST_AND_LOOSE, **REPLICATED}))
        install(own)
        primary = Primary(own, home / "postgres" / "data", home)
        stack.callback(primary.end)
        links = [stack.enter_context(link(primary.port)) for _ in range(2)]
        workers, serve = (make_url(own).set(port=one.port).render_as_string(hide_password=False) for one in links)
        sandbox = stack.enter_context(serving(World()))
        to_providers = stack.enter_context(link(int(sandbox.url.rpartition(":")[2])))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in {
            "MINUTEBOOK_HOME": str(folder / "state"), "MINUTEBOOK_DATABASE_URL": workers,
            "MINUTEBOOK_MASTER_KEYS": MASTER_KEY, "MINUTEBOOK_VAPI_URL": f"http://127.0.0.1:{to_providers.port}/vapi",
            OFFSET: offset_to(NOON),
        }.items():  # fmt: skip
            patch.setenv(name, value)
        zygote = Zygote()
        stack.callback(zygote.close)
        restless = Restless(House(workers, Settings.from_environment(), sandbox), zygote, DAYS)
        for tenant in ("acme", "beta", "gamma", "delta", "epsilon"):
            restless.add(tenant)
        restless.pull()
        story = Story(seed, events, CONNECTIONS, kills=0, restarts=0)
        with connect(workers, Role.OPERATOR, actor="otto") as operator:
            add_tenants(operator, *NAMES)
        tokens = [key(workers, name) for name in NAMES]
        supervisor = stack.enter_context(simulate.served(story, serve, folder / "state", {}))
        clients = [Pusher(story, number, supervisor.port, tokens) for number in range(CONNECTIONS)]
        yield Chaos(Random(seed), restless, primary, to_providers, *links, clients, supervisor, disk)


@contextmanager
def _disk(folder: Path) -> Iterator[Path | None]:
    """A small disk of the server's own, where we may mount one."""
    folder.mkdir(mode=0o711)
    options = f"size={DISK_BYTES},mode=711"
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def prove(chaos: Chaos) -> None:
    """What must hold does, once all is quiet."""
    house = chaos.restless.house
    if chaos.up is not None:
        chaos.up.works_a_run_off()
        chaos.up.end()
        chaos.up = None
    chaos.settle()
    chaos.restless.assert_books_are_true()
    rows = house.execute("select count(*) as landed from raw_vapi.calls")
    chaos.settle()
    assert house.execute("select count(*) as landed from raw_vapi.calls") == rows
    chaos.restless.assert_books_are_true()
    simulate.prove(chaos.clients[0].story, house.url, list(NAMES))
    with connect(house.url, Role.TENANT) as reader:
        require_isolation(reader, is_served=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strikes", type=int, default=40)
    parser.add_argument("--up", action="store_true", help="`minutebook up` is at work, too")
    asked = parser.parse_args()
    began = time.monotonic()
    with ExitStack() as stack:
        chaos = stack.enter_context(deployment(asked.seed, asked.strikes * EVENTS_OF_A_STRIKE))
        if asked.up:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="minutebook-up-")))
            chaos.up = stack.enter_context(service(folder))
        for number in range(asked.strikes):
            name = chaos.random.choice(sorted(chaos.strikes()))
            sys.stdout.write(f"{time.monotonic() - began:6.0f} s, seed {asked.seed}, strike {number}: {name}\n")
            sys.stdout.flush()
            chaos.strike(name)
        prove(chaos)
    sys.stdout.write(
        f"seed {asked.seed}: {dict(chaos.had)}; the books are true, and no event was lost or taken twice\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
