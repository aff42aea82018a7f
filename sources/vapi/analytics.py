"""Vapi's own count and cost of a window, from `POST /analytics`: a second opinion, never the record."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from sources.bills import number
from sources.checks.bounds import exact, fault_of_quantity
from sources.errors import SourceFailure, TransientFailure
from sources.http import ATTEMPTS, ProviderClient
from sources.window import MILLISECOND, Window, instant


class Result(msgspec.Struct, rename="camel"):
    date: str | None = None
    count_id: Any = None
    sum_cost: Any = None

    def totals(self) -> dict[str, Decimal]:
        """ValueError or TypeError where it does not count. A sum of nothing may be null."""
        calls, cost = number(self.count_id), number(0 if self.sum_cost is None else self.sum_cost)
        if fault := fault_of_quantity("count", calls):
            raise ValueError(fault)
        return {"calls": calls, "cost": cost}


class Answer(msgspec.Struct):
    result: list[Result]


_ANSWERS = msgspec.json.Decoder(list[Answer], float_hook=exact)


def control_totals(client: ProviderClient, window: Window, listed: int) -> dict[str, Decimal] | None:
    """`calls` and `cost` as Vapi adds them up; None where it will not say. Each question is asked once: a day is not
    held up for its second opinion, unless nothing was listed. Then it is asked as often as anything, and raises
    TransientFailure while Vapi cannot say.

    Nothing says whether Vapi counts the end of a range in. Where the half-open range counts other calls than were
    listed, the range up to its last millisecond is asked for too, and whichever agrees with the listing is taken.
    """
    totals = _total(client, window, is_needed=not listed)
    if totals is None or totals["calls"] == listed:
        return totals
    to_the_last_millisecond = _total(client, Window(window.start, window.end - MILLISECOND))
    agrees = to_the_last_millisecond is not None and to_the_last_millisecond["calls"] == listed
    return to_the_last_millisecond if agrees else totals


def daily_totals(client: ProviderClient, window: Window) -> dict[date, dict[str, Decimal]] | None:
    """The same by UTC day, in one question; days without calls are left out, and a day after the window may be told
    where Vapi counts its end in. None where Vapi will not say.
    """
    try:
        told = [(row.date or "", row.totals()) for row in _ask(client, window, step="day")]
        counted = [(date.fromisoformat(day[:10]), totals) for day, totals in told if totals["calls"]]
        days = dict(counted)
        return days if len(days) == len(counted) else None
    except (SourceFailure, ValueError, TypeError, ArithmeticError):
        return None


def _total(client: ProviderClient, window: Window, *, is_needed: bool = False) -> dict[str, Decimal] | None:
    try:
        return _sum(row.totals() for row in _ask(client, window, attempts=ATTEMPTS if is_needed else 1))
    except TransientFailure:
        if is_needed:
            raise
        return None
    except (SourceFailure, ValueError, TypeError, ArithmeticError):
        return None


def _ask(client: ProviderClient, window: Window, *, attempts: int = 1, **step: str) -> list[Result]:
    span = {"start": instant(window.start), "end": instant(window.end), "timezone": "UTC"}
    query = {
        "table": "call",
        "name": "control-totals",
        "timeRange": span | step,
        "operations": [{"operation": "count", "column": "id"}, {"operation": "sum", "column": "cost"}],
    }
    (answer,) = client.post("/analytics", _ANSWERS.decode, {"queries": [query]}, attempts=attempts)
    return answer.result


def _sum(reported: Iterable[dict[str, Decimal]]) -> dict[str, Decimal]:
    total = {"calls": Decimal(0), "cost": Decimal(0)}
    for row in reported:
        total = {name: total[name] + row[name] for name in total}
    return total
