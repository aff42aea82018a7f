"""Costs by component and margin per service period. Costs stay unrounded; exchange rates are of the usage day."""

import calendar
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.money import rounded
from tests.oracle.periods import Period, periods
from tests.oracle.statements import Line, own_lines, quantities, totals
from tests.oracle.usage import Cost, Pull, Used, is_running, owner_of_call
from tests.oracle.worlds.book import Book, Tenant, in_force

Key = tuple[Any, ...]

KNOWN = ("reported_by_voice", "reported_by_provider", "estimated", "allocated")
Costs = dict[tuple[str, str], Fraction | None]


@dataclass(frozen=True)
class Margin:
    """Of a service period, in the tenant's currency. cost is reported + estimated + allocated, not billed_elsewhere.

    unknown, unknown_elsewhere: components of days whose cost nobody knows, and of those billed elsewhere.
    """

    revenue: Decimal
    costs: dict[str, Fraction]
    unknown: int = 0
    unknown_elsewhere: int = 0

    @property
    def cost(self) -> Fraction | None:
        return None if self.unknown else sum((self.costs.get(basis, Fraction(0)) for basis in KNOWN), Fraction())

    @property
    def margin(self) -> Fraction | None:
        return None if self.cost is None else Fraction(self.revenue) - self.cost

    @property
    def elsewhere(self) -> Fraction | None:
        return None if self.unknown_elsewhere else self.costs.get("billed_elsewhere", Fraction(0))

    @property
    def percent(self) -> Decimal | None:
        if self.margin is None or not self.revenue:
            return None
        return rounded(self.margin / Fraction(self.revenue) * 100, 2)

    def completeness(self, *, days_are_known: bool) -> str:
        """The worst that is true of it."""
        if not days_are_known:
            return "days missing"
        if self.unknown:
            return "costs missing"
        if self.elsewhere != 0:
            return "partly billed elsewhere"
        return "with estimates" if self.costs.get("estimated") else "complete"


def days_are_known(book: Book, tenant: Tenant, period: Period, pulls: Mapping[Key, Pull], as_of: date) -> bool:
    """Whether the period is over and each day on which a source of the active tenant should have been read was read
    whole. pulls: the current one by source, account and day.
    """
    if period.end > as_of:
        return False
    day = period.first_billed_day
    while day < period.end:
        if tenant.status_on(day) == "active":
            for source, account in accounts(book, tenant, day):
                pull = pulls.get((source, account, day))
                if pull is None or (
                    source == "vapi" and any(_holds_up(book, tenant, pull, call) for call in pull.rows)
                ):
                    return False
        day += timedelta(days=1)
    return True


def accounts(book: Book, tenant: Tenant, day: date) -> set[tuple[str, str]]:
    """(source, account) that tell of the tenant on a day."""
    found = set()
    brings_its_own = tenant.own_vapi_from is not None and tenant.own_vapi_from <= day
    if brings_its_own:
        found.add(("vapi", tenant.tenant_id))
    for one in book.attachments_of.get(tenant.tenant_id, []):
        if book.attached_on(one.kind, one.value, day) == one:
            if one.kind == "usage_agent":
                found.add(("usage_metrics", tenant.tenant_id))
            elif not brings_its_own:
                found.add(("vapi", "platform"))
    for project in book.projects_of.get(tenant.tenant_id, []):
        if book.project_on(project.project_id, day) == project:
            found.add(("voiceflow", tenant.tenant_id))
    return found


def _holds_up(book: Book, tenant: Tenant, pull: Pull, call: Mapping[str, Any]) -> bool:
    """A call in progress, of a shared account only where it is the tenant's."""
    return is_running(call) and owner_of_call(book, pull, call)[0] == tenant.tenant_id


def allocated(
    book: Book, day: date, revenue: Mapping[Key, Fraction], units: Mapping[Key, int]
) -> list[tuple[str, Cost]]:
    """Each active tenant's share of a day's shared costs: monthly ÷ days of the calendar month, equally or by the day's
    revenue (in the cost's currency, at the day's rate) or billed units; equally where there are none.

    revenue, units: by tenant and day.
    """
    active = [tenant for tenant in book.tenants if tenant.status_on(day) == "active"]
    days_of_month = calendar.monthrange(day.year, day.month)[1]
    shares = []
    for name in sorted({one.fixed_cost_id for one in book.fixed_costs}):
        found = in_force([one for one in book.fixed_costs if one.fixed_cost_id == name], day)
        if found is None or not found.monthly_amount or not active:
            continue
        weights = {tenant.tenant_id: Fraction(1) for tenant in active}
        if found.allocation == "by_usage":
            weights = {tenant.tenant_id: Fraction(units.get((tenant.tenant_id, day), 0)) for tenant in active}
        elif found.allocation == "by_revenue":
            weights = {
                tenant.tenant_id: revenue.get((tenant.tenant_id, day), Fraction(0))
                * Fraction(book.rate_on(tenant.currency, found.currency, day) or 0)
                for tenant in active
            }
        weights = {tenant_id: _to_thirty_decimals(weight) for tenant_id, weight in weights.items()}
        total = sum(weights.values())
        if not total:
            weights, total = dict.fromkeys(weights, Fraction(1)), Fraction(len(weights))
        of_day = Fraction(found.monthly_amount) / days_of_month
        shares += [
            (tenant_id, Cost(name, "allocated", of_day * weight / total, found.currency))
            for tenant_id, weight in weights.items()
        ]
    return shares


def _to_thirty_decimals(weight: Fraction) -> Fraction:
    """Three thousand exact weights sum to a denominator of thousands of digits; shares are compared to a billionth."""
    return Fraction(round(weight * 10**30), 10**30)


