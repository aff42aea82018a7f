"""Costs by component and margin per service period. Costs stay unrounded; exchange rates are of the usage day."""

import calendar
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from tests.oracle.book import Book, Tenant, in_force
from tests.oracle.money import rounded
from tests.oracle.periods import Period
from tests.oracle.statements import Line
from tests.oracle.usage import Cost, Used


@dataclass(frozen=True)
class Margin:
    """Of a service period, in the tenant's currency. cost is reported + estimated + allocated, not billed_elsewhere."""

    revenue: Decimal
    costs: dict[str, Fraction]

    @property
    def cost(self) -> Fraction:
        return sum((self.costs.get(basis, Fraction(0)) for basis in ("reported", "estimated", "allocated")), Fraction())

    @property
    def margin(self) -> Fraction:
        return Fraction(self.revenue) - self.cost

    @property
    def percent(self) -> Decimal | None:
        return rounded(self.margin / Fraction(self.revenue) * 100, 2) if self.revenue else None


def allocated(book: Book, day: date) -> list[tuple[str, Cost]]:
    """Each active tenant's share of a day's shared costs: monthly ÷ days of the calendar month ÷ tenants active."""
    active = [tenant.tenant_id for tenant in book.tenants if tenant.status_on(day) == "active"]
    days_of_month = calendar.monthrange(day.year, day.month)[1]
    shares = []
    for name in {one.fixed_cost_id for one in book.fixed_costs}:
        found = in_force([one for one in book.fixed_costs if one.fixed_cost_id == name], day)
        if found is None or not found.monthly_amount or not active:
            continue
        share = Fraction(found.monthly_amount) / days_of_month / len(active)
        shares += [(tenant_id, Cost(name, "allocated", share, found.currency)) for tenant_id in active]
    return shares


def costs_by_day(
    book: Book, used: Iterable[Used], start: date, end: date
) -> dict[tuple[str, date], dict[tuple[str, str], Fraction]]:
    """(tenant, day) → (component, basis) → amount in the tenant's currency, over [start, end)."""
    sums: dict[tuple[str, date], dict[tuple[str, str], Fraction]] = defaultdict(lambda: defaultdict(Fraction))

    def add(tenant: Tenant, day: date, cost: Cost) -> None:
        rate = book.rate_on(cost.currency, tenant.currency, day)
        if rate is not None:
            sums[tenant.tenant_id, day][cost.component, cost.basis] += cost.amount * Fraction(rate)

    for one in used:
        if one.tenant_id is not None and start <= one.usage_date < end:
            for cost in one.costs:
                add(book.tenant[one.tenant_id], one.usage_date, cost)
    day = start
    while day < end:
        for tenant_id, cost in allocated(book, day):
            add(book.tenant[tenant_id], day, cost)
        day += timedelta(days=1)
    return sums


def margin(
    tenant: Tenant,
    period: Period,
    lines: Iterable[Line],
    costs: dict[tuple[str, date], dict[tuple[str, str], Fraction]],
) -> Margin:
    """Lines by service period: the period's own, and every adjustment that corrects it, wherever it is carried."""
    revenue = sum((line.amount for line in lines if line.service_start == period.start), Decimal(0))
    by_basis: dict[str, Fraction] = defaultdict(Fraction)
    for (tenant_id, day), parts in costs.items():
        if tenant_id == tenant.tenant_id and period.start <= day < period.end:
            for (_, basis), amount in parts.items():
                by_basis[basis] += amount
    return Margin(revenue, dict(by_basis))
