"""Any number of tenants with calls on any day, made while they are asked for: for load, not for totals by heart.

`python -m tests.sandbox.crowd TENANTS CALLS_PER_DAY [DAY_WITH_CHAT]` serves them until its input ends, and prints the
base URLs of Vapi and Voiceflow.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import Any

from tests.sandbox.server import serving
from tests.sandbox.vapi.calls import instant, invent, render, uuid
from tests.sandbox.voiceflow.chat import invent_project
from tests.sandbox.world import VapiAccount, World

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = ("createdAt", "updatedAt", "startedAt", "endedAt")


def crowd(tenants: int, calls_per_day: int, seed: int = 1, chat_days: Sequence[date] = ()) -> World:
    """A world of Vapi accounts with keys `crowd_key(0)` and on, each with exactly so many calls every day; where there
    are `chat_days`, each tenant has a Voiceflow project used on those days.
    """
    world = World(vapi={crowd_key(number): _account(number, calls_per_day, seed) for number in range(tenants)})
    for number in range(tenants if chat_days else 0):
        project = invent_project(Random(f"{seed}/{number}"), project_of(number), chat_days)
        world.voiceflow[chat_key(number)] = {project_of(number): project}
    return world


def crowd_key(number: int) -> str:
    return f"sandbox-vapi-crowd-{number:05d}"


def chat_key(number: int) -> str:
    return f"VF.DM.sandbox-crowd-{number:05d}"


def project_of(number: int) -> str:
    return f"project-{number:05d}"


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[dict[str, Any], dict[str, timedelta]]]:
    """Calls to copy, each with its moments as time since its creation: rendering one again takes five times as long."""
    random = Random("patterns")
    calls = [render(invent(random, EPOCH, "", "", None), "") for _ in range(256)]
    return [
        (call, {name: datetime.fromisoformat(call[name]) - EPOCH for name in MOMENTS if name in call}) for call in calls
    ]


def _account(number: int, calls_per_day: int, seed: int) -> VapiAccount:
    owned = {"assistantId": f"a-{number}", "phoneNumberId": f"p-{number}", "orgId": f"org-{number}"}

    @lru_cache(maxsize=2)
    def of_day(day: date) -> list[tuple[datetime, dict[str, Any]]]:
        random = Random(f"{seed}/{number}/{day}")
        midnight = datetime.combine(day, time(), UTC)
        calls = []
        for _ in range(calls_per_day):
            at = midnight + timedelta(milliseconds=random.randrange(86_400_000))
            call, moments = random.choice(_patterns())
            own = {"id": uuid(random), **owned, **{name: instant(at + since) for name, since in moments.items()}}
            calls.append((at, call | own))
        return calls

    def between(start: datetime, end: datetime) -> list[dict[str, Any]]:
        last = end - timedelta(microseconds=1)
        dates = [start.date() + timedelta(days=n) for n in range((last.date() - start.date()).days + 1)]
        # A question without bounds is about nobody's day: it would make a century of calls.
        return [call for day in dates for at, call in of_day(day) if start <= at < end] if len(dates) <= 40 else []

    return VapiAccount(between)


if __name__ == "__main__":
    days = [date.fromisoformat(day) for day in sys.argv[3:]]
    with serving(crowd(int(sys.argv[1]), int(sys.argv[2]), chat_days=days)) as sandbox:
        sys.stdout.write(f"{sandbox.vapi_url} {sandbox.voiceflow_url}\n")
        sys.stdout.flush()
        sys.stdin.read()
