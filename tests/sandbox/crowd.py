"""Any number of tenants with calls on any day, made while they are asked for: for load, not for totals by heart."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import Any

from tests.sandbox.calls import invent, render
from tests.sandbox.world import VapiAccount, World


def crowd(tenants: int, calls_per_day: int, seed: int = 1) -> World:
    """A world of Vapi accounts with keys `crowd_key(0)` and on, each with exactly so many calls every day."""
    return World(vapi={crowd_key(number): _account(number, calls_per_day, seed) for number in range(tenants)})


def crowd_key(number: int) -> str:
    return f"sandbox-vapi-crowd-{number:05d}"


def _account(number: int, calls_per_day: int, seed: int) -> VapiAccount:
    @lru_cache(maxsize=2)
    def of_day(day: date) -> list[tuple[datetime, dict[str, Any]]]:
        random = Random(f"{seed}/{number}/{day}")
        midnight = datetime.combine(day, time(), UTC)
        calls = []
        for _ in range(calls_per_day):
            at = midnight + timedelta(milliseconds=random.randrange(86_400_000))
            spec = invent(random, at, f"a-{number}", f"p-{number}", f"crowd-{number}")
            calls.append((at, render(spec, f"org-{number}")))
        return calls

    def between(start: datetime, end: datetime) -> list[dict[str, Any]]:
        days = range(min((end - start) // timedelta(days=1) + 2, 40))
        dates = [start.date() + timedelta(days=n) for n in days]
        return [call for day in dates for at, call in of_day(day) if start <= at < end]

    return VapiAccount(between)
