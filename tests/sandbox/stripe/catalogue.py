"""Customers, products, prices and subscriptions, in the shapes of the pinned API version."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.sandbox.stripe.errors import StripeProblem, missing


def turn_after(moment: float, anchor_day: int, clock: tuple[int, int, int] = (0, 0, 0)) -> int:
    """The first turn of a monthly cycle strictly after a moment, Unix seconds."""
    at = datetime.fromtimestamp(moment, UTC)
    turn = at.replace(day=anchor_day, hour=clock[0], minute=clock[1], second=clock[2], microsecond=0)
    if turn <= at:
        turn = turn.replace(year=turn.year + turn.month // 12, month=turn.month % 12 + 1)
    return int(turn.timestamp())


class Catalogue:
    """What is sold and to whom."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.customers: dict[str, dict[str, Any]] = {}
        self.products: dict[str, dict[str, Any]] = {}
        self.meters: dict[str, dict[str, Any]] = {}
        self.prices: dict[str, dict[str, Any]] = {}
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.subscribed: Callable[[dict[str, Any], str], None] = lambda subscription, proration: None
        """Told of each new subscription and its proration behaviour: its first invoice is made then."""

    def create_customer(self, params: dict[str, Any]) -> dict[str, Any]:
        customer = {
            "id": params.get("id") or f"cus_{len(self.customers) + 1:06}",
            "object": "customer",
            "created": int(self._now()),
            "livemode": False,
            "metadata": params.get("metadata", {}),
            "name": params.get("name"),
            "balance": 0,
        }
        self.customers[customer["id"]] = customer
        return customer

    def customer(self, name: str) -> dict[str, Any]:
        if name not in self.customers:
            raise missing("customer", name)
        return self.customers[name]

    def named_customer(self, name: str, *, alive: bool = False) -> dict[str, Any]:
        """A customer that a parameter names. alive: nothing is made for one that was deleted."""
        customer = self.customers.get(name)
        if customer is None or (alive and customer.get("deleted")):
            raise missing("customer", name, param="customer")
        return customer

    def delete_customer(self, name: str) -> dict[str, Any]:
        self.customers[name] = {"id": name, "object": "customer", "deleted": True}
        for subscription in self.subscriptions.values():
            if subscription["customer"] == name:
                subscription["status"] = "canceled"
        return self.customers[name]

    def create_product(self, params: dict[str, Any]) -> dict[str, Any]:
        product = {
            "id": f"prod_{len(self.products) + 1:06}",
            "object": "product",
            "active": True,
            "created": int(self._now()),
            "livemode": False,
            "metadata": params.get("metadata", {}),
            "name": params["name"],
            "type": "service",
        }
        self.products[product["id"]] = product
        return product

    def create_price(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["product"] not in self.products:
            raise missing("product", params["product"], param="product")
        recurring = params["recurring"]
        tiers = [_tier(tier) for tier in params.get("tiers", [])]
        amounts = [params.get("unit_amount_decimal"), params.get("unit_amount")]
        amount = amounts[0] if amounts[0] is not None else amounts[1]
        transform = params.get("transform_quantity")
        self._require_price(params, recurring, tiers, amounts)
        price = {
            "id": f"price_{len(self.prices) + 1:06}",
            "object": "price",
            "active": True,
            "billing_scheme": params.get("billing_scheme", "per_unit"),
            "created": int(self._now()),
            "currency": params["currency"],
            "livemode": False,
            "lookup_key": params.get("lookup_key"),
            "metadata": params.get("metadata", {}),
            "nickname": params.get("nickname"),
            "product": params["product"],
            "recurring": {
                "interval": recurring["interval"],
                "interval_count": 1,
                "meter": recurring.get("meter"),
                "usage_type": recurring.get("usage_type", "licensed"),
            },
            "tax_behavior": "unspecified",
            "tiers": tiers or None,
            "tiers_mode": params.get("tiers_mode"),
            "transform_quantity": transform and {"divide_by": int(transform["divide_by"]), "round": transform["round"]},
            "type": "recurring",
            "unit_amount": int(amount) if amount and "." not in str(amount) else None,
            "unit_amount_decimal": str(amount) if amount is not None else None,
        }
        self.prices[price["id"]] = price
        return price

    def _require_price(
        self, params: dict[str, Any], recurring: dict[str, Any], tiers: list[dict[str, Any]], amounts: list[Any]
    ) -> None:
        """What Stripe's documentation says of a price's parameters together."""
        is_tiered = params.get("billing_scheme", "per_unit") == "tiered"
        meter = recurring.get("meter")
        if meter is not None and meter not in self.meters:
            raise missing("billing meter", meter, param="recurring[meter]")
        given = [amount for amount in amounts if amount is not None]
        for is_wrong, param, message in (
            ((recurring.get("usage_type") == "metered") != bool(meter), "recurring[meter]",
             "A metered price counts a meter, and only a metered price does."),
            (len(given) > 1, "unit_amount", "You may only specify one of these parameters: unit_amount,"
             " unit_amount_decimal."),
            (is_tiered and bool(given), "unit_amount", "A tiered price takes no unit_amount."),
            (not is_tiered and not given, "unit_amount", "A price per unit takes a unit_amount."),
            (is_tiered != bool(tiers), "tiers", "Tiers are for billing_scheme=tiered, which must have them."),
            (is_tiered != (params.get("tiers_mode") is not None), "tiers_mode", "tiers_mode is for tiers alone."),
            (bool(tiers) and tiers[-1]["up_to"] is not None, "tiers", "The last tier must be up to inf."),
            (is_tiered and params.get("transform_quantity") is not None, "transform_quantity",
             "transform_quantity cannot be combined with tiers."),
            (not params["currency"].islower(), "currency", f"Invalid currency: {params['currency']}."),
        ):  # fmt: skip
            if is_wrong:
                raise StripeProblem(400, None, message, param=param)

    def create_subscription(self, params: dict[str, Any]) -> dict[str, Any]:
        """Starts now, or where it is backdated to, and turns at the anchor: an hour not given is that of now."""
        customer = self.named_customer(params["customer"], alive=True)
        start = int(params.get("backdate_start_date") or self._now())
        if start > self._now():
            raise StripeProblem(400, None, "backdate_start_date must be in the past.", param="backdate_start_date")
        now = datetime.fromtimestamp(self._now(), UTC)
        config = params.get("billing_cycle_anchor_config") or {"day_of_month": min(now.day, 28)}
        parts = [int(config.get(part, getattr(now, part))) for part in ("hour", "minute", "second")]
        hour, minute, second = parts
        name = f"sub_{len(self.subscriptions) + 1:06}"
        turn = turn_after(self._now(), int(config["day_of_month"]), (hour, minute, second))
        items = [
            self.item(name, position, item, int(self._now()), turn) for position, item in enumerate(params["items"])
        ]
        currencies = {item["price"]["currency"] for item in items}
        if len(currencies) != 1:
            raise StripeProblem(400, None, "All items must have one currency.")
        subscription = {
            "id": name,
            "object": "subscription",
            "billing_cycle_anchor": turn,
            "billing_cycle_anchor_config": {
                "day_of_month": int(config["day_of_month"]), "hour": hour, "minute": minute, "month": None,
                "second": second,
            },
            "collection_method": "charge_automatically",
            "created": int(self._now()),
            "currency": currencies.pop(),
            "cancel_at": None,
            "canceled_at": None,
            "customer": customer["id"],
            "ended_at": None,
            "items": {
                "object": "list", "data": items, "has_more": False,
                "url": f"/v1/subscription_items?subscription={name}",
            },
            "livemode": False,
            "metadata": params.get("metadata", {}),
            "pause_collection": None,
            "schedule": None,
            "start_date": start,
            "status": "active",
            "cancel_at_period_end": False,
        }  # fmt: skip
        self.subscriptions[name] = subscription
        self.subscribed(subscription, params.get("proration_behavior", "create_prorations"))
        return subscription

    def item(self, subscription: str, position: int, item: dict[str, Any], start: int, end: int) -> dict[str, Any]:
        price = self.prices.get(item["price"])
        if price is None:
            raise missing("price", item["price"], param=f"items[{position}][price]")
        is_licensed = price["recurring"]["usage_type"] == "licensed"
        quantity = item.get("quantity")
        if quantity is not None and (not is_licensed or int(quantity) != 1):
            message = "You cannot set the quantity of a metered price; of a licensed one the sandbox sells one."
            raise StripeProblem(400, None, message, param=f"items[{position}][quantity]")
        shown = {key: value for key, value in price.items() if key != "tiers"}
        return {
            "id": f"si_{subscription[4:]}_{position}",
            "object": "subscription_item",
            "created": start,
            "current_period_start": start,
            "current_period_end": end,
            "metadata": {},
            "price": shown,
            "subscription": subscription,
            **({"quantity": 1} if is_licensed else {}),
        }


def _tier(tier: dict[str, Any]) -> dict[str, Any]:
    amount = tier.get("unit_amount_decimal") or tier.get("unit_amount")
    return {
        "flat_amount": None,
        "flat_amount_decimal": None,
        "unit_amount": None,
        "unit_amount_decimal": str(amount),
        "up_to": None if tier["up_to"] == "inf" else int(tier["up_to"]),
    }
