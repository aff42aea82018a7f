"""Older days that Vapi says have changed: besides the days that the night pulls anyway, exactly these are pulled again.

No cursor is kept: each night asks anew for what was updated in the last days, and further back where an account was not
read by a schedule for longer. A night that asked in vain is made good by the next one.
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg

from orchestration.pulling.outcomes import PLATFORM, AccountDay, PullOutcome, PullState
from orchestration.pulling.reading import Failure, Readers, failure_of
from orchestration.pulling.running import READERS
from sources import vapi
from sources.errors import CredentialRejected
from sources.window import Window
from warehouse import due

LOOK_BACK = timedelta(days=3)  # a call may be analysed anew, or its cost corrected, days after it ended
OVERLAP = timedelta(days=2)
FURTHEST = timedelta(days=vapi.HORIZON_DAYS)


@dataclass(frozen=True)
class Restated:
    """Account-days to pull again, and the accounts that would not tell."""

    account_days: frozenset[tuple[str, date]]
    failed: tuple[PullOutcome, ...]


def restated(
    connection: psycopg.Connection[Any], readers: Readers, days: Collection[AccountDay], now: datetime
) -> Restated:
    """Days before the first of `days` on which Vapi changed a call lately, by account.

    An account that cannot be asked is one failed outcome on the last of its days; its days themselves are pulled
    nonetheless.
    """
    by_account = {day.account: day for day in sorted(days, key=lambda day: day.usage_date) if day.source == "vapi"}
    if not by_account:
        return Restated(frozenset(), ())
    before = min(day.usage_date for day in days if day.source == "vapi")
    seen = due.last_scheduled(connection, "vapi", list(by_account), now - FURTHEST)
    found: set[tuple[str, date]] = set()
    failed: list[PullOutcome] = []
    with ThreadPoolExecutor(READERS["vapi"], "changes") as pool:
        asked = {}
        for account, day in by_account.items():
            if readers.prepare(day):  # the account's days fail with this cause anyway
                continue
            since = max(now - FURTHEST, min(now - LOOK_BACK, seen.get(account, now) - OVERLAP))
            asked[account] = pool.submit(readers.changed_days, day, Window(since, now), before)
        for account, answer in asked.items():
            try:
                found |= {(account, day) for day in answer.result()}
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not fail the other accounts
                failure = failure_of(error)
                if isinstance(error, CredentialRejected):
                    readers.refuse(by_account[account], failure)
                else:
                    failed += _told(by_account[account], failure)
    return Restated(frozenset(found), tuple(failed))


def _told(day: AccountDay, failure: Failure) -> list[PullOutcome]:
    owner = AccountDay(day.source, day.account, day.usage_date, () if day.account == PLATFORM else day.tenants)
    return owner.outcomes(
        PullState.FAILED,
        cause_code=failure.code,
        cause=f"which older days changed is not known: {failure.cause}; the next night asks again",
        is_permanent=failure.is_permanent,
    )
