"""Stripe's monthly cycles: which one a period of ours is in, and which invoice bills a line."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any


def cycle(period_start: date, anchor_day: int) -> tuple[date, date]:
    """Stripe's cycle that a period is in: a first period may start late, a last one end early."""
    start = period_start - timedelta(days=anchor_day - 1)
    following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return start.replace(day=anchor_day), following.replace(day=anchor_day)


def billed_on(row: Mapping[str, Any]) -> date:
    """When Stripe's invoice of the corrected line was drafted: a fee is charged in advance, all else in arrears."""
    start, turn = cycle(row["service_period_start"], row["anchor_day"])
    is_fee = (row["corrects_line_id"] or "").split("/")[2:3] == ["subscription"]
    return start if is_fee else turn


def price_of(line: Mapping[str, Any]) -> str | None:
    """The price of an invoice's line, if it has one."""
    return ((line.get("pricing") or {}).get("price_details") or {}).get("price")
