"""Older days that changed at Vapi: besides the days that the night pulls anyway, exactly these are pulled again.

    GET /call, updated lately ───────▶ days of the calls that were changed
    POST /analytics, by day ≠ ledger ▶ days that count other calls than when they were last read: one was deleted

No cursor is kept: each night asks anew for what was updated in the last days, and further back where an account was not
read by a schedule for longer. A night that asked in vain is made good by the next one.
"""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from orchestration.ingestion.outcomes import PLATFORM, AccountDay, PullOutcome, PullState
from orchestration.ingestion.reading import Failure, Readers, failure_of
from orchestration.ingestion.running import READERS
from sources import vapi
from sources.errors import CredentialRejected
from sources.window import Window
from warehouse.ingestion import retry_schedule, totals

LOOK_BACK = timedelta(days=3)  # a call may be analysed anew, or its cost corrected, days after it ended
OVERLAP = timedelta(days=2)
FURTHEST = timedelta(days=vapi.HORIZON_DAYS)
SAME_COST = Decimal("0.00005")  # half of the least that Vapi writes: its sums are of binary fractions


@dataclass(frozen=True)
class Restated:
    """Account-days to pull again, and the accounts that would not tell."""

    account_days: frozenset[tuple[str, date]]
    failed: tuple[PullOutcome, ...]


def restated(
    connection: psycopg.Connection[Any], readers: Readers, days: Collection[AccountDay], now: datetime
) -> Restated:
    """Days before the first of `days` on which Vapi changed or deleted a call, by account.

    An account that cannot be asked what changed is one failed outcome on the last of its days; its days themselves are
    pulled nonetheless. One that will not count is not asked further.
    """
    by_account = {day.account: day for day in sorted(days, key=lambda day: day.usage_date) if day.source == "vapi"}
    if not by_account:
        return Restated(frozenset(), ())
    before = min(day.usage_date for day in days if day.source == "vapi")
    seen = retry_schedule.last_scheduled(connection, "vapi", list(by_account), now - FURTHEST)
    first_day = (now - FURTHEST).date()
    known = totals.last_counted(connection, "vapi", list(by_account), first_day, before)

    def found(account: str, day: AccountDay) -> frozenset[date]:
        since = max(now - FURTHEST, min(now - LOOK_BACK, seen.get(account, now) - OVERLAP))
        changed = readers.changed_days(day, Window(since, now), before)
        if account not in known:
            return changed
        whole = Window(Window.of_day(first_day).start, Window.of_day(before).start)
        told = readers.daily_totals(day, whole)
        return changed if told is None else changed | recounted(known[account], told)

    account_days: set[tuple[str, date]] = set()
    failed: list[PullOutcome] = []
    with ThreadPoolExecutor(READERS["vapi"], "changes") as pool:
        asked = {
            account: pool.submit(found, account, day)
            for account, day in by_account.items()
            if not readers.prepare(day)  # the account's days fail with this cause anyway
        }
        for account, answer in asked.items():
            try:
                account_days |= {(account, day) for day in answer.result()}
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not fail the other accounts
                failure = failure_of(error)
                if isinstance(error, CredentialRejected):
                    readers.refuse(by_account[account], failure)
                else:
                    failed += _told(by_account[account], failure)
    return Restated(frozenset(account_days), tuple(failed))


def recounted(
    known: Mapping[date, tuple[Decimal, Decimal | None]], told: Mapping[date, Mapping[str, Decimal]]
) -> frozenset[date]:
    """Days that Vapi counts otherwise than when they were last read (calls; cost, None if it was not told then).

    Only while it counts another day as it did: it is the same organisation that answers, and not that of a key that
    took the former one's place. And fewer calls are a deletion only while that is an earlier day: what Vapi forgets, it
    forgets from the oldest on, and a day that is forgotten must never be emptied here.
    """
    differing: dict[date, bool] = {}  # by day, whether calls are missing
    agreeing: list[date] = []
    for day, (calls, cost) in known.items():
        now = told.get(day, {"calls": Decimal(0), "cost": Decimal(0)})
        if now["calls"] != calls or (cost is not None and abs(now["cost"] - cost) > SAME_COST):
            differing[day] = now["calls"] < calls
        elif calls:
            agreeing.append(day)
    return frozenset(
        day for day, is_missing in differing.items() if any(other < day or not is_missing for other in agreeing)
    )


def _told(day: AccountDay, failure: Failure) -> list[PullOutcome]:
    owner = AccountDay(day.source, day.account, day.usage_date, () if day.account == PLATFORM else day.tenants)
    return owner.outcomes(
        PullState.FAILED,
        cause_code=failure.code,
        cause=f"which older days changed is not known: {failure.cause}; the next night asks again",
        is_permanent=failure.is_permanent,
    )
