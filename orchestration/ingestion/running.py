"""The run itself: claim, read at once, land in batches, publish; each account-day ends on its own.

    waiting ──claim──▶ reading (threads, bounded per source) ──▶ batch ──land (two threads)──▶ raw ──publish──▶ ledger
                          │ SourceFailure        │ rows lost      │ nothing new
                          ▼                      ▼                ▼
                        failed                 failed          unchanged

Memory is bounded: LANDINGS times MAX_BYTES landed at once, while as many as one lands are read. Nobody waits for a slow
provider of somebody else: an account has a share of the threads, and what was read is landed soon.
"""

import logging
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import psycopg

from orchestration.ingestion.doubts import Doubts
from orchestration.ingestion.landing import Finished, Landing
from orchestration.ingestion.outcomes import AccountDay, PullOutcome, PullState
from orchestration.ingestion.reading import Failure, Readers, failure_of
from orchestration.operations import tracing
from sources.errors import CredentialRejected
from sources.reading import Reading
from sources.registry import source_named
from warehouse.ingestion import pulls

CLAIM_BLOCK = 50  # account-days of a source claimed in one statement, shortly before they are read
MAX_BYTES = 32 * 1024 * 1024  # rows, as Arrow holds them, landed in one dlt package: 20,000 calls without conversation
LANDINGS = 2  # packages of a source on their way at once: one's rows are copied while the next is written
MAX_PULLS = 500  # pulls landed in one dlt package
SHARE = 4  # of them at once of one account: a slow one leaves threads to the others (its key's budget is no larger)
LONGEST_UNLANDED = 5.0  # seconds a reading waits for a fuller package

Landed: TypeAlias = list[tuple[Finished, bool | Exception]]

log = logging.getLogger(__name__)


@dataclass
class Lane:
    """One source's way through the run: what waits, what is claimed, what is being read, what waits to be landed."""

    source: str
    waiting: deque[AccountDay]
    claimed: deque[tuple[AccountDay, int]] = field(default_factory=deque)
    reading: dict[Future[Reading], tuple[AccountDay, int]] = field(default_factory=dict)
    batch: list[Finished] = field(default_factory=list)
    batch_bytes: int = 0
    batch_since: float = 0.0
    landing: set[Future[Landed]] = field(default_factory=set)

    def add(self, finished: Finished) -> None:
        """Let a reading wait for its package."""
        if not self.batch:
            self.batch_since = time.monotonic()
        self.batch.append(finished)
        self.batch_bytes += finished.reading.table.nbytes

    def next(self) -> tuple[AccountDay, int] | None:
        """The first claimed day of the account that has the fewest readers, if that is less than its share; it is
        claimed no more. So an account that nobody reads waits for no account that somebody does.
        """
        of_account = Counter(day.account for day, _ in self.reading.values())
        readers = [of_account[day.account] for day, _ in self.claimed]
        if not readers or min(readers) >= SHARE:
            return None
        position = readers.index(min(readers))
        found = self.claimed[position]
        del self.claimed[position]
        return found

    @property
    def at_once(self) -> int:
        """Account-days of the source read at once."""
        return source_named(self.source).at_once

    @property
    def may_claim(self) -> bool:
        """Whether claiming more would find somebody to read. What is claimed is bounded: nobody else may read it."""
        return bool(self.waiting) and len(self.claimed) < 2 * CLAIM_BLOCK

    @property
    def is_full(self) -> bool:
        """Whether the batch is worth a package of its own, or has waited long enough."""
        return (
            self.batch_bytes >= MAX_BYTES
            or len(self.batch) >= MAX_PULLS
            or (bool(self.batch) and time.monotonic() - self.batch_since >= LONGEST_UNLANDED)
        )

    @property
    def is_read(self) -> bool:
        """Whether nothing more will join the batch."""
        return not (self.waiting or self.claimed or self.reading)

    @property
    def is_done(self) -> bool:
        """Whether every day came to its end."""
        return self.is_read and not self.batch and not self.landing

    @property
    def may_land(self) -> bool:
        """Whether the batch is to be landed now."""
        return len(self.landing) < LANDINGS and bool(self.batch) and (self.is_full or self.is_read)

    @property
    def must_wait(self) -> bool:
        """Whether more must not be read before what was read has landed."""
        return len(self.landing) == LANDINGS and (self.batch_bytes >= MAX_BYTES or len(self.batch) >= MAX_PULLS)


