"""What is approved stays: a version of a timeline is refused when an approved period would be rated by it.

The version of plan, allowance and price in force on a period's first billed day holds for the whole period, so one
concerns an approved period exactly when it is in force on that day. Unit costs and statuses hold day by day.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from warehouse.control.changes import Action
from warehouse.control.errors import PeriodApproved
from warehouse.database.queries import Connection, execute, rows
from warehouse.finding import Hint, Step, first_of
from warehouse.words import day, month


@dataclass(frozen=True)
class ApprovedPeriod:
    """An approved or closed period `[period_start, period_end)` and the plan that rates it."""

    tenant_id: str
    period_start: date
    period_end: date
    first_billed_day: date
    plan_id: str | None


Concerns = Callable[[ApprovedPeriod], bool]


def lock(connection: Connection) -> None:
    """Hold the right to change versions, or to approve, until the transaction ends."""
    execute(connection, "control/guard", "lock")


def approved_periods(connection: Connection) -> list[ApprovedPeriod]:
    """All approved and closed periods, newest first."""
    return [ApprovedPeriod(**row) for row in rows(connection, "control/guard", "approved_periods")]


def refuse_version(
    connection: Connection, what: str, action: Action, valid_from: date, next_from: date | None, concerns: Concerns
) -> None:
    """Raise PeriodApproved when the version just written is in force on the first billed day of an approved period.

    The caller's transaction rolls the write back. `next_from` is where the next version of the same key starts.
    """
    if action is Action.UNCHANGED:
        return
    hit = [
        period
        for period in approved_periods(connection)
        if valid_from <= period.first_billed_day
        and (next_from is None or period.first_billed_day < next_from)
        and concerns(period)
    ]
    _refuse(what, hit, [period.first_billed_day + timedelta(days=1) for period in hit])


def refuse_days(
    connection: Connection, what: str, action: Action, valid_from: date, next_from: date | None, concerns: Concerns
) -> None:
    """Raise PeriodApproved when the days `[valid_from, next_from)` overlap an approved period."""
    if action is Action.UNCHANGED:
        return
    hit = [
        period
        for period in approved_periods(connection)
        if valid_from < period.period_end
        and (next_from is None or period.period_start < next_from)
        and concerns(period)
    ]
    _refuse(what, hit, [period.period_end for period in hit])


def _refuse(what: str, hit: list[ApprovedPeriod], free_from: Iterable[date]) -> None:
    if not hit:
        return
    named = first_of([f"of {month(period.period_start)} of tenant {period.tenant_id}" for period in hit], 5)
    raise PeriodApproved(
        f"{what} would change the approved period {named}; start it on {day(max(free_from))} or later, "
        "or reopen the period first",
        Hint(Step.REOPEN),
    )
