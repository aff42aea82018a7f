"""What providers charged, over months: by provider and component, by the minute, and what is nobody's.

For operators and finance. No tenant reads what its calls cost.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from orchestration.remedies import word
from orchestration.reports import charts
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.finance.month import asked_month
from orchestration.web.forms import Form
from orchestration.web.operations import tasks
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from warehouse.costs import bills
from warehouse.costs.margins import by_month
from warehouse.database.queries import Row
from warehouse.statements import periods
from warehouse.statements.periods import Month

MONTHS_SHOWN = 6
PAGE_ROWS = 20


@for_roles("operator", "finance")
def show_costs(request: Request, visitor: Visitor) -> Response:
    """Six months up to the one asked for, from the first of them on that has a cost."""
    return _page(request, visitor)


@form_for_roles("operator", "finance")
def take_remedy(request: Request, visitor: Visitor, form: Form) -> Response:
    """Ask for what resolves a finding of a month's bills."""
    with readers(request).operator() as connection:
        month = asked_month(request, [row["month_start"] for row in periods.months(connection)])
        findings = bills.findings(connection, month, request.app.state.today())
    offered = [word(one).on_page for one in findings]
    if fault := tasks.taken(request, visitor, form, "/costs", offered):
        return _page(request, visitor, fault)
    return tasks.watching(f"/costs?month={month}")


def _page(request: Request, visitor: Visitor, fault: str = "") -> Response:
    with readers(request).operator() as connection:
        months = periods.months(connection)
        month = asked_month(request, [row["month_start"] for row in months])
        shown = _months_up_to(month)
        found = bills.costs_by_component(connection, shown[-1], month.end)
        shown = [each for each in shown if each >= min((row["month"] for row in found), default=month.start)]
        minutes = bills.minutes(connection, shown[-1], month.end)
        margins = by_month(connection, shown[-1], month.end)
        nobodys = bills.unattributed(connection, month)
        findings = bills.findings(connection, month, request.app.state.today())
        under_way = tasks.shown(connection, "/costs", request)
    paging = Paging(request, len(findings), PAGE_ROWS)
    return render(
        "costs.html",
        status=409 if fault else 200,
        fault=fault,
        under_way=under_way,
        title=f"Costs, {month.start:%B %Y}",
        visitor=visitor,
        month=month,
        months=months,
        shown=shown,
        currencies=[_of_currency(currency, found, minutes, shown) for currency in _currencies(found)],
        margins=margins,
        nobodys=nobodys,
        findings=[word(one).on_page for one in findings[paging.start : paging.end]],
        paging=paging,
    )


def _months_up_to(month: Month) -> list[date]:
    """First days, newest first: on a phone the month that was asked for is seen before anything is scrolled."""
    found = [month.start]
    while len(found) < MONTHS_SHOWN and found[-1] > date(1, 1, 1):
        year, number = divmod(12 * found[-1].year + found[-1].month - 2, 12)
        found.append(date(year, number + 1, 1))
    return found


def _currencies(found: Sequence[Row]) -> list[str]:
    return sorted({row["currency"] for row in found})


def _of_currency(
    currency: str, found: Sequence[Row], minutes: dict[date, Decimal], shown: Sequence[date]
) -> dict[str, Any]:
    """The components of one currency with a cell for each month, and the months' sums: what is the platform's cost, and
    apart from it what tenants pay themselves.
    """
    own = [row for row in found if row["currency"] == currency]
    names = sorted({(row["provider"], row["component"], row["basis"]) for row in own})
    cells = {(row["provider"], row["component"], row["basis"], row["month"]): row for row in own}
    sums: list[dict[str, Any]] = []
    for month in shown:
        of_month = [row for row in own if row["month"] == month]
        costs = [row for row in of_month if row["basis"] != "billed_elsewhere"]
        others = [row for row in of_month if row["basis"] == "billed_elsewhere"]
        unknown = sum(row["unknown_costs"] for row in costs)
        known = sum((row["known_amount"] for row in costs), Decimal(0))
        connected = minutes.get(month)
        sums.append({
            "month": month,
            "minutes": connected,
            "known": known if costs else None,
            "unknown": unknown,
            "elsewhere": sum((row["known_amount"] for row in others), Decimal(0)),
            "all_elsewhere_is_known": all(row["amount"] is not None for row in others),
            "per_minute": known / connected if costs and connected and not unknown else None,
        })  # fmt: skip
    drawn = [
        {"month": month, "basis": row["basis"], "amount": row["known_amount"]}
        for month in reversed(shown)
        for row in own
        if row["month"] == month and row["known_amount"]
    ]
    return {
        "currency": currency,
        "components": [
            {"provider": provider, "component": component, "basis": basis,
             "cells": [cells.get((provider, component, basis, month)) for month in shown]}
            for provider, component, basis in names
        ],
        "sums": sums,
        "former_per_minute": sums[1]["per_minute"] if len(sums) > 1 else None,
        "by_month": charts.costs_by_month(drawn) if drawn else "",
        "minutes_by_month": charts.per_minute(sums[::-1]) if any(each["per_minute"] for each in sums) else "",
    }  # fmt: skip
