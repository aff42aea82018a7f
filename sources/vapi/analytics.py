"""Vapi's own count and cost of a window, from `POST /analytics`: a second opinion, never the record."""

from decimal import Decimal
from typing import Any

import msgspec

from sources.errors import SourceFailure
from sources.http import ProviderClient
from sources.window import MILLISECOND, Window, instant


class Result(msgspec.Struct, rename="camel"):
    count_id: Any = None
    sum_cost: Any = None


class Answer(msgspec.Struct):
    result: list[Result]


# Counts arrive as numbers or as strings: lax, and Decimal takes both.
_ANSWERS = msgspec.json.Decoder(list[Answer], float_hook=Decimal)


def control_totals(client: ProviderClient, window: Window) -> dict[str, Decimal] | None:
    """`calls` and `cost` as Vapi adds them up; None where it will not say. Asked once: a day is not held up for its
    second opinion.

    The range ends a millisecond early, because nothing says whether Vapi counts its end in.
    """
    query = {
        "table": "call",
        "name": "control-totals",
        "timeRange": {"start": instant(window.start), "end": instant(window.end - MILLISECOND), "timezone": "UTC"},
        "operations": [{"operation": "count", "column": "id"}, {"operation": "sum", "column": "cost"}],
    }
    try:
        (answer,) = client.post("/analytics", _ANSWERS.decode, {"queries": [query]}, attempts=1)
        return {
            "calls": sum((Decimal(row.count_id or 0) for row in answer.result), Decimal(0)),
            "cost": sum((Decimal(row.sum_cost or 0) for row in answer.result), Decimal(0)),
        }
    except (SourceFailure, ValueError, TypeError, ArithmeticError):
        return None
