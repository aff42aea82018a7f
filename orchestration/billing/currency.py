"""Amounts as Stripe takes them: whole numbers of the currency's minor unit. https://docs.stripe.com/currencies"""

from decimal import Decimal

from orchestration.billing.errors import AmountNotExact
from warehouse.stripe_prices import decimals


def to_minor(amount: Decimal, currency: str) -> int:
    """12.34 USD is 1234. Raises AmountNotExact where the amount was not rounded to the currency."""
    scaled = amount.scaleb(decimals(currency))
    if scaled != scaled.to_integral_value():
        raise AmountNotExact(f"{amount} {currency} is not a whole number of minor units: round the line first.")
    return int(scaled)


def from_minor(amount: int, currency: str) -> Decimal:
    """1234 USD is 12.34."""
    return Decimal(amount).scaleb(-decimals(currency))
