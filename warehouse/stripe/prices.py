"""Our prices in Stripe's words, and whether Stripe's are the same: the one comparison of the two. Asks Stripe nothing.

Amounts are whole numbers of the currency's minor unit. https://docs.stripe.com/currencies
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from warehouse.currency import stripe_decimals


def as_stripe(price: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """The parameters of Stripe's price that charge as ours does, but for product and meter.

    price: model, unit_amount, package_size, tiers of `control.prices`. Only overage is posted, so no tier is free, but
    for what lies above a last tier that ends: Stripe wants one without end, and we price nothing there.
    """
    if price["model"] in ("graduated", "volume"):
        above = [{"up_to": None, "unit_amount": 0}] if price["tiers"][-1]["up_to"] is not None else []
        return {
            "billing_scheme": "tiered",
            "tiers_mode": price["model"],
            "tiers": [
                {
                    "up_to": "inf" if tier["up_to"] is None else tier["up_to"],
                    "unit_amount_decimal": _minor(tier["unit_amount"], currency),
                }
                for tier in [*price["tiers"], *above]
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


def is_known(stripe_price: Mapping[str, Any]) -> bool:
    """Whether all that it charges was told: tiers come only when asked for."""
    scheme = stripe_price.get("billing_scheme")
    return scheme == "per_unit" or (scheme == "tiered" and stripe_price.get("tiers") is not None)


def charges_alike(price: Mapping[str, Any], currency: str, stripe_price: Mapping[str, Any]) -> bool:
    """Whether Stripe's price charges what ours (as for `as_stripe`) does, in this currency."""
    return bool(stripe_price["currency"] == currency.lower() and is_same(as_stripe(price, currency), stripe_price))


def _minor(amount: Any, currency: str) -> str:
    """At most 12 decimals, in minor units, without an exponent."""
    return f"{Decimal(str(amount)).scaleb(stripe_decimals(currency)).normalize():f}"
