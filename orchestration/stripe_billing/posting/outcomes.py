"""What an answer of Stripe's means for the posting that was sent.

| verdict | cause | what follows |
|---|---|---|
| accepted | 2xx | done |
| again | timeout, reset, 409, 429, 5xx, whatever is cut off | the same row is sent again, now and by later runs |
| spent | the key's stored answer is an error, or it said something else before | a new version, under a new key |
| refused | customer deleted, meter archived, whatever a person must repair | this tenant's meter stops for the run |
| uncovered | too old, too many digits | no meter can carry it; billed at approval |
| halt | key refused | the run stops, the row stays pending |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import stripe

from orchestration.stripe_billing.api.errors import BillingError, KeyRefused, StripeRefused, StripeUnavailable

Kind = Literal["again", "spent", "refused", "uncovered", "halt"]

_UNCOVERED = {
    "timestamp_too_far_in_past": "too_old",
    "meter_event_value_too_many_digits": "too_many_digits",
}
_REFUSED = {
    "meter_event_customer_not_found": "customer_deleted",
    "resource_missing": "not_found",
    "archived_meter": "meter_archived",
    "no_meter": "meter_missing",
    "timestamp_in_future": "clock_ahead",
}
_OTHER_MODE = re.compile(r"a similar object exists in (live|test) mode")
_KNOWN = "event already exists with identifier"
"""Stripe refuses a meter event's identifier that it has seen within a day by this sentence, without a code."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call did not simply succeed. cause is Stripe's own words, short; it carries no secret."""

    kind: Kind
    code: str
    cause: str


def failure_of(error: stripe.StripeError) -> Failure:
    """Tell what an error means. Codes: https://docs.stripe.com/error-codes and the meter error report's list."""
    status = error.http_status or 0
    said = (error.user_message or type(error).__name__).split("\n", 1)[0][:300]
    is_replayed = str((error.headers or {}).get("Idempotent-Replayed", "")).lower() == "true"
    if isinstance(error, stripe.AuthenticationError):
        return Failure("halt", "key_refused", said)
    if isinstance(error, stripe.PermissionError):
        return Failure("refused", "not_permitted", said)
    if isinstance(error, stripe.APIConnectionError) or status == 0:
        return Failure("again", "unreachable", said)
    if status == 409:
        return Failure("again", "in_use", said)
    if status == 429 or status >= 500:
        code = "rate_limited" if status == 429 else "stripe_error"
        return Failure("spent" if is_replayed else "again", code, said)
    if status < 300 or not (isinstance(error.json_body, Mapping) and "error" in error.json_body):
        return Failure("again", "unreadable", "Stripe's answer is cut off or not what was asked for")
    if isinstance(error, stripe.IdempotencyError):
        return Failure("spent", "identifier_reused", said)
    if _KNOWN in said:
        return Failure("spent", "identifier_known", said)
    code = error.code or "refused"
    if code == "resource_missing" and (other := _OTHER_MODE.search(said)):
        return Failure("refused", f"of_{other[1]}_mode", said)
    if code in _UNCOVERED:
        return Failure("uncovered", _UNCOVERED[code], said)
    return Failure("refused", async_code(code), said)


def async_code(code: str) -> str:
    """Our word for a code of Stripe's, in answers and in error reports alike."""
    return _UNCOVERED.get(code) or _REFUSED.get(code, code)


def explained(error: stripe.StripeError) -> BillingError:
    """The error of ours that tells a person what Stripe said; it carries no secret."""
    failure = failure_of(error)
    if failure.kind == "halt":
        return KeyRefused(f"Stripe does not accept our key: {failure.cause}. Check MINUTEBOOK_STRIPE_API_KEY.")
    if failure.kind in ("again", "spent"):
        return StripeUnavailable(f"Stripe does not answer ({failure.cause}). Try again later.")
    return StripeRefused(f"Stripe refuses ({failure.code}): {failure.cause}.", failure.code)