class PullRun:
    """One attempt over account-days of any sources. Reading and landing happen in threads; all else in the caller's."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        attempt: pulls.Attempt,
        readers: Readers,
        landing: Landing,
        doubts: Doubts,
        settle: Callable[[PullOutcome], None],
    ) -> None:
        self._connection = connection
        self._attempt = attempt
        self._readers = readers
        self._landing = landing
        self._doubts = doubts
        self._settle = settle
        self._elsewhere: dict[AccountDay, str] = {}

    def work(self, days: Iterable[AccountDay]) -> dict[AccountDay, str]:
        """Bring every account-day to its end; gives those that another attempt is reading, and who that is.

        What an interruption leaves open, the end of the attempt marks failed.
        """
        self._elsewhere = {}
        lanes: dict[str, Lane] = {}
        for day in days:
            lanes.setdefault(day.source, Lane(day.source, deque())).waiting.append(day)
        with (
            ThreadPoolExecutor(sum(lane.at_once for lane in lanes.values()) or 1, "reading") as reading,
            ThreadPoolExecutor(LANDINGS, "landing") as landing,
        ):
            try:
                self._drive(list(lanes.values()), reading, landing)
            except BaseException:
                reading.shutdown(wait=False, cancel_futures=True)
                landing.shutdown(wait=False, cancel_futures=True)
                raise
        return self._elsewhere

    def _drive(self, lanes: list[Lane], reading: ThreadPoolExecutor, landing: ThreadPoolExecutor) -> None:
        while lanes := [lane for lane in lanes if not lane.is_done]:
            for lane in lanes:
                self._feed(lane, reading)
                if lane.may_land:
                    lane.landing.add(landing.submit(tracing.carried(self._landing.land), lane.batch))
                    lane.batch, lane.batch_bytes = [], 0
            self._wait(lanes)

    def _wait(self, lanes: list[Lane]) -> None:
        """Take what is read and settle what has landed, as soon as there is any; what landed is held no longer."""
        under_way: list[Future[Any]] = [future for lane in lanes for future in lane.reading]
        under_way += [future for lane in lanes for future in lane.landing]
        soon = LONGEST_UNLANDED if any(lane.batch for lane in lanes) else None
        done = wait(under_way, soon, FIRST_COMPLETED).done if under_way else set()
        for lane in lanes:
            for future in done & lane.reading.keys():
                self._take(lane, *lane.reading.pop(future), future)
            for landed in done & lane.landing:
                lane.landing.remove(landed)
                self._settle_landed(landed.result())

    def _feed(self, lane: Lane, pool: ThreadPoolExecutor) -> None:
        while len(lane.reading) < lane.at_once and not lane.must_wait:
            found = lane.next()
            if found is None:
                if not lane.may_claim:
                    return
                self._claim(lane)
                continue
            day, pull_id = found
            if failure := self._readers.prepare(day):
                self._fail(day, pull_id, failure)
            else:
                lane.reading[pool.submit(tracing.carried(self._readers.read), day)] = (day, pull_id)

    def _claim(self, lane: Lane) -> None:
        block = {day.key: day for day in (lane.waiting.popleft() for _ in range(min(CLAIM_BLOCK, len(lane.waiting))))}
        claimed, refused = pulls.claim(self._connection, self._attempt, list(block))
        for key, pull_id in claimed.items():
            lane.claimed.append((block[key], pull_id))
        for key, reader in refused.items():
            self._elsewhere[block[key]] = reader

    def _take(self, lane: Lane, day: AccountDay, pull_id: int, future: Future[Reading]) -> None:
        try:
            reading = future.result()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not fail the other days
            failure = failure_of(error)
            if isinstance(error, CredentialRejected):
                self._readers.refuse(day, replace(failure, requests=0))
            self._fail(day, pull_id, failure, error)
            return
        # What a day in progress lacks is no loss: there is more of it to come, and the night reads it whole.
        if not reading.is_in_progress and (doubt := self._doubts.of(day, reading)):
            self._fail(day, pull_id, doubt, reading=reading)
            return
        lane.add(Finished(day, pull_id, reading))

    def _settle_landed(self, landed: Landed) -> None:
        for finished, result in landed:
            if isinstance(result, Exception):
                self._fail(finished.day, finished.pull_id, failure_of(result), result, finished.reading)
            else:
                self._settle_good(finished, result)

    def _settle_good(self, finished: Finished, is_unchanged: bool) -> None:
        reading = finished.reading
        facts = {
            "rows": reading.table.num_rows,
            "pull_id": finished.pull_id,
            "is_incomplete": not reading.is_whole,
            "requests": reading.requests,
            "windows": len(reading.windows),
            "totals": reading.totals,
            "provider_totals": reading.provider_totals,
        }
        facts["accepted"] = self._doubts.settle(finished.day)
        state = PullState.UNCHANGED if is_unchanged else PullState.PUBLISHED
        for outcome in finished.day.outcomes(state, **facts):
            self._settle(outcome)

    def _fail(
        self,
        day: AccountDay,
        pull_id: int,
        failure: Failure,
        error: Exception | None = None,
        reading: Reading | None = None,
    ) -> None:
        if error is not None and failure.code == "unexpected":
            # Where it happened, without the exception's own words: they may quote what it was given.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s: unexpected %s at\n%s", day, type(error).__name__, where)
        code, cause, is_permanent = failure.code, failure.cause, failure.is_permanent
        requests, windows = (reading.requests, reading.windows) if reading else (failure.requests, ())
        evidence = failure.evidence
        pulls.fail(
            self._connection, pull_id, code, cause, is_permanent, windows=windows, requests=requests, evidence=evidence
        )
        why = {"cause_code": code, "cause": cause, "is_permanent": is_permanent}
        facts = {"pull_id": pull_id, "requests": requests, "windows": len(windows)}
        for outcome in day.outcomes(PullState.FAILED, **why, **facts):
            self._settle(outcome)
