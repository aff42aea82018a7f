"""What Stripe's whole numbers are multiples of. https://docs.stripe.com/currencies#special-cases

Written down a second time: the sandbox must not agree with our list by reading it.
"""

from decimal import ROUND_HALF_UP, Decimal

from tests.sandbox.stripe.errors import StripeProblem

_STEPS = {**dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 10), "isk": 100, "ugx": 100}


def rounded(exact: Decimal, currency: str) -> int:
    """An amount of Stripe's own making, to what can be charged."""
    step = _STEPS.get(currency, 1)
    return int((exact / step).quantize(Decimal(1), ROUND_HALF_UP)) * step


def chargeable(amount: int, currency: str, param: str) -> int:
    """An amount that somebody names. Raises StripeProblem where no card can be charged it."""
    step = _STEPS.get(currency, 1)
    if amount % step:
        message = f"Amounts in {currency} must be evenly divisible by {step}: {amount} is not."
        raise StripeProblem(400, None, message, param=param)
    return amount
