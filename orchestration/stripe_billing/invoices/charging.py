"""What Stripe charges for a quantity."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from warehouse.currency import stripe_step


def charged(price: Mapping[str, Any], quantity: int) -> int:
    """The line of an invoice for this quantity, as Stripe writes amounts, rounded once, half away from zero."""
    if price["billing_scheme"] == "tiered":
        exact = _tiered(price["tiers"], price["tiers_mode"], quantity)
    else:
        transform = price.get("transform_quantity")
        units = -(-quantity // transform["divide_by"]) if transform else quantity
        exact = Decimal(price["unit_amount_decimal"]) * units
    step = stripe_step(price["currency"].upper())
    return int((exact / step).quantize(Decimal(1), ROUND_HALF_UP)) * step


def _tiered(tiers: list[Mapping[str, Any]], mode: str, quantity: int) -> Decimal:
    below, exact = 0, Decimal(0)
    for tier in tiers:
        bound, amount = tier["up_to"], Decimal(tier["unit_amount_decimal"] or 0)
        if mode == "volume":
            if bound is None or quantity <= bound:
                return amount * quantity
            continue
        upper = quantity if bound is None else min(quantity, bound)
        exact += amount * max(0, upper - below)
        below = max(below, upper)
    return exact
