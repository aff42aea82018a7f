"""Currencies: how finely an amount of money is rounded, and how Stripe writes it. The one list; dbt is given it.

An amount is rounded to what can be charged everywhere. ISO 4217 gives BHD, IQD, JOD, KWD, LYD, OMR and TND thousandths,
but Stripe charges no single one, so a statement has hundredths, and invoice and statement agree.
https://docs.stripe.com/currencies
"""

import re
from decimal import Decimal

NO_DECIMALS = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
    "XOF", "XPF",
)  # fmt: skip
"""Currencies without a smaller unit; MGA as Stripe and everyday use have it, ISO names a fifth that nobody uses."""

_TYPED = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})")
_STRIPE_DECIMALS = {"BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3, "ISK": 2, "UGX": 2}


def decimals(currency: str) -> int:
    """How many decimals an amount of a statement has."""
    return 0 if currency in NO_DECIMALS else 2


def stripe_decimals(currency: str) -> int:
    """How many decimals Stripe's whole numbers stand for: five currencies end in 0, ISK and UGX in 00."""
    return _STRIPE_DECIMALS.get(currency, decimals(currency))


def stripe_step(currency: str) -> int:
    """What Stripe's whole numbers are multiples of."""
    return int(10 ** (stripe_decimals(currency) - decimals(currency)))


def typed_amount(text: str) -> Decimal:
    """An amount as a person types it: digits and a point, below a million million. Raises ValueError."""
    if not _TYPED.fullmatch(text):
        raise ValueError(f"'{text}' is no amount; write a number from 0 on, such as 0.10")
    return Decimal(text)
