"""The marts against the oracle: the same lines, statements, overage days, unbilled units, costs and margins."""

import calendar
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import psycopg

from tests.oracle.bills import Charged, bill_costs
from tests.oracle.margins import Costs, add_costs, costs_by_day, days_are_known, margin
from tests.oracle.periods import after_closing, carriers, period_of
from tests.oracle.statements import Line, own_lines, quantities, statement_lines, totals
from tests.oracle.usage import current, usage
from tests.oracle.worlds.book import in_force
from tests.oracle.worlds.months import World

Connection = psycopg.Connection[Any]
Key = tuple[Any, ...]
Frozen = Mapping[str, Mapping[date, Sequence[Line]]]
UNROUNDED = Fraction(1, 10**9)  # costs are divided by days, which decimals end somewhere


@dataclass(frozen=True)
class Disagreement:
    what: str
    key: Key
    oracle: Any
    marts: Any

    def __str__(self) -> str:
        ours = float(self.oracle) if isinstance(self.oracle, Fraction) else self.oracle
        return f"{self.what} {', '.join(map(str, self.key))}: oracle {ours}, marts {self.marts}"


@dataclass
class Comparison:
    """counts: how many values of each kind were compared. kinds_of_margin: the completenesses that occurred."""

    connection: Connection
    world: World
    counts: dict[str, int] = field(default_factory=dict)
    disagreements: list[Disagreement] = field(default_factory=list)
    kinds_of_margin: set[str] = field(default_factory=set)

    def check(
        self,
        what: str,
        oracle: Mapping[Key, Any],
        marts: Mapping[Key, Any],
        tolerance: Fraction | int = 0,
        *,
        by_day: bool = False,
    ) -> None:
        """A key that one side lacks counts as 0 there."""
        keys = {key for side in (oracle, marts) for key, value in side.items() if value}
        if by_day:
            keys = {key for key in keys if not self.is_long_closed(key)}
        self.counts[what] = len(keys)
        for key in sorted(keys, key=str):
            ours, theirs = oracle.get(key) or 0, marts.get(key) or 0
            if abs(Fraction(ours) - Fraction(theirs)) > tolerance * max(1, abs(Fraction(ours))):
                self.disagreements.append(Disagreement(what, key, ours, theirs))

    def add_unbalanced(self, lines: Sequence[tuple[str, Decimal, Decimal]]) -> None:
        """Lines that the marts themselves say do not balance."""
        self.disagreements += [Disagreement("balance", (line,), rated, stated) for line, rated, stated in lines]

    def is_long_closed(self, key: Key) -> bool:
        """Whether a day (or a period's start) follows the month of its tenant's closing: no meter is settled then."""
        tenant = self.world.book.tenant.get(key[0])
        late = after_closing(tenant, tenant.closed_on) if tenant and tenant.closed_on else None
        return late is not None and late.end <= key[1] if isinstance(key[1], date) else False

    def marts(self, key: str, value: str, source: str) -> dict[Key, Any]:
        """Sums of value by key columns."""
        rows = self.connection.execute(f"select {key}, sum({value}) from marts.{source} group by {key}")  # type: ignore[arg-type]
        return {tuple(row[:-1]): row[-1] for row in rows}


