"""Post overage: make Stripe hold, for every tenant, meter and UTC day, the value the marts want.

    due (one query) → ready? → committed as pending → sent → recorded, and again until nothing is due

Exactly once rests on four facts. A meter keeps the last value it received per customer and day, so a value may be sent
twice, never added twice. A row is committed before it is sent and no newer version of its day exists until it is
resolved, so an old value cannot overtake a new one. A row is sent again under its own key while Stripe remembers the
key; past that the day is read back first. And only the holder of the lock commits.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from datetime import datetime
from itertools import groupby
from typing import Any

import psycopg

from orchestration.operations import tracing
from orchestration.stripe_billing.api.account import require_account
from orchestration.stripe_billing.api.calls import StripeApi
from orchestration.stripe_billing.api.errors import BillingError, KeyRefused, StripeUnavailable
from orchestration.stripe_billing.each import ask_each, finding_of
from orchestration.stripe_billing.posting.readiness import Finding, Readiness
from orchestration.stripe_billing.posting.report import Limits, PostingReport
from orchestration.stripe_billing.posting.sending import Sender
from sources.http.budget import Turns
from warehouse.stripe.billed_tenants import BilledTenant, billed_tenants
from warehouse.stripe.postings import Due, Resolution, commit, due, posting_lock, record
from warehouse.words import counted

PASSES = 4
"""A value restated while an older one was pending takes a second pass; a key that is spent takes another."""

_CHUNK = 500
_RECORD = 200


def threads(workers: int) -> Executor:
    """Where the calls of a run are made."""
    return ThreadPoolExecutor(workers, thread_name_prefix="post")


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
        pool: Callable[[int], Executor] = threads,
        held_back: Mapping[str, str] | None = None,
    ) -> None:
        """connection: as role billing, in autocommit. clock: aware UTC now. pool: given the number of workers.
        held_back: tenants of whom nothing is posted, each with the reason."""
        limits = limits or Limits()
        self.report = PostingReport(limits.patience)
        self._connection = connection
        self._api = api
        self._readiness = readiness
        self._clock = clock
        self._workers = limits.workers
        self._pool = pool
        self._turns = Turns(limits.per_second, sleep=sleep)
        self._sender = Sender(api, readiness, clock, limits.attempts, self._turns, sleep, self.report)
        self._held_back = held_back or {}
        self._tenants: dict[str, BilledTenant] = {}
        self._customers: dict[int, str] = {}

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
        with tracing.span("post"), posting_lock(self._connection):
            for _ in range(PASSES):
                if not self._pass(tenant_ids) or self.report.is_halted:
                    break
        if self.report.refusal:
            raise KeyRefused(self.report.refusal)
        if self.report.is_halted:
            raise StripeUnavailable(
                f"Stripe failed {counted(self.report.failures_in_a_row, 'time')} in a row. What is committed stays"
                " pending and is sent again by the next run; see `minutebook reconcile`."
            )
        return self.report

    def _pass(self, tenant_ids: Sequence[str] | None) -> int:
        """Everything due, once; returns how many postings were resolved."""
        resolved = 0
        for page in due(self._connection, self._clock().date(), tenant_ids=tenant_ids):
            with self._pool(self._workers) as pool:
                resolved += self._post(pool, self._ready(page))
            if self.report.is_halted:
                break
        return resolved

    def _ready(self, page: Sequence[Due]) -> list[Due]:
        """The rows of a page whose tenant and meter are set up; the others are reported, and others go on."""
        unknown = sorted({row.tenant_id for row in page} - self._tenants.keys())
        if unknown:
            today = self._clock().date()
            self._tenants |= {tenant.tenant_id: tenant for tenant in billed_tenants(self._connection, today, unknown)}
            for name, found in self._each_checked(unknown):
                blocking = [one for one in ([found] if isinstance(found, Finding) else found) if one.blocks]
                for one in blocking:
                    self.report.stop(one)
                if not blocking and self._readiness.has_ended(self._tenants[name]):
                    self._sender.ended.add(name)
            for name in (name for name in unknown if name in self._held_back):
                self.report.stop(Finding(name, None, "unbalanced", self._held_back[name]))
        ready = []
        for (tenant_id, meter_id), rows in groupby(page, key=_group_of):
            group = list(rows)
            if self.report.is_stopped(tenant_id, meter_id):
                continue
            if problem := self._problem_of(tenant_id, meter_id, group[-1].event_name):
                self.report.stop(problem)
            else:
                ready += group
        return ready

    def _each_checked(self, tenant_ids: Sequence[str]) -> list[tuple[str, list[Finding] | Finding]]:
        """What is wrong with each. One alone does not tell whether Stripe is down: others may be due after it."""
        try:
            return ask_each(tenant_ids, self._checked, str, workers=self._workers, pool=self._pool)
        except StripeUnavailable as error:
            if len(tenant_ids) > 1:
                raise
            return [(tenant_ids[0], finding_of(tenant_ids[0], None, error))]

    def _checked(self, tenant_id: str) -> list[Finding]:
        self._turns.wait()
        return self._readiness.of_tenant(self._tenants[tenant_id])

    def _problem_of(self, tenant_id: str, meter_id: str, event_name: str) -> Finding | None:
        if found := self._readiness.of_meter(tenant_id, meter_id, event_name):
            return found
        try:
            return self._readiness.of_item(self._tenants[tenant_id], meter_id, event_name)
        except BillingError as error:
            return finding_of(tenant_id, meter_id, error)

    def _post(self, pool: Executor, rows: Sequence[Due]) -> int:
        """Commit, send and record; returns how many were resolved."""
        require_account(self._connection, self._api, self._clock)
        rows, resolved = self._here(rows)
        waiting: list[Resolution] = []
        in_flight: set[Future[list[Resolution]]] = set()
        for chunk in _chunks(rows):
            if self.report.is_halted:
                break
            self._readiness.next_invoices_change(row.stripe_customer_id for row in chunk)
            committed = commit(self._connection, chunk, self._clock())
            self._customers |= {posting.posting_id: posting.stripe_customer_id for posting in committed}
            pairs = zip(chunk, committed, strict=True)
            for _, group in groupby(pairs, key=lambda pair: _group_of(pair[0])):
                in_flight.add(pool.submit(tracing.carried(self._sender.send), list(group)))
            # The next chunk is committed while this one is still being sent; what is in flight stays bounded.
            while len(in_flight) > 2 * self._workers:
                done, in_flight = wait(in_flight, return_when=FIRST_COMPLETED)
                waiting += [resolution for future in done for resolution in future.result()]
                if len(waiting) >= _RECORD:
                    resolved += self._record(waiting)
                    waiting = []
        for future in in_flight:
            waiting += future.result()
        resolved += self._record(waiting)
        # What stays pending may have reached Stripe all the same.
        self._readiness.next_invoices_change(self._customers.values())
        self._customers.clear()
        return resolved

    def _here(self, rows: Sequence[Due]) -> tuple[Sequence[Due], int]:
        """The rows without those committed for another account: of them a new version follows, under a key of ours."""
        gone = [row for row in rows if row.posting_id is not None and row.is_elsewhere]
        cause = "It was committed for another account, where it may have arrived; a new version follows here."
        lost = [Resolution(row.posting_id, "lost", "other_account", cause) for row in gone if row.posting_id]
        self._customers |= {row.posting_id: row.stripe_customer_id for row in gone if row.posting_id}
        return [row for row in rows if row not in gone] if gone else rows, self._record(lost)

    def _record(self, resolutions: list[Resolution]) -> int:
        record(self._connection, resolutions, self._clock())
        reported = {self._customers.pop(resolution.posting_id) for resolution in resolutions}
        self._readiness.next_invoices_change(reported)
        self.report.counts.update(resolution.state for resolution in resolutions)
        return len(resolutions)


def _group_of(row: Due) -> tuple[str, str]:
    return row.tenant_id, row.meter_id


def _chunks(rows: Sequence[Due]) -> Iterator[list[Due]]:
    """Rows in their order, some hundreds at a time; the days of one tenant and meter stay together."""
    chunk: list[Due] = []
    for _, group in groupby(rows, key=_group_of):
        chunk += group
        if len(chunk) >= _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
