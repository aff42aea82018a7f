"""Post overage: make Stripe hold, for every tenant, meter and UTC day, the value the marts want.

    due (one query) → ready? → committed as pending → sent → recorded, and again until nothing is due

Exactly once rests on four facts. A meter keeps the last value it received per customer and day, so a value may be sent
twice, never added twice. A row is committed before it is sent and no newer version of its day exists until it is
resolved, so an old value cannot overtake a new one. A row is sent again under its own key while Stripe remembers the
key; past that the day is read back first. And only the holder of the lock commits.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import psycopg
import stripe

from orchestration.billing.errors import StripeRefused, StripeUnavailable
from orchestration.billing.outcomes import Failure, failure_of
from orchestration.billing.rate import Rate
from orchestration.billing.readiness import BilledTenant, Finding, Readiness, billed_tenants
from orchestration.billing.stripe_api import StripeApi, midnight
from warehouse.postings import (
    OLDEST_TIMESTAMP,
    Due,
    Posting,
    Resolution,
    commit,
    due,
    posting_lock,
    record,
)

FORGETS_AFTER = timedelta(hours=23)
"""Stripe keeps identifiers and keys for at least 24 hours; an hour is left for clocks that differ."""

LARGEST = 10**15 - 1
PASSES = 4
_CHUNK = 500
_RECORD = 200

Group = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard a run presses. patience: calls in a row that may fail before the run stops asking."""

    workers: int = 8
    per_second: float = 80.0
    attempts: int = 4
    patience: int = 24


@dataclass(slots=True)
class PostingReport:
    """What a run did. counts are of postings by state; stopped says why a tenant or meter got nothing (more)."""

    counts: Counter[str] = field(default_factory=Counter)
    stopped: dict[tuple[str, str | None], Finding] = field(default_factory=dict)
    events: list[Due] = field(default_factory=list)
    halted: str | None = None

    @property
    def is_clean(self) -> bool:
        return not self.stopped and not self.halted and not (self.counts.keys() - {"accepted", "lost"})


