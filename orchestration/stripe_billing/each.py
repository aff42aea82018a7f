"""Ask Stripe about one tenant after the other: what fails for one is that tenant's finding, and the others go on."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

import stripe

from orchestration.stripe_billing.api.errors import BillingError, KeyRefused, StripeRefused, StripeUnavailable
from orchestration.stripe_billing.posting.outcomes import explained, failure_of
from orchestration.stripe_billing.posting.readiness import Finding

PATIENCE = 24
"""Unanswered for so many in a row, and it is Stripe that is down."""

Subject = TypeVar("Subject")
Answer = TypeVar("Answer")


def ask_each(
    subjects: Sequence[Subject],
    ask: Callable[[Subject], Answer],
    tenant_of: Callable[[Subject], str],
    *,
    workers: int = 8,
    pool: Callable[[int], Executor] = ThreadPoolExecutor,
) -> list[tuple[Subject, Answer | Finding]]:
    """The answer for each, or what went wrong with it, in their order.

    Raises:
        KeyRefused: nothing can succeed.
        StripeUnavailable: Stripe answered for nobody, or for many in a row not.
    """
    found: list[tuple[Subject, Answer | Finding]] = []
    unanswered: list[Finding] = []

    def one(subject: Subject) -> Answer | Finding:
        try:
            return ask(subject)
        except (stripe.StripeError, BillingError) as error:
            return finding_of(tenant_of(subject), None, error)

    with pool(workers) as threads:
        for subject, answer in zip(subjects, threads.map(one, subjects), strict=True):
            found.append((subject, answer))
            if isinstance(answer, Finding) and answer.code == "unanswered":
                unanswered.append(answer)
            else:
                unanswered.clear()
            if len(unanswered) >= PATIENCE or (unanswered and len(unanswered) == len(subjects)):
                threads.shutdown(cancel_futures=True)
                names = ", ".join(sorted({silent.tenant_id for silent in unanswered})[:5])
                raise StripeUnavailable(f"{names}: {unanswered[-1].message}")
    return found


def finding_of(tenant_id: str, meter_id: str | None, error: stripe.StripeError | BillingError) -> Finding:
    """What went wrong with a tenant. Raises KeyRefused where it is not the tenant's."""
    if isinstance(error, stripe.StripeError):
        failure = failure_of(error)
        if failure.kind == "halt":
            raise explained(error) from None
        code = "unanswered" if failure.kind in ("again", "spent") else failure.code
        return Finding(tenant_id, meter_id, code, str(explained(error)))
    if isinstance(error, KeyRefused):
        raise error
    if isinstance(error, StripeUnavailable):
        return Finding(tenant_id, meter_id, "unanswered", str(error))
    code = error.code if isinstance(error, StripeRefused) else "not_exact"
    return Finding(tenant_id, meter_id, code, str(error))
