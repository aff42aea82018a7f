"""Periods: a month from the tenant's anchor day, of which the days from activation to closing are billed."""

from dataclasses import dataclass
from datetime import date, timedelta

from tests.oracle.worlds.book import Tenant


@dataclass(frozen=True)
class Period:
    """Half-open [start, end), billed from first_billed_day; a closing date ends it. days: of the whole month."""

    start: date
    end: date
    first_billed_day: date
    days: int

    @property
    def billed_days(self) -> int:
        return (self.end - self.first_billed_day).days


def period_start(day: date, anchor_day: int) -> date:
    if day.day >= anchor_day:
        return day.replace(day=anchor_day)
    return (day.replace(day=1) - timedelta(days=1)).replace(day=anchor_day)


def period_end(start: date) -> date:
    return (start.replace(day=28) + timedelta(days=4)).replace(day=start.day)


def period_of(tenant: Tenant, day: date) -> Period | None:
    """The billed period that day lies in; none where no day of that month is billed."""
    start = period_start(day, tenant.anchor_day)
    end = period_end(start)
    if tenant.activated_on is None:
        return None
    first = max(start, tenant.activated_on)
    until = min(end, tenant.closed_on) if tenant.closed_on else end
    return Period(start, until, first, (end - start).days) if first < until and day < until else None


def after_closing(tenant: Tenant, day: date) -> Period | None:
    """What follows the closing date up to the anchor day: nothing is billed, late costs lie in it."""
    if tenant.closed_on is None or day < tenant.closed_on:
        return None
    found = _unbilled(tenant, tenant.closed_on)
    return found if day < found.end else None


def carriers(tenant: Tenant, as_of: date) -> list[Period]:
    """The statements that can carry a correction: billed periods, then from the closing date on, month by month."""
    found = periods(tenant, as_of)
    start = tenant.closed_on
    while start is not None and start <= as_of:
        found.append(_unbilled(tenant, start))
        start = found[-1].end
    return found


def _unbilled(tenant: Tenant, start: date) -> Period:
    """From a day after closing up to the anchor day that follows it."""
    month = period_start(start, tenant.anchor_day)
    end = period_end(month)
    return Period(start, end, start, (end - month).days)


def periods(tenant: Tenant, as_of: date) -> list[Period]:
    """Every billed period that has begun by as_of, oldest first."""
    if tenant.activated_on is None:
        return []
    found = []
    start = period_start(tenant.activated_on, tenant.anchor_day)
    while start <= as_of:
        period = period_of(tenant, max(start, tenant.activated_on))
        if period is not None:
            found.append(period)
        start = period_end(start)
    return [period for period in found if period.first_billed_day <= as_of]