def revenue_by_day(
    book: Book, as_of: date, used: Mapping[tuple[str, str], Mapping[date, int]]
) -> dict[tuple[str, date], Fraction]:
    """Of each tenant and day, unrounded, before adjustments and credits: fees and minimum evenly over the billed days,
    setup on the first, overage on the days that made it.
    """
    sums: dict[tuple[str, date], Fraction] = defaultdict(Fraction)
    for tenant in book.tenants:
        lines, overages, _ = own_lines(book, tenant, as_of, used)
        by_start = {period.start: period for period in periods(tenant, as_of)}
        for line in lines:
            period = by_start[line.period_start]
            assert line.exact is not None
            if line.kind == "setup":
                sums[tenant.tenant_id, period.first_billed_day] += line.exact
            elif line.kind == "overage":
                assert line.quantity is not None
                for one in overages:
                    if one.meter_id == line.meter_id and period.start <= one.usage_date < period.end:
                        sums[tenant.tenant_id, one.usage_date] += line.exact * one.overage / line.quantity
            else:
                for number in range(period.billed_days):
                    day = period.first_billed_day + timedelta(days=number)
                    sums[tenant.tenant_id, day] += line.exact / period.billed_days
    return sums


def payment_fees(
    book: Book, tenant: Tenant, lines: Iterable[Line], as_of: date
) -> list[tuple[date, Cost]]:  # fmt: skip
    """Of each statement above zero, on its period's first billed day, by the rule in force on that day."""
    first_days = {period.start: period.first_billed_day for period in periods(tenant, as_of)}
    fees = []
    for start, total in totals(lines).items():
        day = first_days.get(start, start)
        rule = in_force([one for one in book.payment_fees if one.currency == tenant.currency], day)
        if rule is not None and total > 0:
            amount = Fraction(total) * Fraction(rule.percent) / 100 + Fraction(rule.fixed_amount)
            fees.append((day, Cost("payment", "estimated", amount, tenant.currency)))
    return fees


def as_settled(book: Book, tenant_id: str, day: date, cost: Cost) -> Cost:
    """A cost that nobody knows is none of ours once a person says so; what is known stays."""
    if cost.basis == "unknown" and (tenant_id, day, cost.component) in book.settled:
        return Cost(cost.component, "billed_elsewhere", Fraction(0), cost.currency)
    return cost


def costs_by_day(
    book: Book, used: Iterable[Used], start: date, as_of: date, lines: Mapping[str, Sequence[Line]] | None = None
) -> dict[tuple[str, date], Costs]:
    """(tenant, day) → (component, basis) → amount in the tenant's currency, over [start, as_of], both included.

    lines: of each tenant, for what being paid costs. An amount is None where a part of it is unknown, for want of a
    unit cost or of a rate.
    """
    sums: dict[tuple[str, date], Costs] = defaultdict(lambda: defaultdict(Fraction))
    used = list(used)

    def add(tenant: Tenant, day: date, cost: Cost) -> None:
        rate = book.rate_on(cost.currency, tenant.currency, day)
        so_far = sums[tenant.tenant_id, day][cost.component, cost.basis]
        known = None if rate is None or cost.amount is None or so_far is None else so_far + cost.amount * Fraction(rate)
        sums[tenant.tenant_id, day][cost.component, cost.basis] = known

    for one in used:
        if one.tenant_id is not None and start <= one.usage_date <= as_of:
            for cost in one.costs:
                settled = as_settled(book, one.tenant_id, one.usage_date, cost)
                add(book.tenant[one.tenant_id], one.usage_date, settled)
    for tenant_id, own in (lines or {}).items():
        for day, cost in payment_fees(book, book.tenant[tenant_id], own, as_of):
            add(book.tenant[tenant_id], day, cost)
    billed = quantities(used)
    revenue = revenue_by_day(book, as_of, billed)
    units: dict[tuple[str, date], int] = defaultdict(int)
    for (tenant_id, _), by_day in billed.items():
        for day, quantity in by_day.items():
            units[tenant_id, day] += quantity
    day = start
    while day <= as_of:
        for tenant_id, cost in allocated(book, day, revenue, units):
            add(book.tenant[tenant_id], day, cost)
        day += timedelta(days=1)
    return sums


def add_costs(book: Book, sums: dict[tuple[str, date], Costs], charged: Iterable[tuple[Key, date, Cost]]) -> None:
    """Add what bills charged to tenants, in their currency, at the rate of the day it counts on."""
    for (tenant_id, _), day, cost in charged:
        if tenant_id is not None:
            cost = as_settled(book, tenant_id, day, cost)
            rate = book.rate_on(cost.currency, book.tenant[tenant_id].currency, day)
            parts = sums.setdefault((tenant_id, day), {})
            so_far = parts.get((cost.component, cost.basis), Fraction(0))
            known = None not in (rate, cost.amount, so_far)
            parts[cost.component, cost.basis] = so_far + cost.amount * Fraction(rate) if known else None


def margin(tenant: Tenant, period: Period, lines: Iterable[Line], costs: Mapping[tuple[str, date], Costs]) -> Margin:
    """Lines by service period: the period's own, and every adjustment that corrects it, wherever it is carried."""
    revenue = sum((line.amount for line in lines if line.service_start == period.start), Decimal(0))
    by_basis: dict[str, Fraction] = defaultdict(Fraction)
    unknown = unknown_elsewhere = 0
    for (tenant_id, day), parts in costs.items():
        if tenant_id == tenant.tenant_id and period.start <= day < period.end:
            for (_, basis), amount in parts.items():
                by_basis[basis] += amount or 0
                unknown += amount is None and basis != "billed_elsewhere"
                unknown_elsewhere += amount is None and basis == "billed_elsewhere"
    return Margin(revenue, dict(by_basis), unknown, unknown_elsewhere)
