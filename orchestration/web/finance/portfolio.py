"""Finance's page of all tenants together: months, what moved between the last two, and what is not known."""

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from orchestration.reports.portfolio import portfolios
from orchestration.web.access.auth import Visitor, for_roles, readers
from orchestration.web.finance.month import asked_month
from orchestration.web.rendering import render
from warehouse.costs.margins import by_month, moves
from warehouse.statements import periods
from warehouse.statements.periods import Month

MONTHS_SHOWN = 12


@for_roles("finance")
def show_portfolio(request: Request, visitor: Visitor) -> Response:
    """Revenue, cost and margin of a year that ends with the month asked for."""
    with readers(request).operator() as connection:
        months = periods.months(connection)
        month = asked_month(request, [row["month_start"] for row in months])
        former = _before(month)
        first = former
        for _ in range(MONTHS_SHOWN - 2):
            first = _before(first)
        of_months = by_month(connection, first.start, month.end)
        moved = moves(connection, former, month)
    names = (f"{former.start:%b %Y}", f"{month.start:%b %Y}")
    return render(
        "portfolio.html",
        title=f"Portfolio, {month.start:%B %Y}",
        visitor=visitor,
        month=month,
        former=former,
        months=months,
        portfolios=portfolios(of_months, moved, names),
    )


def _before(month: Month) -> Month:
    return Month.parse(f"{month.start - timedelta(days=1):%Y-%m}")
