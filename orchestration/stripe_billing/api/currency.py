"""Amounts as Stripe takes them: whole numbers of the currency's minor unit. https://docs.stripe.com/currencies"""

from decimal import Decimal

from orchestration.stripe_billing.api.errors import AmountNotExact
from warehouse.currency import stripe_decimals, stripe_step


def to_minor(amount: Decimal, currency: str) -> int:
    """12.34 USD is 1234. Raises AmountNotExact where the amount was not rounded to the currency."""
    scaled = amount.scaleb(stripe_decimals(currency))
    if scaled % stripe_step(currency):
        raise AmountNotExact(f"{amount} {currency} is no amount that Stripe charges: round the line first.")
    return int(scaled)


def from_minor(amount: int, currency: str) -> Decimal:
    """1234 USD is 12.34."""
    return Decimal(amount).scaleb(-stripe_decimals(currency))