class Poster:
    """One posting run over one connection, which it uses alone."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        api: StripeApi,
        readiness: Readiness,
        clock: Callable[[], datetime],
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """connection: as role billing, in autocommit. clock: aware UTC now."""
        self._connection = connection
        self._api = api
        self._readiness = readiness
        self._clock = clock
        self._limits = limits or Limits()
        self._sleep = sleep
        self._rate = Rate(self._limits.per_second, sleep=sleep)
        self._tenants: dict[str, BilledTenant] = {}
        self._failures = 0
        self._halt = threading.Event()
        self._tell = threading.Lock()
        self.report = PostingReport()

    def run(self, *, tenant_ids: Sequence[str] | None = None, dry_run: bool = False) -> PostingReport:
        """Post what is due; with dry_run only say what would be sent.

        Raises:
            PosterBusy: another process posts.
            StripeRefused: Stripe does not accept our key.
            StripeUnavailable: Stripe does not answer; what is committed is sent again by the next run.
        """
        if dry_run:
            for page in due(self._connection, self._clock().date(), tenant_ids=tenant_ids):
                self.report.events += self._ready(page)
            return self.report
        with posting_lock(self._connection):
            for _ in range(PASSES):
                resolved = 0
                with ThreadPoolExecutor(self._limits.workers, thread_name_prefix="post") as pool:
                    for page in due(self._connection, self._clock().date(), tenant_ids=tenant_ids):
                        resolved += self._post(pool, self._ready(page))
                        if self._halt.is_set():
                            break
                if self._halt.is_set() or not resolved:
                    break
        if self.report.halted:
            raise StripeRefused(self.report.halted)
        if self._halt.is_set():
            raise StripeUnavailable(
                f"Stripe failed {self._failures} times in a row. What is committed stays pending and is sent again"
                " by the next run; see `minutebook reconcile`."
            )
        return self.report

    def _ready(self, page: Sequence[Due]) -> list[Due]:
        """The rows of a page whose tenant and meter are set up; the others are reported, and others go on."""
        unknown = sorted({row.tenant_id for row in page} - self._tenants.keys())
        if unknown:
            today = self._clock().date()
            self._tenants |= {tenant.tenant_id: tenant for tenant in billed_tenants(self._connection, today, unknown)}
            with ThreadPoolExecutor(self._limits.workers) as pool:
                for findings in pool.map(lambda name: self._checked(self._tenants[name]), unknown):
                    for found in findings:
                        if found.blocks:
                            self._stop(found)
        ready = []
        for (tenant_id, meter_id), rows in groupby(page, key=lambda row: (row.tenant_id, row.meter_id)):
            group = list(rows)
            if self._is_stopped((tenant_id, meter_id)):
                continue
            newest = group[-1]
            found = self._readiness.of_meter(tenant_id, meter_id, newest.event_name)
            found = found or self._readiness.of_item(self._tenants[tenant_id], meter_id, newest.event_name)
            if found:
                self._stop(found)
            else:
                ready += group
        return ready

    def _checked(self, tenant: BilledTenant) -> list[Finding]:
        self._rate.wait()
        return self._readiness.of_tenant(tenant)

    def _post(self, pool: ThreadPoolExecutor, rows: Sequence[Due]) -> int:
        """Commit, send and record; returns how many were resolved."""
        resolved = 0
        waiting: list[Resolution] = []
        in_flight: set[Future[list[Resolution]]] = set()
        for chunk in _chunks(rows, _CHUNK):
            postings = commit(self._connection, chunk, self._clock())
            periods = {(row.tenant_id, row.usage_date): row for row in chunk}
            for _, group in groupby(postings, key=lambda posting: (posting.tenant_id, posting.meter_id)):
                in_flight.add(pool.submit(self._send_group, list(group), periods))
            # The next chunk is committed while this one is still being sent; what is in flight stays bounded.
            while in_flight and (len(in_flight) > 2 * self._limits.workers or chunk[-1] is rows[-1]):
                done, in_flight = wait(in_flight, return_when=FIRST_COMPLETED)
                waiting += [resolution for future in done for resolution in future.result()]
                if len(waiting) >= _RECORD or not in_flight:
                    resolved += self._record(waiting)
                    waiting = []
            if self._halt.is_set():
                break
        for future in in_flight:
            waiting += future.result()
        return resolved + self._record(waiting)

    def _record(self, resolutions: list[Resolution]) -> int:
        record(self._connection, resolutions, self._clock())
        self.report.counts.update(resolution.state for resolution in resolutions)
        return len(resolutions)

    def _send_group(self, postings: Sequence[Posting], periods: dict[tuple[str, Any], Due]) -> list[Resolution]:
        """Send the days of one tenant and meter one after the other: Stripe takes one call at a time of them."""
        resolutions = []
        for posting in postings:
            if self._halt.is_set() or self._is_stopped((posting.tenant_id, posting.meter_id)):
                break
            resolution = self._send(posting, periods[posting.tenant_id, posting.usage_date])
            if resolution is None:
                break
            resolutions.append(resolution)
        return resolutions

    def _send(self, posting: Posting, row: Due) -> Resolution | None:
        """What became of one posting; None leaves it pending."""
        customer = posting.stripe_customer_id
        if posting.value > LARGEST:
            return Resolution(
                posting.posting_id,
                "uncovered",
                "too_many_digits",
                "Stripe takes at most 15 digits; billed at approval.",
            )
        is_old = self._clock().date() - posting.usage_date > OLDEST_TIMESTAMP
        is_final = row.period_end is not None and self._readiness.is_final(customer, row.period_end)
        if row.posting_id is not None and (is_old or is_final or self._is_forgotten(posting)):
            return self._read_back(posting, "too_old" if is_old else "invoice_final" if is_final else None)
        if is_old or is_final:
            cause = "older than 35 days" if is_old else "the period's invoice is final"
            code = "too_old" if is_old else "invoice_final"
            return Resolution(
                posting.posting_id, "uncovered", code, f"No meter can carry it: {cause}; billed at approval."
            )
        for attempt in range(self._limits.attempts):
            if attempt:
                self._sleep(random.uniform(0.5, 1) * 0.5 * 2**attempt)  # noqa: S311 - spreads retries, guards nothing
            self._rate.wait()
            # The clock is read right before the call: a process that slept for a day must not send what Stripe forgot.
            if self._halt.is_set() or self._is_forgotten(posting):
                return None
            try:
                self._api.send_meter_event(
                    posting.event_name, customer, posting.value, midnight(posting.usage_date), posting.identifier
                )
            except stripe.StripeError as error:
                failure = failure_of(error)
                if failure.kind != "again":
                    return self._failed(posting, failure)
                self._failed_in_a_row(failure)
            else:
                self._failures = 0
                return Resolution(posting.posting_id, "accepted")
        self._stop(
            Finding(
                posting.tenant_id, posting.meter_id, "unanswered",
                "Stripe did not answer in time; the posting stays pending and is sent again by the next run.",
            )
        )  # fmt: skip
        return None

    def _read_back(self, posting: Posting, uncovered: str | None) -> Resolution | None:
        """Past the age at which Stripe forgets: what it holds decides whether the row arrived."""
        meter = self._readiness.meter(posting.event_name)
        if meter is None:
            return None
        self._rate.wait()
        try:
            held = self._api.day_summary(meter["id"], posting.stripe_customer_id, posting.usage_date)
        except stripe.StripeError as error:
            failure = failure_of(error)
            if failure.kind in ("again", "spent"):
                self._failed_in_a_row(failure)
                return None
            return self._failed(posting, failure)
        if held == posting.value:
            return Resolution(posting.posting_id, "accepted")
        if uncovered:
            return Resolution(
                posting.posting_id,
                "uncovered",
                uncovered,
                f"Stripe holds {held} and takes no more; billed at approval.",
            )
        return Resolution(
            posting.posting_id,
            "lost",
            "forgotten",
            f"Sent over a day ago, and Stripe holds {held}: a new version follows.",
        )

    def _failed(self, posting: Posting, failure: Failure) -> Resolution | None:
        if failure.kind == "halt":
            with self._tell:
                self.report.halted = (
                    f"Stripe does not accept our key: {failure.cause}. Check MINUTEBOOK_STRIPE_API_KEY."
                )
            self._halt.set()
            return None
        self._failures = 0
        if failure.kind == "spent":
            return Resolution(posting.posting_id, "lost", failure.code, failure.cause)
        if failure.kind == "refused":
            self._stop(Finding(posting.tenant_id, posting.meter_id, failure.code, failure.cause))
            return Resolution(posting.posting_id, "refused", failure.code, failure.cause)
        return Resolution(posting.posting_id, "uncovered", failure.code, failure.cause)

    def _failed_in_a_row(self, failure: Failure) -> None:
        with self._tell:
            self._failures += 1
            if self._failures >= self._limits.patience:
                self._halt.set()

    def _is_forgotten(self, posting: Posting) -> bool:
        return self._clock() - posting.committed_at > FORGETS_AFTER

    def _is_stopped(self, group: Group) -> bool:
        return group in self.report.stopped or (group[0], None) in self.report.stopped

    def _stop(self, finding: Finding) -> None:
        with self._tell:
            self.report.stopped[finding.tenant_id, finding.meter_id] = finding


def _chunks(rows: Sequence[Due], size: int) -> Iterator[list[Due]]:
    """Rows in their order, about size at a time; the days of one tenant and meter stay together."""
    chunk: list[Due] = []
    for _, group in groupby(rows, key=lambda row: (row.tenant_id, row.meter_id)):
        chunk += group
        if len(chunk) >= size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
