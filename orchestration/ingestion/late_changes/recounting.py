"""Older days of sources whose provider does not say what changed: counted again each night, and pulled again where
the count differs from what was read. A source declares how far back, and by which number it sees that rows are missing.

A provider that says what it changed is asked by `restating`.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from orchestration.ingestion.outcomes import AccountDay, PullOutcome, PullState
from orchestration.ingestion.reading import Readers, failure_of
from sources.errors import CredentialRejected
from sources.registry import all_sources
from sources.source import Counts, Recount, Source
from sources.window import Window
from warehouse.ingestion import totals


def recounted(
    connection: psycopg.Connection[Any], readers: Readers, days: Collection[AccountDay]
) -> tuple[frozenset[tuple[str, str, date]], tuple[PullOutcome, ...]]:
    """Source, account and date of days before the first of `days` that are counted otherwise than they were read; and a
    failed outcome for each account that cannot be counted, whose days are pulled nonetheless.
    """
    found: set[tuple[str, str, date]] = set()
    failed: list[PullOutcome] = []
    for source in all_sources().values():
        of_source = sorted((day for day in days if day.source == source.name), key=lambda day: day.usage_date)
        if not of_source or not isinstance(source.changes, Recount):
            continue
        by_account = {day.account: day for day in of_source}
        before = of_source[0].usage_date
        first = before - timedelta(days=source.changes.days_back)
        known = totals.last_totals(connection, source.name, list(by_account), first, before)
        window = Window(Window.of_day(first).start, Window.of_day(before).start)
        asked = {account: day for account, day in by_account.items() if account in known and not readers.prepare(day)}
        counted, unknown = _counted(readers, source, source.changes, asked, window)
        for account, counts in counted.items():
            again = differing_days(known[account], counts, source.changes.rows)
            found |= {(source.name, account, day) for day in again}
        failed += unknown
    return frozenset(found), tuple(failed)


def _counted(
    readers: Readers, source: Source, recount: Recount, asked: Mapping[str, AccountDay], window: Window
) -> tuple[dict[str, Counts], list[PullOutcome]]:
    counted: dict[str, Counts] = {}
    failed: list[PullOutcome] = []
    with ThreadPoolExecutor(source.at_once, "counting") as pool:
        answers = {account: pool.submit(readers.counts, day, recount, window) for account, day in asked.items()}
        for account, answer in answers.items():
            try:
                counted[account] = answer.result()
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not fail the other accounts
                failure = failure_of(error)
                if isinstance(error, CredentialRejected):
                    readers.refuse(asked[account], failure)  # its days fail with this cause
                    continue
                failed += asked[account].outcomes(
                    PullState.FAILED,
                    cause_code=failure.code,
                    cause=f"older days could not be counted: {failure.cause}; the next night counts them",
                    is_permanent=failure.is_permanent,
                )
    return counted, failed


def differing_days(known: Counts, counted: Counts, rows: str) -> frozenset[date]:
    """Days of `known` that are counted otherwise, by the names that were counted. `rows` names the number that says
    whether rows are missing: fewer are believed only while an earlier day has what it had, since whoever tidies up
    begins with the oldest, and a day that was tidied up must never be emptied here.
    """
    differing: dict[date, bool] = {}
    agreeing: list[date] = []
    names = {name for counts in counted.values() for name in counts} | {rows}
    for day, read in known.items():
        now: Mapping[str, Decimal] = counted.get(day, defaultdict(Decimal))
        if any(name in read and now[name] != read[name] for name in names):
            differing[day] = now[rows] < read.get(rows, Decimal(0))
        elif read.get(rows):
            agreeing.append(day)
    return frozenset(
        day for day, is_missing in differing.items() if not is_missing or any(other < day for other in agreeing)
    )
