"""From usage to statement lines: allowances by day order, one rounded line per meter, fees, credits, corrections."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from tests.oracle.money import priced, rounded, to_minor_unit
from tests.oracle.periods import Period, carriers, periods
from tests.oracle.usage import Used
from tests.oracle.worlds.book import Book, Credit, Tenant


@dataclass(frozen=True)
class Line:
    """quantity: units, 1 for a fee, none for a credit. amount is what it adds to the statement: a credit's is negative.

    service_start: start of the period it is about. exact: the amount before it was rounded, where it was computed.
    """

    tenant_id: str
    period_start: date
    kind: str
    meter_id: str | None
    quantity: int | None
    amount: Decimal
    currency: str
    service_start: date
    corrects: str | None = None
    credit: int | None = None
    exact: Fraction | None = field(default=None, compare=False)

    @property
    def line_id(self) -> str:
        named = self.corrects or self.meter_id or self.credit
        return f"{self.tenant_id}/{self.period_start}/{self.kind}" + (f"/{named}" if named is not None else "")


@dataclass(frozen=True)
class OverageDay:
    tenant_id: str
    meter_id: str
    usage_date: date
    quantity: int
    cumulative: int
    overage: int


def quantities(used: Iterable[Used]) -> dict[tuple[str, str], dict[date, int]]:
    """Billed units by (tenant, meter) and day."""
    sums: dict[tuple[str, str], dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for one in used:
        if one.reason is None and one.tenant_id is not None:
            sums[one.tenant_id, one.item][one.usage_date] += one.quantity
    return sums


def allowance(book: Book, tenant: Tenant, meter_id: str, period: Period) -> int:
    """Whole, unless the plan prorates it: then rounded half away from zero."""
    plan_id = tenant.plan_on(period.first_billed_day)
    quantity = book.allowance_on(plan_id, meter_id, period.first_billed_day)
    terms = book.terms_on(plan_id, period.first_billed_day)
    if terms is None or not terms.prorates_allowance:
        return quantity
    return int(rounded(Fraction(quantity * period.billed_days, period.days), 0))


def waterfall(tenant_id: str, meter_id: str, by_day: Mapping[date, int], included: int) -> list[OverageDay]:
    """Overage of day d is max(0, C(d) − I) − max(0, C(d−1) − I), days taken in order."""
    rows, total = [], 0
    for day in sorted(by_day):
        before, total = total, total + by_day[day]
        overage = max(0, total - included) - max(0, before - included)
        rows.append(OverageDay(tenant_id, meter_id, day, by_day[day], total, overage))
    return rows


def with_a_price(days: Sequence[OverageDay], covered: int) -> list[OverageDay]:
    """The days of a period whose price covers only so many units of overage: in day order, what lies above has none."""
    left, rows = covered, []
    for day in days:
        priced_units = min(day.overage, left)
        left -= priced_units
        rows.append(replace(day, overage=priced_units))
    return rows


def own_lines(
    book: Book, tenant: Tenant, as_of: date, used: Mapping[tuple[str, str], Mapping[date, int]]
) -> tuple[list[Line], list[OverageDay], dict[tuple[date, str], int]]:
    """Lines of each period but credits and adjustments; overage by day; unpriced units by (period, meter)."""
    lines: list[Line] = []
    days: list[OverageDay] = []
    unpriced: dict[tuple[date, str], int] = {}
    meters = sorted(meter for owner, meter in used if owner == tenant.tenant_id)
    for number, period in enumerate(periods(tenant, as_of)):

        def line(kind: str, exact: Fraction | Decimal, meter_id: str | None = None, quantity: int | None = None,
                 period: Period = period) -> Line:  # fmt: skip
            return Line(
                tenant.tenant_id, period.start, kind, meter_id, quantity, to_minor_unit(exact, tenant.currency),
                tenant.currency, period.start, exact=Fraction(exact),
            )  # fmt: skip

        terms = book.terms_on(tenant.plan_on(period.first_billed_day), period.first_billed_day)
        share = Fraction(period.billed_days, period.days)
        fees = Decimal(0)
        if terms is not None:
            if number == 0 and terms.setup_fee:
                lines.append(line("setup", terms.setup_fee, quantity=1))
            if terms.subscription_fee:
                lines.append(line("subscription", Fraction(terms.subscription_fee) * share, quantity=1))
                fees = lines[-1].amount
        overages = Decimal(0)
        for meter_id in meters:
            by_day = {
                day: quantity for day, quantity in used[tenant.tenant_id, meter_id].items()
                if period.start <= day < period.end
            }  # fmt: skip
            included = allowance(book, tenant, meter_id, period)
            falls = waterfall(tenant.tenant_id, meter_id, by_day, included)
            price = book.price_on(tenant, meter_id, period.first_billed_day)
            if price is None:
                days.extend(with_a_price(falls, 0))
                if sum(by_day.values()):
                    unpriced[period.start, meter_id] = sum(by_day.values())
                continue
            overage = sum(one.overage for one in falls)
            covered, amount = priced(price, overage)
            days.extend(with_a_price(falls, covered))
            if overage > covered:
                unpriced[period.start, meter_id] = overage - covered
            if covered:
                lines.append(line("overage", amount, meter_id, covered))
                overages += lines[-1].amount
        if terms is not None:
            shortfall = Fraction(terms.minimum_amount) * share - Fraction(fees + overages)
            if to_minor_unit(shortfall, tenant.currency) > 0:
                lines.append(line("minimum", shortfall, quantity=1))
    return lines, days, unpriced


def corrections(
    tenant: Tenant, as_of: date, computed: Sequence[Line], frozen: Mapping[date, Sequence[Line]]
) -> list[Line]:
    """Adjustments of approved periods, carried by the first period not yet approved (or the closing date's statement).

    frozen: the lines of each approved period. What a line is now, less what was frozen of it and of its earlier
    adjustments, is the adjustment; nothing where nothing moved.
    """
    known = {line.line_id: line for line in computed if line.period_start in frozen}
    settled: dict[str, list[Line]] = defaultdict(list)
    for line in (line for lines in frozen.values() for line in lines):
        if line.kind == "credit":
            continue
        settled[line.corrects or line.line_id].append(line)
    carrier = next((one.start for one in carriers(tenant, as_of) if one.start not in frozen), None)
    if carrier is None:
        return []
    lines = []
    for line_id in sorted(known.keys() | settled.keys()):
        now = known.get(line_id)
        earlier = settled.get(line_id, [])
        quantity = (now.quantity or 0 if now else 0) - sum(one.quantity or 0 for one in earlier)
        amount = (now.amount if now else Decimal(0)) - sum((one.amount for one in earlier), Decimal(0))
        if quantity or amount:
            about = now or earlier[0]
            lines.append(
                Line(
                    tenant.tenant_id, carrier, "adjustment", about.meter_id, quantity, amount,
                    tenant.currency, about.service_start, line_id,
                )
            )  # fmt: skip
    return lines


def corrected(frozen: Mapping[date, Sequence[Line]], start: date, later: Collection[date]) -> str | None:
    """What adjustments of other approved periods correct: the period's own lines ("own"), else, approved later, lines
    that it adjusted itself ("adjusted")."""
    adjusted = {line.corrects for line in frozen[start]}
    others = [(other, line.corrects) for other, lines in frozen.items() for line in lines if line.corrects]
    if any(line_id.split("/")[1] == str(start) for other, line_id in others if other != start):
        return "own"
    return "adjusted" if any(other in later and line_id in adjusted for other, line_id in others) else None


def applied_credits(
    tenant: Tenant, as_of: date, totals: Mapping[date, Decimal], frozen: Mapping[date, Sequence[Line]]
) -> list[Line]:
    """Credits come last, soonest expiry first, and never take a statement below zero.

    One that carries nothing but a correction is a statement like any other.
    """
    left = {credit.number: credit.amount for credit in tenant.credits}
    for line in (line for lines in frozen.values() for line in lines if line.credit is not None):
        left[line.credit] += line.amount
    lines = []
    for period in carriers(tenant, as_of):
        if period.start in frozen:
            continue
        due = max(totals.get(period.start, Decimal(0)), Decimal(0))
        for credit in sorted(tenant.credits, key=_spending_order):
            is_usable = (
                credit.valid_from < period.end
                and (credit.expires_on is None or credit.expires_on > period.start)
                and (credit.kept_by is None or period.start in credit.kept_by)
            )
            part = min(left[credit.number], due) if is_usable else Decimal(0)
            if part:
                left[credit.number] -= part
                due -= part
                lines.append(
                    Line(
                        tenant.tenant_id, period.start, "credit", None, None, -part, tenant.currency, period.start,
                        credit=credit.number,
                    )
                )  # fmt: skip
    return lines


def _spending_order(credit: Credit) -> tuple[bool, date, date, int]:
    return credit.expires_on is None, credit.expires_on or date.max, credit.valid_from, credit.number


def statement_lines(
    book: Book, tenant: Tenant, as_of: date, used: Mapping[tuple[str, str], Mapping[date, int]],
    frozen: Mapping[date, Sequence[Line]] | None = None,
) -> list[Line]:  # fmt: skip
    """Every line of every period of a tenant: frozen ones as they were approved, the others as computed now."""
    frozen = frozen or {}
    computed, _, _ = own_lines(book, tenant, as_of, used)
    lines = [line for line in computed if line.period_start not in frozen]
    lines += [line for approved in frozen.values() for line in approved]
    if frozen:
        lines += corrections(tenant, as_of, computed, frozen)
    totals: dict[date, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.kind != "credit":
            totals[line.period_start] += line.amount
    return lines + applied_credits(tenant, as_of, totals, frozen)


def totals(lines: Iterable[Line]) -> dict[date, Decimal]:
    sums: dict[date, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.period_start] += line.amount
    return dict(sums)