def compare(connection: Connection, world: World, frozen: Frozen | None = None) -> Comparison:
    """Everything the marts say of a world against everything the oracle says. frozen: by tenant and approved period."""
    found = Comparison(connection, world)
    used = usage(world.book, world.pulls)
    sums = quantities(used)
    lines = lines_of(world, sums, frozen or {})
    _compare_lines(found, [line for of_tenant in lines.values() for line in of_tenant])

    overages: dict[Key, int] = {}
    unpriced: dict[Key, int] = {}
    for tenant in world.book.tenants:
        _, days, without_price = own_lines(world.book, tenant, world.as_of, sums)
        overages |= {(row.tenant_id, row.meter_id, row.usage_date): row.overage for row in days}
        unpriced |= {(tenant.tenant_id, start, meter): units for (start, meter), units in without_price.items()}
    found.check("overage day", overages, found.marts(
        "tenant_id, meter_id, usage_date", "overage_quantity", "fct_overages_daily where price_id is not null"
    ))  # fmt: skip
    _compare_unbilled(found, unpriced)

    reported: dict[Key, int] = defaultdict(int)
    calls: dict[Key, int] = {}
    for one in used:
        if one.reason is not None:
            key = (one.tenant_id, one.usage_date, one.source, one.reason)
            if one.item == "call":
                calls[key] = 1 if one.quantity else calls.get(key, 0)
            else:
                reported[key] += one.quantity
    columns, uncounted = "tenant_id, usage_date, source, reason", "source = 'vapi' and meter_id is null"
    found.check("unbilled units", reported, found.marts(
        columns, "quantity", f"fct_unbilled_usage where reason <> 'unpriced' and not ({uncounted})"
    ), by_day=True)  # fmt: skip
    without_meter = found.marts(columns, "1", f"fct_unbilled_usage where {uncounted}")
    found.check("day of calls without a meter", calls, dict.fromkeys(without_meter, 1), by_day=True)

    start = min((pull.usage_date for pull in world.pulls), default=world.as_of)
    costs = costs_by_day(world.book, used, start.replace(day=1), world.as_of, lines)
    of_bills = bill_costs(world.book, world.pulls)
    add_costs(world.book, costs, of_bills)
    _compare_nobodys(found, of_bills)
    _compare_margins(found, lines, costs)
    _compare_shares(found, start)
    return found


def lines_of(
    world: World, used: Mapping[tuple[str, str], Mapping[date, int]], frozen: Frozen
) -> dict[str, list[Line]]:  # fmt: skip
    """The lines of every statement of a world, by tenant."""
    return {
        tenant.tenant_id: statement_lines(world.book, tenant, world.as_of, used, frozen.get(tenant.tenant_id))
        for tenant in world.book.tenants
    }


def _compare_lines(found: Comparison, lines: Sequence[Line]) -> None:
    def key(line: Line) -> Key:
        period = period_of(found.world.book.tenant[line.tenant_id], line.service_start)
        served_from = period.first_billed_day if period else line.service_start
        return line.tenant_id, line.period_start, line.kind, line.meter_id, line.corrects, served_from

    amounts: dict[Key, Decimal] = defaultdict(Decimal)
    units: dict[Key, int] = {}
    presence: dict[Key, int] = {}
    for line in lines:
        amounts[key(line)] += line.amount
        if line.kind in {"overage", "adjustment"}:
            units[key(line)] = line.quantity or 0
            presence[key(line)] = 1
    columns = "tenant_id, period_start, line_kind, meter_id, corrects_line_id, service_period_start"
    signed = "case when line_kind = 'credit' then -abs(amount) else amount end"
    found.check("line amount", amounts, found.marts(columns, signed, "fct_statement_lines"))
    metered = "fct_statement_lines where line_kind in ('overage', 'adjustment')"
    found.check("line quantity", units, found.marts(columns, "quantity", metered))
    found.check("line that stands", presence, found.marts(columns, "1", metered))
    by_tenant: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_tenant[line.tenant_id].append(line)
    statements = {
        (tenant_id, start): total for tenant_id, own in by_tenant.items() for start, total in totals(own).items()
    }
    found.check("statement", statements, found.marts("tenant_id, period_start", "total", "fct_statements"))


def _compare_unbilled(found: Comparison, unpriced: Mapping[Key, int]) -> None:
    marts: dict[Key, Decimal] = defaultdict(Decimal)
    of_days = found.marts("tenant_id, usage_date, item", "quantity", "fct_unbilled_usage where reason = 'unpriced'")
    for (tenant_id, day, item), quantity in of_days.items():
        period = period_of(found.world.book.tenant[tenant_id], day)
        marts[tenant_id, period.start if period else None, item] += quantity or 0
    found.check("unpriced units", unpriced, marts)


