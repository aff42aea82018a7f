"""What Stripe charges for a quantity, and the price of ours in Stripe's words."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from orchestration.billing.currency import decimals


def charged(price: Mapping[str, Any], quantity: int) -> int:
    """The line of an invoice for this quantity, in minor units, rounded once, half away from zero."""
    if price["billing_scheme"] == "tiered":
        exact = _tiered(price["tiers"], price["tiers_mode"], quantity)
    else:
        transform = price.get("transform_quantity")
        units = -(-quantity // transform["divide_by"]) if transform else quantity
        exact = Decimal(price["unit_amount_decimal"]) * units
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


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


def as_stripe(price: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """The parameters of Stripe's price that charge as ours does, but for product and meter.

    price: model, unit_amount, package_size, tiers of `control.prices`. Only overage is posted, so no tier is free.
    """
    if price["model"] in ("graduated", "volume"):
        return {
            "billing_scheme": "tiered",
            "tiers_mode": price["model"],
            "tiers": [
                {
                    "up_to": "inf" if tier["up_to"] is None else tier["up_to"],
                    "unit_amount_decimal": _minor(tier["unit_amount"], currency),
                }
                for tier in price["tiers"]
            ],
        }
    params: dict[str, Any] = {
        "billing_scheme": "per_unit",
        "unit_amount_decimal": _minor(price["unit_amount"], currency),
    }
    if price["model"] == "package":
        params["transform_quantity"] = {"divide_by": price["package_size"], "round": "up"}
    return params


def is_same(ours: Mapping[str, Any], stripe_price: Mapping[str, Any]) -> bool:
    """Whether Stripe's price charges what `as_stripe` says."""
    if ours["billing_scheme"] != stripe_price["billing_scheme"]:
        return False
    if ours["billing_scheme"] == "tiered":
        theirs = [(tier["up_to"], Decimal(tier["unit_amount_decimal"] or 0)) for tier in stripe_price["tiers"] or ()]
        wanted = [
            (None if tier["up_to"] == "inf" else tier["up_to"], Decimal(tier["unit_amount_decimal"]))
            for tier in ours["tiers"]
        ]
        is_flat = all(not tier.get("flat_amount") for tier in stripe_price["tiers"] or ())
        return bool(ours["tiers_mode"] == stripe_price["tiers_mode"] and theirs == wanted and is_flat)
    transform = stripe_price.get("transform_quantity") or None
    wanted_transform = ours.get("transform_quantity")
    is_amount = Decimal(ours["unit_amount_decimal"]) == Decimal(stripe_price["unit_amount_decimal"] or -1)
    return bool(is_amount and (transform or None) == wanted_transform)


def _minor(amount: Any, currency: str) -> str:
    """At most 12 decimals, in minor units, without an exponent."""
    return f"{Decimal(str(amount)).scaleb(decimals(currency)).normalize():f}"
