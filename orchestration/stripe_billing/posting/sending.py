"""Send committed postings: what became of each, or that it stays pending."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import stripe
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from orchestration.operations import tracing
from orchestration.stripe_billing.api.calls import StripeApi, midnight
from orchestration.stripe_billing.api.errors import BillingError, KeyRefused
from orchestration.stripe_billing.each import finding_of
from orchestration.stripe_billing.posting.outcomes import Failure, failure_of
from orchestration.stripe_billing.posting.readiness import Finding, Readiness
from orchestration.stripe_billing.posting.report import PostingReport
from sources.http.budget import Turns
from warehouse.stripe.postings import OLDEST_TIMESTAMP, Due, Posting, Resolution

FORGETS_AFTER = timedelta(hours=23)
"""Stripe keeps identifiers and keys for at least 24 hours; an hour is left for clocks that differ."""

LARGEST = 10**15 - 1
LONGEST_WAIT = 8.0  # seconds between two tries of one posting
_CANNOT = {
    "too_old": "older than 35 days",
    "invoice_final": "the period's invoice is final",
    "subscription_ended": "the subscription has ended",
}


class _Again(Exception):
    """Stripe did not answer, or answered that another try may help."""


class Sender:
    """Sends the days of one tenant and meter after one another; several threads may each send others."""

    def __init__(
        self,
        api: StripeApi,
        readiness: Readiness,
        clock: Callable[[], datetime],
        attempts: int,
        turns: Turns,
        sleep: Callable[[float], None],
        report: PostingReport,
    ) -> None:
        self._api = api
        self._readiness = readiness
        self._clock = clock
        self._attempts = attempts
        self._turns = turns
        self._sleep = sleep
        self._report = report
        self.ended: set[str] = set()
        """Closed tenants whose subscription is gone."""

    def send(self, postings: Sequence[tuple[Due, Posting]]) -> list[Resolution]:
        """One tenant and meter, oldest day first, until one of them stays pending."""
        resolutions = []
        first = postings[0][1]
        with tracing.span("send", tenant=first.tenant_id, meter=first.meter_id, postings=len(postings)):
            for row, posting in postings:
                if self._report.is_halted or self._report.is_stopped(posting.tenant_id, posting.meter_id):
                    break
                try:
                    resolution = self._settled_without_sending(row, posting) or self._sent(posting)
                except KeyRefused as error:
                    self._report.halt(str(error))
                    break
                except BillingError as error:
                    self._report.stop(finding_of(posting.tenant_id, posting.meter_id, error))
                    break
                if resolution is None:
                    break
                resolutions.append(resolution)
            tracing.tell(resolved=len(resolutions))
        return resolutions

    def _settled_without_sending(self, row: Due, posting: Posting) -> Resolution | None:
        """What no meter carries any more, and what may have arrived so long ago that Stripe must be asked."""
        if posting.value > LARGEST:
            cause = "Stripe takes at most 15 digits; billed at approval."
            return Resolution(posting.posting_id, "uncovered", "too_many_digits", cause)
        code = self._cannot_carry(row, posting)
        if row.posting_id is not None and (code or self._is_forgotten(posting)):
            return self._read_back(posting, code)
        if code:
            cause = f"No meter can carry it: {_CANNOT[code]}; billed at approval."
            return Resolution(posting.posting_id, "uncovered", code, cause)
        return None

    def _cannot_carry(self, row: Due, posting: Posting) -> str | None:
        if self._clock().date() - posting.usage_date > OLDEST_TIMESTAMP:
            return "too_old"
        if self._readiness.is_final(posting.stripe_customer_id, row.period_end):
            return "invoice_final"
        if posting.tenant_id in self.ended:
            return "subscription_ended"
        return None

    def _sent(self, posting: Posting) -> Resolution | None:
        retrying = Retrying(
            stop=stop_after_attempt(self._attempts),
            wait=wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT),
            retry=retry_if_exception_type(_Again),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._sent_once, posting)
        except _Again:
            cause = "Stripe did not answer in time; the posting stays pending and is sent again by the next run."
            self._report.stop(Finding(posting.tenant_id, posting.meter_id, "unanswered", cause))
            return None

    def _sent_once(self, posting: Posting) -> Resolution | None:
        self._turns.wait()
        # The clock is read right before the call: a process that slept for a day must not send what Stripe forgot.
        if self._report.is_halted or self._is_forgotten(posting):
            return None
        try:
            self._api.send_meter_event(
                posting.event_name,
                posting.stripe_customer_id,
                int(posting.value),
                midnight(posting.usage_date),
                posting.identifier,
            )
        except stripe.StripeError as error:
            failure = failure_of(error)
            if failure.kind != "again":
                return self._failed(posting, failure)
            self._report.failed(posting.tenant_id)
            raise _Again from error
        self._report.answered()
        return Resolution(posting.posting_id, "accepted")

    def _read_back(self, posting: Posting, uncovered: str | None) -> Resolution | None:
        """What Stripe holds decides whether the row arrived."""
        meter = self._readiness.meter(posting.event_name)
        if meter is None:
            return None
        self._turns.wait()
        try:
            held = self._api.day_summary(meter["id"], posting.stripe_customer_id, posting.usage_date)
        except stripe.StripeError as error:
            failure = failure_of(error)
            if failure.kind in ("again", "spent"):
                self._report.failed(posting.tenant_id)
                return None
            return self._failed(posting, failure)
        self._report.answered()
        if held == posting.value:
            return Resolution(posting.posting_id, "accepted")
        if uncovered:
            cause = f"Stripe holds {held} and takes no more ({_CANNOT[uncovered]}); billed at approval."
            return Resolution(posting.posting_id, "uncovered", uncovered, cause)
        cause = f"Sent over a day ago, and Stripe holds {held}: a new version follows."
        return Resolution(posting.posting_id, "lost", "forgotten", cause)

    def _failed(self, posting: Posting, failure: Failure) -> Resolution | None:
        if failure.kind == "halt":
            self._report.halt(f"Stripe does not accept our key: {failure.cause}. Check MINUTEBOOK_STRIPE_API_KEY.")
            return None
        self._report.answered()
        if failure.kind == "spent":
            return Resolution(posting.posting_id, "lost", failure.code, failure.cause)
        if failure.kind == "refused":
            self._report.stop(Finding(posting.tenant_id, posting.meter_id, failure.code, failure.cause))
            return Resolution(posting.posting_id, "refused", failure.code, failure.cause)
        return Resolution(posting.posting_id, "uncovered", failure.code, failure.cause)

    def _is_forgotten(self, posting: Posting) -> bool:
        return self._clock() - posting.committed_at > FORGETS_AFTER