def _compare_margins(
    found: Comparison,
    lines: Mapping[str, Sequence[Line]],
    costs: Mapping[tuple[str, date], Costs],
) -> None:
    by_component: dict[Key, Fraction | None] = {}
    unknown: dict[Key, int] = {}
    by_tenant: dict[str, dict[tuple[str, date], Costs]] = defaultdict(dict)
    for (tenant_id, day), parts in costs.items():
        by_tenant[tenant_id][tenant_id, day] = dict(parts)
        for (component, basis), amount in parts.items():
            by_component[tenant_id, day, component, basis] = amount
            unknown[tenant_id, day, component, basis] = int(amount is None)
    # A sum of which a part is not known is not known, whichever currencies it was spent in.
    known = found.marts(
        "tenant_id, usage_date, component, basis",
        "coalesce(amount, 'NaN')",
        "fct_costs_daily where tenant_id is not null",
    )
    found.check("cost", by_component, {
        key: None if amount.is_nan() else amount for key, amount in known.items()
    }, UNROUNDED, by_day=True)  # fmt: skip
    of_agents = found.marts(
        "tenant_id, usage_date, component, basis", "1", "fct_costs_daily where tenant_id is not null and amount is null"
    )
    found.check("unknown cost", unknown, dict.fromkeys(of_agents, 1), by_day=True)  # there a row per agent
    pulls = {(pull.source, pull.account, pull.usage_date): pull for pull in current(found.world.pulls)}
    completeness: dict[Key, int] = {}
    revenue: dict[Key, Decimal] = {}
    margins: dict[Key, Fraction | None] = {}
    elsewhere: dict[Key, Fraction | None] = {}
    percents: dict[Key, Decimal] = {}
    for tenant in found.world.book.tenants:
        served = {line.service_start for line in lines[tenant.tenant_id]}
        for period in carriers(tenant, found.world.as_of):
            if period.start > (tenant.closed_on or period.start) and period.start not in served:
                continue  # a month after the one that closing cut off, and nothing in it
            result = margin(tenant, period, lines[tenant.tenant_id], by_tenant[tenant.tenant_id])
            key = (tenant.tenant_id, period.start)
            revenue[key], margins[key], elsewhere[key] = result.revenue, result.margin, result.elsewhere
            if result.percent is not None:
                percents[key] = result.percent
            is_known = days_are_known(found.world.book, tenant, period, pulls, found.world.as_of)
            completeness[*key, result.completeness(days_are_known=is_known)] = 1
    of_period = "tenant_id, period_start"
    found.check("revenue", revenue, found.marts(of_period, "revenue", "fct_margin_monthly"))
    found.check("margin", margins, found.marts(of_period, "margin", "fct_margin_monthly"), UNROUNDED, by_day=True)
    marts_elsewhere = found.marts(of_period, "cost_billed_elsewhere", "fct_margin_monthly")
    found.check("cost billed elsewhere", elsewhere, marts_elsewhere, UNROUNDED, by_day=True)
    found.check("margin percent", percents, found.marts(of_period, "margin_percent", "fct_margin_monthly"))
    found.kinds_of_margin = {key[2] for key in completeness}
    found.check("margin completeness", completeness, found.marts(
        f"{of_period}, completeness", "1", "fct_margin_monthly"
    ), by_day=True)  # fmt: skip


def _compare_nobodys(found: Comparison, of_bills: Sequence[Charged]) -> None:
    """What of bills is on no tenant, in the currency it was spent in."""
    nobodys: dict[Key, Fraction] = defaultdict(Fraction)
    for (tenant_id, _), day, cost in of_bills:
        if tenant_id is None and cost.basis != "reported_by_voice":
            nobodys[day, cost.component, cost.basis, cost.currency] += cost.amount or 0
    found.check("nobody's cost", nobodys, found.marts(
        "usage_date, component, basis, provider_currency", "provider_amount",
        "fct_costs_daily where tenant_id is null and source like '%\\_bill'",
    ), UNROUNDED)  # fmt: skip


def _compare_shares(found: Comparison, start: date) -> None:
    """Whoever bears a shared cost, the shares of a day sum to the day's part of the month, to the last digit."""
    costs: dict[Key, Fraction] = {}
    day = start.replace(day=1)
    while day <= found.world.as_of:
        if any(tenant.status_on(day) == "active" for tenant in found.world.book.tenants):
            days = calendar.monthrange(day.year, day.month)[1]
            for name in {one.fixed_cost_id for one in found.world.book.fixed_costs}:
                cost = in_force([one for one in found.world.book.fixed_costs if one.fixed_cost_id == name], day)
                costs[name, day] = Fraction(cost.monthly_amount) / days if cost else Fraction(0)
        day += timedelta(days=1)
    returned = found.marts(
        "component, usage_date", "provider_amount", "fct_costs_daily where basis = 'allocated' and source = 'fixed'"
    )
    found.check("shared cost of a day", costs, returned, Fraction(1, 10**11))
