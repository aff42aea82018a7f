"""Older days that a provider says it changed: beside those that the night pulls anyway, these are pulled again.

    what was updated lately ─────▶ days of the rows that were changed
    its totals by day ≠ ledger ──▶ days that count otherwise than when they were last read: a row was deleted

No cursor is kept: each night asks for what was updated in the last days, and further back where an account was not
read by a schedule for longer. A night that asked in vain is made good by the next one.
"""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from orchestration.ingestion.outcomes import AccountDay, PullOutcome, PullState
from orchestration.ingestion.reading import Failure, Readers, failure_of
from sources.day import PLATFORM
from sources.errors import CredentialRejected
from sources.registry import all_sources
from sources.source import Source, Updates
from sources.window import Window
from warehouse.ingestion import retry_schedule, totals

LOOK_BACK = timedelta(days=3)  # a call may be analysed again, or its cost corrected, days after it ended
OVERLAP = timedelta(days=2)
FURTHEST = timedelta(days=14)
SAME_COST = Decimal("0.00005")  # half of the least that is written: sums are of binary fractions


@dataclass(frozen=True)
class Restated:
    """Account-days to pull again (source, account, usage date), and the accounts that did not answer."""

    account_days: frozenset[tuple[str, str, date]]
    failed: tuple[PullOutcome, ...]


def restated(
    connection: psycopg.Connection[Any], readers: Readers, days: Collection[AccountDay], now: datetime
) -> Restated:
    """Days before the first of `days` on which a provider changed or deleted a row, by source and account.

    An account that cannot be asked what changed is one failed outcome on the last of its days; its days themselves are
    pulled nonetheless. One that will not count is not asked further.
    """
    account_days: set[tuple[str, str, date]] = set()
    failed: list[PullOutcome] = []
    for source in all_sources().values():
        of_source = [day for day in days if day.source == source.name]
        if of_source and isinstance(source.changes, Updates):
            found, unknown = _of_source(connection, readers, source, source.changes, of_source, now)
            account_days |= found
            failed += unknown
    return Restated(frozenset(account_days), tuple(failed))


def _of_source(
    connection: psycopg.Connection[Any],
    readers: Readers,
    source: Source,
    updates: Updates,
    days: Collection[AccountDay],
    now: datetime,
) -> tuple[set[tuple[str, str, date]], list[PullOutcome]]:
    by_account = {day.account: day for day in sorted(days, key=lambda day: day.usage_date)}
    before = min(day.usage_date for day in days)
    furthest = min(FURTHEST, timedelta(days=source.horizon_days or FURTHEST.days))
    seen = retry_schedule.last_scheduled(connection, source.name, list(by_account), now - furthest)
    first_day = (now - furthest).date()
    known = totals.last_counted(connection, source.name, list(by_account), first_day, before)

    def found(account: str, day: AccountDay) -> frozenset[date]:
        since = max(now - furthest, min(now - LOOK_BACK, seen.get(account, now) - OVERLAP))
        changed = readers.changed_days(day, updates, Window(since, now), before)
        if account not in known:
            return changed
        whole = Window(Window.of_day(first_day).start, Window.of_day(before).start)
        counted = readers.daily_totals(day, updates, whole)
        return changed if counted is None else changed | recounted(known[account], counted)

    account_days: set[tuple[str, str, date]] = set()
    failed: list[PullOutcome] = []
    with ThreadPoolExecutor(source.at_once, "changes") as pool:
        asked = {
            account: pool.submit(found, account, day)
            for account, day in by_account.items()
            if not readers.prepare(day)  # the account's days fail with this cause anyway
        }
        for account, answer in asked.items():
            try:
                account_days |= {(source.name, account, day) for day in answer.result()}
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not fail the other accounts
                failure = failure_of(error)
                if isinstance(error, CredentialRejected):
                    readers.refuse(by_account[account], failure)
                else:
                    failed += _reported(by_account[account], failure)
    return account_days, failed


def recounted(
    known: Mapping[date, tuple[Decimal, Decimal | None]], reported: Mapping[date, Mapping[str, Decimal]]
) -> frozenset[date]:
    """Days that a provider counts otherwise than when they were last read (calls; cost, None if unknown then).

    Only while it counts another day as it did: it is the same organisation that answers, and not that of a key that
    took the former one's place. And fewer calls are a deletion only while that is an earlier day: what is forgotten, is
    forgotten from the oldest on, and a day that is forgotten must never be emptied here.
    """
    differing: dict[date, bool] = {}  # by day, whether calls are missing
    agreeing: list[date] = []
    for day, (calls, cost) in known.items():
        now = reported.get(day, {"calls": Decimal(0), "cost": Decimal(0)})
        if now["calls"] != calls or (cost is not None and abs(now["cost"] - cost) > SAME_COST):
            differing[day] = now["calls"] < calls
        elif calls:
            agreeing.append(day)
    return frozenset(
        day for day, is_missing in differing.items() if any(other < day or not is_missing for other in agreeing)
    )


def _reported(day: AccountDay, failure: Failure) -> list[PullOutcome]:
    owner = AccountDay(day.source, day.account, day.usage_date, () if day.account == PLATFORM else day.tenants)
    return owner.outcomes(
        PullState.FAILED,
        cause_code=failure.code,
        cause=f"which older days changed is not known: {failure.cause}; the next night asks again",
        is_permanent=failure.is_permanent,
    )
