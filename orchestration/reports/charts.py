"""The charts of statements, months and tenants.

What the values are is said in the caption above a chart, where a phone has room for it. Beside every chart is its
table.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import altair as alt
from markupsafe import Markup

from orchestration.reports.axes import amounts, counted, day_axis, days_of, looked_up, month_axis
from orchestration.reports.drawing import drawn, remembered

Row = Mapping[str, Any]
_FAINT = "var(--ink-faint)"
# Narrow, so that a phone, which scales a chart down to its screen, still shows letters that can be read.
_WIDTH = 360


@remembered
def usage(days: Sequence[Row], span: tuple[date, date]) -> Markup:
    """Bars of a meter's days, within the allowance and above: usage_date, quantity, overage_quantity.

    The axis has every day of the half-open span, those without usage too.
    """
    values = [
        {"day": row["usage_date"].isoformat(), "part": part, "quantity": quantity, "order": order}
        for row in days
        for order, part, quantity in (
            (0, "within", int(row["quantity"]) - int(row["overage_quantity"])),
            (1, "overage", int(row["overage_quantity"])),
        )
        if quantity
    ]
    bars = (
        alt.Chart(alt.InlineData(values=values), width=_WIDTH, height=130)
        .mark_bar()
        .encode(
            x=day_axis(span),
            y=counted("quantity:Q", max((row["quantity"] for row in days), default=0), ticks=4),
            color=alt.Color(
                "part:N",
                legend=None,
                scale=alt.Scale(domain=["within", "overage"], range=["var(--within)", "var(--over)"]),
            ),
            order="order:Q",
        )
    )
    return drawn(bars)


@remembered
def cumulative(
    totals: Sequence[tuple[date, Decimal]], allowance: Decimal, span: tuple[date, date], end: Decimal | None = None
) -> Markup:
    """The running total of a meter's period against its allowance, by day of the half-open span; dotted from its last
    day to the end that is expected of it.
    """
    values = [{"day": day.isoformat(), "total": int(total)} for day, total in totals]
    most = max([allowance, end or 0, *(total for _, total in totals)])
    layers = [
        alt.Chart(alt.InlineData(values=values), width=_WIDTH, height=95)
        .mark_area(
            interpolate="step-after", line={"color": "var(--within)", "strokeWidth": 1.5}, color="var(--within-soft)"
        )
        .encode(x=day_axis(span), y=counted("total:Q", most, ticks=3)),
        alt.Chart(alt.InlineData(values=[{"allowance": int(allowance)}]))
        .mark_rule(color="var(--over)", strokeDash=[4, 3], strokeWidth=1.5)
        .encode(y="allowance:Q"),
    ]
    if end is not None:
        expected = [*values[-1:], {"day": days_of(span)[-1].isoformat(), "total": int(end)}]
        layers.append(
            alt.Chart(alt.InlineData(values=expected))
            .mark_line(color="var(--within)", strokeDash=[1, 3], strokeWidth=2)
            .encode(x=day_axis(span), y="total:Q")
        )
    return drawn(alt.LayerChart(layer=layers))


@remembered
def costs(components: Sequence[Row], currency: str) -> Markup:
    """Bars of what a period cost, by component, shaded by how well each is known."""
    values = [
        {"component": row["component"], "basis": _shade(row["basis"]), "amount": float(row["amount"])}
        for row in components
        if row["amount"]
    ]
    # A phone writes larger than was measured: the longest name has room to its left.
    room = 8 * min(max(len(value["component"]) for value in values), 20)
    bars = (
        alt.Chart(alt.InlineData(values=values), width=_WIDTH + 30 - room, height=alt.Step(22))
        .mark_bar(cornerRadiusEnd=2, size=14)
        .encode(
            x=alt.X("amount:Q", title=currency, axis=alt.Axis(tickCount=5, format=",~f")),
            y=alt.Y(
                "component:N",
                title=None,
                sort=[value["component"] for value in values],
                axis=alt.Axis(labelLimit=130, minExtent=room),
            ),
            color=_by_basis(),
        )
    )
    return drawn(bars)


@remembered
def costs_by_month(months: Sequence[Row]) -> Markup:
    """What each month cost, shaded by how well it is known: month, basis and amount, oldest first."""
    values = [
        {"month": f"{row['month']:%b %Y}", "basis": _shade(row["basis"]), "amount": float(row["amount"])}
        for row in months
        if row["amount"]
    ]
    bars = alt.Chart(alt.InlineData(values=values), height=150, width=_WIDTH).mark_bar(cornerRadiusEnd=2)
    return drawn(
        bars.encode(
            x=month_axis("month:N", list(dict.fromkeys(row["month"] for row in months))),
            y=amounts("sum(amount):Q"),
            color=_by_basis(),
            order=alt.Order("basis:N"),
        )
    )


@remembered
def margins(periods: Sequence[Row]) -> Markup:
    """Revenue and cost of some periods side by side: period_start, revenue and cost, oldest first."""
    values = [
        {"period": f"{row['period_start']:%b %Y}", "what": what, "amount": float(row[what])}
        for row in periods
        for what in ("revenue", "cost")
        if row[what] is not None
    ]
    bars = (
        alt.Chart(alt.InlineData(values=values), height=150, width=_WIDTH)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=month_axis("period:N", [row["period_start"] for row in periods]),
            xOffset=alt.XOffset("what:N", sort=["revenue", "cost"]),
            y=amounts("amount:Q"),
            color=alt.Color(
                "what:N",
                legend=None,
                scale=alt.Scale(domain=["revenue", "cost"], range=["var(--within)", "var(--allocated)"]),
            ),
        )
    )
    return drawn(bars)


@remembered
def per_minute(months: Sequence[Row]) -> Markup:
    """What a connected minute cost in each month: month and per_minute, oldest first; None is left out."""
    values = [
        {"month": f"{row['month']:%b %Y}", "amount": None if row["per_minute"] is None else float(row["per_minute"])}
        for row in months
    ]
    points = alt.OverlayMarkDef(color="var(--allocated)", size=36)
    line = alt.Chart(alt.InlineData(values=values), height=110, width=_WIDTH).mark_line(
        color="var(--allocated)", strokeWidth=2, point=points
    )
    amounts_axis = alt.Y("amount:Q", title=None, axis=alt.Axis(tickCount=4, format="~f"))
    return drawn(line.encode(x=month_axis("month:N", [row["month"] for row in months]), y=amounts_axis))


@remembered
def tenants(summaries: Sequence[Row], currency: str) -> Markup:
    """Totals of some tenants with the cost of each behind: name, tenant_id, total and cost, in the order given."""
    values = [
        {"id": row["tenant_id"], "what": what, "amount": float(row[what])}
        for row in summaries
        for what in ("total", "cost")
        if row[what] is not None
    ]
    order = [row["tenant_id"] for row in summaries]
    labels = looked_up({row["tenant_id"]: _shortened(row["name"]) for row in summaries})
    bars = (
        alt.Chart(alt.InlineData(values=values), width=520, height=alt.Step(9))
        .mark_bar()
        .encode(
            x=alt.X("amount:Q", title=currency, axis=alt.Axis(tickCount=5, format=",~f")),
            y=alt.Y("id:N", title=None, sort=order, axis=alt.Axis(labelExpr=labels, labelLimit=280)),
            yOffset=alt.YOffset("what:N", sort=["total", "cost"]),
            color=alt.Color(
                "what:N",
                legend=None,
                scale=alt.Scale(domain=["total", "cost"], range=["var(--within)", "var(--allocated)"]),
            ),
        )
    )
    return drawn(bars)


@remembered
def bridge(steps: Sequence[Row], start: Decimal) -> Markup:
    """A bridge from one total to another: name, begins, ends and is_total, in order; start: where its axis begins."""
    values = [
        {
            "name": row["name"], "ends": float(row["ends"]),
            "begins": float(start if row["is_total"] else row["begins"]),
            "what": "total" if row["is_total"] else "more" if row["ends"] >= row["begins"] else "less",
        }
        for row in steps
    ]  # fmt: skip
    bars = (
        alt.Chart(alt.InlineData(values=values), height=150, width=_WIDTH)
        .mark_bar(cornerRadius=2)
        .encode(
            x=alt.X("name:N", title=None, sort=[row["name"] for row in steps], axis=alt.Axis(labelAngle=0)),
            y=amounts("begins:Q", start),
            y2="ends:Q",
            color=alt.Color(
                "what:N",
                legend=None,
                scale=alt.Scale(
                    domain=["total", "more", "less"], range=["var(--allocated)", "var(--within)", "var(--over)"]
                ),
            ),
        )
    )
    return drawn(bars)


@remembered
def volume(points: Sequence[Row]) -> Markup:
    """Margin against connected minutes, a point for each tenant: minutes and margin."""
    values = [{"minutes": float(row["minutes"]), "margin": float(row["margin"])} for row in points]
    dots = (
        alt.Chart(alt.InlineData(values=values), width=_WIDTH, height=170)
        .mark_point(filled=True, size=70, opacity=0.8)
        .encode(
            x=alt.X("minutes:Q", title="connected minutes", axis=alt.Axis(tickCount=5, format=",d")),
            y=amounts("margin:Q"),
            color=alt.condition("datum.margin < 0", alt.value("var(--over)"), alt.value("var(--within)")),
        )
    )
    zero = alt.Chart(alt.InlineData(values=[{"zero": 0}])).mark_rule(color=_FAINT).encode(y="zero:Q")
    return drawn(zero + dots)


def _by_basis() -> alt.Color:
    shades = {"reported": "within", "estimated": "warn", "allocated": "allocated", "billed elsewhere": "line"}
    scale = alt.Scale(domain=list(shades), range=[f"var(--{shade})" for shade in shades.values()])
    return alt.Color("basis:N", legend=None, scale=scale)


def _shade(basis: str) -> str:
    """Whoever reported it, a cost that was reported is known as well."""
    return "reported" if basis.startswith("reported") else basis.replace("_", " ")


def _shortened(name: str, longest: int = 28) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "\u2026"
