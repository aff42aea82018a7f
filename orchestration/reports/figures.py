"""The figures of a statement: each meter's days against its allowance, and its charts, ready for a template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import msgspec
from markupsafe import Markup

from orchestration.reports import charts
from orchestration.reports.axes import days_of
from orchestration.reports.content import Day, Statement


@dataclass(frozen=True)
class MeterFigure:
    """One meter's period: how much was used of what is included, with its charts.

    expected: how much will be used by the end of a running period, None where that is not forecast.
    """

    meter_id: str
    unit: str
    used: Decimal
    allowance: Decimal
    overage: Decimal
    reached_on: Day | None
    days: Sequence[Day]
    by_day: Markup
    so_far: Markup
    expected: Decimal | None

    @property
    def percent(self) -> int | None:
        """Used share of the allowance in whole percent; None without an allowance."""
        return int(self.used * 100 / self.allowance) if self.allowance else None


@dataclass(frozen=True)
class Figures:
    """All charts of a statement. Empty markup where there is nothing to draw."""

    meters: Sequence[MeterFigure]
    costs: Markup
    margins: Markup


def figures_of(statement: Statement, expected: Mapping[str, Decimal] | None = None) -> Figures:
    """Draw a statement's charts. expected: how much of each meter will be used by the end of a running period."""
    meters = [
        _meter(statement, meter_id, days, (expected or {}).get(meter_id)) for meter_id, days in statement.meters.items()
    ]
    costs = [msgspec.structs.asdict(cost) for cost in statement.costs if cost.amount]
    margins = [msgspec.structs.asdict(margin) for margin in reversed(statement.margins)]
    return Figures(
        meters,
        charts.costs(costs, statement.currency) if costs else Markup(""),
        charts.margins(margins) if margins else Markup(""),
    )


def _meter(statement: Statement, meter_id: str, days: Sequence[Day], expected: Decimal | None) -> MeterFigure:
    last = days[-1]
    span = statement.period_start, statement.period_end
    return MeterFigure(
        meter_id=meter_id,
        unit=last.unit,
        used=last.cumulative_quantity,
        allowance=last.allowance,
        overage=sum((day.overage_quantity for day in days), Decimal(0)),
        reached_on=next((day for day in days if day.overage_quantity), None),
        days=days,
        by_day=charts.usage([msgspec.structs.asdict(day) for day in days], span),
        so_far=charts.cumulative(_totals(statement, days), last.allowance, span, expected),
        expected=expected,
    )


def _totals(statement: Statement, days: Sequence[Day]) -> list[tuple[date, Decimal]]:
    """A meter's running total on each day: to the end of a period that is read whole, else to the last day that any
    meter has; a day without usage has the total of the day before it.
    """
    known = {day.usage_date: day.cumulative_quantity for day in days}
    last_used = max(day.usage_date for day in statement.days)
    last = statement.period_end - timedelta(days=1) if statement.is_complete else last_used
    total, totals = Decimal(0), []
    for day in days_of((statement.period_start, last + timedelta(days=1))):
        total = known.get(day, total)
        totals.append((day, total))
    return totals
