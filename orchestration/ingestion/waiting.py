"""Days that somebody else is reading this very moment: waited for, and then done by them, or read after all.

The night, a backfill and a person may want the same day at once; the ledger lets one read it. To the others that is no
failure: they do everything else first, then wait.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

import psycopg

from orchestration.ingestion.outcomes import AccountDay, PullOutcome, PullState
from orchestration.ingestion.running import PullRun
from warehouse.ingestion import pulls

LONGEST_WAIT = 600.0  # seconds; who reads claims a hundred days at a time, and may come to this one last
LOOK_EVERY = 0.5

log = logging.getLogger(__name__)


def work(
    connection: psycopg.Connection[Any],
    run: PullRun,
    days: Iterable[AccountDay],
    settle: Callable[[PullOutcome], None],
    *,
    is_forced: bool = False,
) -> None:
    """Bring every account-day to its end, by this run or by whoever was reading it when this run came to it.

    A day that another attempt ended well meanwhile is done, unless it has to be stored again; one that it failed is
    read. After LONGEST_WAIT a day still being read fails with `already_being_pulled`.
    """
    elsewhere = run.work(days)
    deadline = time.monotonic() + LONGEST_WAIT
    if elsewhere:
        first = next(iter(elsewhere))
        log.info("waiting for %d account-days, %s first: %s", len(elsewhere), first, elsewhere[first])
    while elsewhere:
        latest_pulls = pulls.latest(connection, [day.key for day in elsewhere])
        under_way: dict[AccountDay, str] = {}
        free: list[AccountDay] = []
        for day, reader in elsewhere.items():
            latest = latest_pulls[day.key]
            if latest.is_under_way:
                under_way[day] = reader
            elif latest.is_good and not is_forced:
                _settle_done(day, latest, settle)
            else:
                free.append(day)
        elsewhere = under_way | (run.work(free) if free else {})
        if elsewhere and time.monotonic() >= deadline:
            _settle_failed(elsewhere, settle)
            return
        if elsewhere:
            time.sleep(LOOK_EVERY)


def _settle_done(day: AccountDay, latest: pulls.LatestPull, settle: Callable[[PullOutcome], None]) -> None:
    facts = {"pull_id": latest.pull_id, "rows": latest.row_count, "is_incomplete": latest.is_incomplete}
    for outcome in day.outcomes(PullState.ALREADY_DONE, **facts):
        settle(outcome)


def _settle_failed(elsewhere: dict[AccountDay, str], settle: Callable[[PullOutcome], None]) -> None:
    for day, reader in elsewhere.items():
        cause = f"{reader}; waited {LONGEST_WAIT:.0f} s for it; see: minutebook pull list"
        for outcome in day.outcomes(
            PullState.FAILED, cause_code="already_being_pulled", cause=cause, is_permanent=False
        ):
            settle(outcome)
