"""The figures of a statement: each meter's days against its allowance, and its charts, ready for a template."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec
from markupsafe import Markup

from orchestration.reports import charts
from orchestration.reports.content import Day, Statement


@dataclass(frozen=True)
class MeterFigure:
    """One meter's period: how much was used of what is included, with its charts."""

    meter_id: str
    unit: str
    used: Decimal
    allowance: Decimal
    overage: Decimal
    reached_on: Day | None
    days: Sequence[Day]
    by_day: Markup
    so_far: Markup

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


def figures_of(statement: Statement) -> Figures:
    """Draw a statement's charts."""
    meters = [_meter(meter_id, days) for meter_id, days in statement.meters.items()]
    costs = [msgspec.structs.asdict(cost) for cost in statement.costs if cost.amount]
    margins = [msgspec.structs.asdict(margin) for margin in reversed(statement.margins)]
    return Figures(
        meters,
        charts.costs(costs, statement.currency) if costs else Markup(""),
        charts.margins(margins, statement.currency) if margins else Markup(""),
    )


def _meter(meter_id: str, days: Sequence[Day]) -> MeterFigure:
    values = [msgspec.structs.asdict(day) for day in days]
    last = days[-1]
    return MeterFigure(
        meter_id=meter_id,
        unit=last.unit,
        used=last.cumulative_quantity,
        allowance=last.allowance,
        overage=sum((day.overage_quantity for day in days), Decimal(0)),
        reached_on=next((day for day in days if day.overage_quantity), None),
        days=days,
        by_day=charts.usage(values, last.unit),
        so_far=charts.cumulative(values, last.allowance, last.unit),
    )
