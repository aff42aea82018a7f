"""A pack's HTML: one file each, with its style and its charts inside; no script, nothing loaded from anywhere."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from markupsafe import Markup

from orchestration.reports import charts
from orchestration.reports.content import Margin, Statement, known_sum
from orchestration.reports.figures import figures_of
from orchestration.reports.templating import STYLE_SHEET, environment
from warehouse.statements.periods import Month

CALLS_SHOWN = 200
TENANTS_DRAWN = 20
_TEMPLATES = environment()


def statement(found: Statement, state: str) -> str:
    """One statement: lines, usage against the allowance, costs, margin, and the way down to its calls."""
    return _TEMPLATES.get_template("statement.html").render(
        title=f"{found.name}, {found.period_start:%B %Y}",
        style=_style(),
        statement=found,
        state=state,
        figures=figures_of(found),
        defined={meter_id: {"name": name} for meter_id, name in found.meter_names.items()},
        calls_shown=CALLS_SHOWN,
    )


def summary(
    month: Month,
    summaries: Sequence[Mapping[str, Any]],
    costs: Sequence[Mapping[str, Any]],
    margins: Sequence[Margin],
) -> str:
    """All statements of a month, with links to each, and what they cost together."""
    largest = sorted(summaries, key=lambda row: (-row["total"], row["tenant_id"]))[:TENANTS_DRAWN]
    currencies = sorted({row["currency"] for row in summaries})
    return _TEMPLATES.get_template("summary.html").render(
        title=f"{month.start:%B %Y}",
        style=_style(),
        month=month,
        rows=summaries,
        totals=[_total(currency, summaries) for currency in currencies],
        chart=charts.tenants(largest, currencies[0]) if len(currencies) == 1 else Markup(""),
        drawn=len(largest),
        costs=[_costs(currency, costs, margins) for currency in sorted({row["currency"] for row in costs})],
    )


def _total(currency: str, summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    own = [row for row in summaries if row["currency"] == currency]
    total, cost, margin = (known_sum(row[key] for row in own) for key in ("total", "cost", "margin"))
    return {
        "currency": currency,
        "statements": len(own),
        "total": total,
        "cost": cost,
        "margin": margin,
        "estimates": sum(row["completeness"] not in (None, "complete") for row in own),
    }


def _costs(currency: str, costs: Sequence[Mapping[str, Any]], margins: Sequence[Margin]) -> dict[str, Any]:
    """The components of one currency, and what is known of their sum and of the margin; what tenants pay themselves is
    no cost.
    """
    rows = [row for row in costs if row["currency"] == currency]
    ours = [row for row in rows if row["basis"] != "billed_elsewhere"]
    own = [margin for margin in margins if margin.currency == currency]
    known = sum((row["known_amount"] for row in ours), Decimal(0))
    minutes = sum((margin.minutes for margin in own), Decimal(0))
    unknown = sum(row["unknown_costs"] for row in ours)
    return {
        "currency": currency,
        "rows": rows,
        "known": known,
        "unknown": unknown,
        "per_minute": known / minutes if minutes and not unknown else None,
        "margin": known_sum(margin.margin for margin in own),
        "known_margin": sum((margin.known_margin for margin in own), Decimal(0)),
    }


@cache
def _style() -> Markup:
    return Markup(STYLE_SHEET.read_text(encoding="utf-8"))  # noqa: S704  our own file
