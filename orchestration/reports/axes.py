"""Axes of charts: of days, of months, of what is counted in whole numbers and of amounts."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import altair as alt
import msgspec


def days_of(span: tuple[date, date]) -> list[date]:
    """The days of a half-open span."""
    first, end = span
    return [first + timedelta(days=n) for n in range((end - first).days)]


def day_axis(span: tuple[date, date]) -> alt.X:
    """Every day of a half-open span, each seventh of many with its label."""
    days = days_of(span)
    labels = {day.isoformat(): f"{day.day} {day:%b}" for day in days[:: 7 if len(days) > 14 else 1]}
    axis = alt.Axis(values=list(labels), labelAngle=0, labelExpr=looked_up(labels))
    return alt.X("day:O", title=None, axis=axis, scale=alt.Scale(domain=[day.isoformat() for day in days]))


def month_axis(field: str, months: Sequence[date]) -> alt.X:
    """Months, and below the first and each January its year: twelve of them stand beside each other."""
    labels = {
        f"{month:%b %Y}": [f"{month:%b}", *([f"{month:%Y}"] if not place or month.month == 1 else [])]
        for place, month in enumerate(months)
    }
    axis = alt.Axis(labelAngle=0, labelExpr=looked_up(labels))
    return alt.X(field, title=None, sort=list(labels), axis=axis)


def counted(field: str, most: Decimal | int, ticks: int) -> alt.Y:
    """Whole numbers: where there are fewer than ticks, Vega would put some between them and write these twice."""
    every = list(range(int(most) + 1)) if most < ticks else alt.Undefined
    return alt.Y(field, title=None, axis=alt.Axis(format=",d", tickCount=ticks, values=every))


def amounts(field: str, start: Decimal = Decimal(0)) -> alt.Y:
    """Amounts of money, on an axis that begins at start."""
    scale = alt.Scale(zero=False, domainMin=float(start)) if start else alt.Undefined
    return alt.Y(field, title=None, axis=alt.Axis(format=",~f", tickCount=4), scale=scale)


def looked_up(labels: Mapping[str, object]) -> str:
    """The expression of an axis that gives each value its label."""
    return f"{msgspec.json.encode(labels, order='deterministic').decode()}[datum.value]"
