"""Facts are told while processes are killed at each step, to receivers that fail, hang, answer 410 and come back
after a day: each committed fact reaches each of them, in order per subject, and nothing else does.

    python -m tests.outgoing.simulate --facts 10000 --seed 1

Writers tell facts in transactions that also write them into a table of the test's, some of which are rolled back.
Writers and senders die by SIGKILL in the midst of their work: a sender before or after it claims, sends or settles.
Their clock is moved from life to life, so that leases end and retries come due.
"""

import argparse
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from random import Random
from typing import Any

import psycopg
from standardwebhooks import Webhook

from tests.conftest import FAST_AND_LOOSE
from tests.forks import end_of, started
from tests.intake.served import add_tenants
from tests.intake.simulate import database
from tests.outgoing import alone
from tests.outgoing.receiver import HANG, Receiver, receiving
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.outgoing import deliveries, endpoints
from warehouse.security.master_keys import MasterKey
from warehouse.security.vault import Vault

PATIENCE = 900
"""Seconds for one process, on a machine that has other work too."""
STEPS = ("claim", "claimed", "send", "sent", "settle", "settled")


@dataclass
class Story:
    """One run. `ends` counts how the processes ended."""

    seed: int
    facts: int
    lives: int = 12
    writer_kills: int = 4
    ends: Counter[str] = field(default_factory=Counter)
    is_back: bool = False


def behaviours(story: Story) -> dict[str, Any]:
    """How each receiver answers its nth request."""
    random = Random(story.seed)
    fate = [random.random() for _ in range(story.facts * 40)]
    return {
        "good": lambda _: 204,
        "fails": lambda number: 500 if fate[number] < 0.02 else 400 if fate[number] < 0.1 else 200,
        "hangs": lambda number: HANG if fate[number] < 0.002 else 202,
        "gone": lambda number: 410 if number == story.facts // 3 else 204,
        "away": lambda _: 204 if story.is_back else 503,
    }


def run(story: Story, url: str) -> float:
    """Tell and send all of it against an installed database; seconds that it took. Raises AssertionError."""
    began = time.monotonic()
    key = MasterKey.generate()
    vault = Vault([key])
    with ExitStack() as stack, connect(url, Role.OPERATOR, actor="otto", autocommit=True) as operator:
        add_tenants(operator, "acme", "birch")
        with psycopg.connect(url) as owner:
            owner.execute("create table public.facts (number int primary key, subject text, tenant_id text, place int)")
            owner.execute("grant select, insert on public.facts to minutebook_operator")
        receivers: dict[str, Receiver] = {}
        ids: dict[str, str] = {}
        for name, behave in behaviours(story).items():
            receiver = receivers[name] = stack.enter_context(receiving(behave))
            secret, made = endpoints.create(vault, operator, receiver.address, ["alert.opened"], clock.now())
            receiver.secret_of_signature, ids[name] = secret.reveal(), made["endpoint_id"]
        environment = os.environ | {"SIMULATED_URL": url, "SIMULATED_KEY": key.encoded()}
        _tell_and_send(story, environment)
        _come_back(story, environment, operator, ids)
        _prove(story, url, receivers)
    return time.monotonic() - began


def _tell_and_send(story: Story, environment: dict[str, str]) -> None:
    """Two senders at a time, each killed at a step of its own, while a writer tells facts and is killed too."""
    random, first = Random(story.seed), 0
    for life in range(story.lives):
        share = story.facts * (life + 1) // story.lives
        is_killed = life < story.writer_kills
        dies_after = random.randrange(5, 60) if is_killed else 0
        writer = _start(alone.write, environment, life, first, share, story.seed, dies_after)
        senders = [
            _start(alone.send, environment, life, STEPS[(life * 2 + which) % len(STEPS)], random.randrange(20, 200))
            for which in range(2)
        ]
        for process in (writer, *senders):
            story.ends[str(end_of(process, PATIENCE))] += 1
        if is_killed:  # whatever it had not committed, another writes
            again = _start(alone.write, environment, life, first, share, story.seed, 0)
            story.ends[str(end_of(again, PATIENCE))] += 1
        first = share


def _come_back(
    story: Story, environment: dict[str, str], operator: psycopg.Connection[Any], ids: dict[str, str]
) -> None:
    story.is_back = True
    for life in range(40):
        process = _start(alone.send, environment, 24 * 60 + life * 400, "never", 0)
        story.ends[str(end_of(process, PATIENCE))] += 1
        # One of many facts may answer 410 only now.
        if not deliveries.replay(operator, ids["gone"], clock.now()) and deliveries.next_due(operator) is None:
            return
    raise AssertionError(f"seed {story.seed}: some still wait")


def _start(work: Callable[..., None], environment: dict[str, str], minutes: int, *asked: Any) -> BaseProcess:
    """A process whose clock is moved by so many minutes and two seconds for each."""
    moved = environment | {clock.OFFSET: str(minutes * 62 + float(os.environ.get(clock.OFFSET, 0)))}
    return started(work, moved, *asked)


def _prove(story: Story, url: str, receivers: dict[str, Receiver]) -> None:
    with psycopg.connect(url) as connection:
        facts = connection.execute("select subject, number from public.facts order by subject, place").fetchall()
        states = connection.execute("select state, count(*) from ledger.deliveries group by state").fetchall()
    assert len(facts) == story.facts, f"seed {story.seed}: {len(facts)} facts were written"
    assert states == [("delivered", story.facts * len(receivers))], f"seed {story.seed}: {states}"
    wanted: dict[str, list[int]] = defaultdict(list)
    for subject, number in facts:
        wanted[subject].append(number)
    for name, receiver in receivers.items():
        first: dict[str, list[int]] = defaultdict(list)
        seen: dict[str, int] = {}
        for told in receiver.taken:
            _verify(receiver, told)
            number = int(told.data["rule"])
            assert seen.setdefault(told.event_id, number) == number, f"seed {story.seed}: one id, two events"
            if number not in first[told.data["alert_id"]]:
                first[told.data["alert_id"]].append(number)
        assert len(seen) == story.facts, f"seed {story.seed}: {name} took {len(seen)} of {story.facts}"
        assert first == wanted, f"seed {story.seed}: {name} got a subject out of order"


def _verify(receiver: Receiver, told: Any) -> None:
    """By the official library, at whatever moment it was sent."""
    at = datetime.fromtimestamp(int(told.headers["webhook-timestamp"]), UTC)
    assert abs(at - clock.now()) < timedelta(days=12)
    signed = Webhook(receiver.secret_of_signature).sign(told.event_id, at, told.raw.decode())
    assert signed == told.headers["webhook-signature"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, default=10_000)
    parser.add_argument("--lives", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    story = Story(asked.seed, asked.facts, asked.lives, writer_kills=asked.lives // 3)
    with database(FAST_AND_LOOSE) as (url, _):
        took = run(story, url)
    sys.stdout.write(
        f"seed {story.seed}: {story.facts} facts to five receivers in {took:.0f} s; processes ended as"
        f" {dict(story.ends)}; none lost, none invented, each subject in order\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
