"""All tenants together: revenue, cost and margin by month, and what moved the revenue from one month to the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from orchestration.reports import charts
from warehouse.database.queries import Row

MOST_MOVED = 10
LARGEST = 50


@dataclass(frozen=True)
class Step:
    """A step of the bridge: what it is, how many tenants, their sum, and where it begins and ends."""

    name: str
    tenants: int
    amount: Decimal
    begins: Decimal
    ends: Decimal
    is_total: bool = False


@dataclass(frozen=True)
class Portfolio:
    """One currency. months: oldest first, the last of them the one shown, each with what a minute cost.

    unknown: tenants whose cost is not known. largest: the tenants of the month shown that had calls and whose cost is
    known, those with most minutes first. bridge_from: where the drawn bridge's axis begins.
    """

    currency: str
    months: Sequence[Row]
    bridge: Sequence[Step]
    bridge_from: Decimal
    moved: Sequence[Row]
    unknown: Sequence[Row]
    largest: Sequence[Row]
    with_calls: int
    minutes: Decimal
    by_month: Markup
    minutes_by_month: Markup
    bridge_drawn: Markup
    by_volume: Markup

    @property
    def now(self) -> Row | None:
        """The month shown; None where no tenant has a period in it."""
        return self.months[-1] if self.months else None


def portfolios(months: Sequence[Row], moves: Sequence[Row], names: tuple[str, str]) -> list[Portfolio]:
    """One for each currency. months and moves: as of `warehouse.costs.margins`; names: of the month before and of
    the one shown.
    """
    return [
        _of(
            currency,
            [row for row in months if row["currency"] == currency],
            [row for row in moves if row["currency"] == currency],
            names,
        )
        for currency in sorted({row["currency"] for row in (*months, *moves)})
    ]


def _of(currency: str, months: Sequence[Row], moves: Sequence[Row], names: tuple[str, str]) -> Portfolio:
    bridge = bridge_of(moves, names)
    bridge_from = axis_start(bridge)
    # Newest first as they are read; a cost of which a part is unknown is none.
    months = [{**row, "cost": None if row["tenants_unknown"] else row["known_cost"]} for row in reversed(list(months))]
    months = [{**row, "per_minute": _per_minute(row)} for row in months]
    drawn = [{"period_start": row["month"], "revenue": row["revenue"], "cost": row["cost"]} for row in months]
    steps = [
        {"name": step.name, "begins": step.begins, "ends": step.ends, "is_total": step.is_total} for step in bridge
    ]
    with_calls = [row for row in moves if row["minutes"] and row["cost"] is not None]
    largest = sorted(with_calls, key=lambda row: (-row["minutes"], row["tenant_id"]))[:LARGEST]
    largest = [{**row, "per_minute": row["cost"] / row["minutes"]} for row in largest]
    points = [{name: row[name] for name in ("tenant_id", "minutes", "margin")} for row in largest]
    changed = [row for row in moves if (row["revenue"] or 0) != (row["former_revenue"] or 0)]
    return Portfolio(
        currency,
        months,
        bridge,
        bridge_from,
        changed[:MOST_MOVED],
        [row for row in moves if row["is_unknown"]],
        largest,
        len(with_calls),
        sum((row["minutes"] for row in moves), Decimal(0)),
        charts.margins(drawn) if drawn else Markup(""),
        charts.per_minute(months) if any(row["per_minute"] is not None for row in months) else Markup(""),
        charts.bridge(steps, bridge_from) if moves else Markup(""),
        charts.volume(points) if points else Markup(""),
    )


def bridge_of(moves: Sequence[Row], names: tuple[str, str]) -> list[Step]:
    """From the revenue of one month to that of the next: tenants that are new, that grew, that shrank and that left."""
    parts: list[tuple[str, Callable[[Row], bool]]] = [
        ("New", lambda row: row["former_revenue"] is None),
        ("More", lambda row: None not in (row["former_revenue"], row["revenue"]) and _change(row) > 0),
        ("Less", lambda row: None not in (row["former_revenue"], row["revenue"]) and _change(row) < 0),
        ("Left", lambda row: row["revenue"] is None),
    ]
    before = [row["former_revenue"] for row in moves if row["former_revenue"] is not None]
    at = sum(before, Decimal(0))
    steps = [Step(names[0], len(before), at, Decimal(0), at, is_total=True)]
    for name, is_of in parts:
        own = [_change(row) for row in moves if is_of(row)]
        amount = sum(own, Decimal(0))
        steps.append(Step(name, len(own), amount, at, at + amount))
        at += amount
    now = sum(row["revenue"] is not None for row in moves)
    return [*steps, Step(names[1], now, at, Decimal(0), at, is_total=True)]


def axis_start(bridge: Sequence[Step]) -> Decimal:
    """Where an axis begins on which the steps of a bridge can be seen: 0, unless they move by less than half of it."""
    levels = [step.ends for step in bridge]
    moved = max(levels) - min(levels)
    if not moved or min(levels) <= 0 or 2 * moved >= max(levels):
        return Decimal(0)
    unit = Decimal(1).scaleb(moved.adjusted())
    return max((min(levels) - moved / 4) // unit * unit, Decimal(0))


def _per_minute(row: Row) -> Decimal | None:
    """What a connected minute cost; None without one, and while a cost is unknown."""
    return row["cost"] / row["minutes"] if row["cost"] is not None and row["minutes"] else None


def _change(row: Row) -> Decimal:
    return (row["revenue"] or Decimal(0)) - (row["former_revenue"] or Decimal(0))
