"""What Stripe charges for a quantity."""

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from warehouse.currency import stripe_step


def charged(price: Mapping[str, Any], quantity: int) -> int:
    """The lines of an invoice for this quantity, as Stripe writes amounts: each is rounded, half away from zero."""
    step = stripe_step(price["currency"].upper())
    return sum(int((exact / step).quantize(Decimal(1), ROUND_HALF_UP)) * step for exact in _lines(price, quantity))


def _lines(price: Mapping[str, Any], quantity: int) -> Iterator[Decimal]:
    """One for each graduated tier that is reached, else one."""
    if price["billing_scheme"] != "tiered":
        transform = price.get("transform_quantity")
        units = -(-quantity // transform["divide_by"]) if transform else quantity
        yield Decimal(price["unit_amount_decimal"]) * units
        return
    below = 0
    for tier in price["tiers"]:
        bound, amount = tier["up_to"], Decimal(tier["unit_amount_decimal"] or 0)
        if price["tiers_mode"] == "volume":
            if bound is None or quantity <= bound:
                yield amount * quantity
                return
            continue
        upper = quantity if bound is None else min(quantity, bound)
        yield amount * max(0, upper - below)
        below = max(below, upper)
