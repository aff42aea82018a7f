"""What can go wrong in billing.

BillingError
├── StripeNotConfigured   no API key in the environment
├── StripeRefused         Stripe refuses what was asked; a person must act
│   └── KeyRefused        it does not accept our key: nothing can succeed
├── AnotherAccount        the key is of another account or mode than we bill in, and nobody has said that it is meant
├── StripeUnavailable     timeouts, resets, 429 and 5xx beyond our patience; what is committed is sent again
├── StatementsUntrusted   the known-answer tenant's statement is wrong: nothing may be posted
├── AmountNotExact        an amount has more decimals than its currency has minor units
└── NotFoundInLedger      a repair names a posting that is not there
"""


class BillingError(Exception):
    """Base of everything billing raises on purpose; the message says what to do."""


class StripeNotConfigured(BillingError):
    """The environment lacks what Stripe needs."""


class StripeRefused(BillingError):
    """Stripe refuses what was asked of it; code is our word for why."""

    def __init__(self, message: str, code: str = "refused") -> None:
        super().__init__(message)
        self.code = code


class KeyRefused(StripeRefused):
    """Stripe does not accept our key at all."""


class AnotherAccount(BillingError):
    """The key belongs to another account of Stripe's, or to its other mode."""


class StripeUnavailable(BillingError):
    """Stripe does not answer for now. Nothing is lost: what was committed is sent again."""


class StatementsUntrusted(BillingError):
    """The canary's statement differs from what is known of it: what the marts say must not be posted."""


class AmountNotExact(BillingError):
    """An amount cannot be told in the minor units of its currency."""


class NotFoundInLedger(BillingError):
    """There is no such posting."""
