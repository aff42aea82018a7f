"""Currencies: how finely an amount of money is rounded, and how Stripe writes it. The one list; dbt is given it.

An amount is rounded to what can be charged everywhere. ISO 4217 gives BHD, IQD, JOD, KWD, LYD, OMR and TND thousandths,
but Stripe charges no single one, so a statement has hundredths, and invoice and statement agree.
https://docs.stripe.com/currencies
"""

NO_DECIMALS = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
    "XOF", "XPF",
)  # fmt: skip
"""Currencies without a smaller unit; MGA as Stripe and everyday use have it, ISO names a fifth that nobody uses."""

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
