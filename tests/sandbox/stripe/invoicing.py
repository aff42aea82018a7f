"""Invoices as Stripe makes them: drafted when a period turns, fed until they are final, then paid.

Rules: https://docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period and the library's docstrings.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.sandbox.stripe.catalogue import Catalogue, turn_after
from tests.sandbox.stripe.errors import StripeProblem, missing
from tests.sandbox.stripe.metering import Metering

HOUR = 3_600


def rated(price: dict[str, Any], quantity: int) -> int:
    """What Stripe charges for a quantity, in minor units."""
    if price["billing_scheme"] == "tiered":
        tiers = price["tiers"]
        if price["tiers_mode"] == "volume":
            tier = next(t for t in tiers if t["up_to"] is None or quantity <= t["up_to"])
            exact = Decimal(tier["unit_amount_decimal"]) * quantity
        else:
            exact, below = Decimal(0), 0
            for tier in tiers:
                upper = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
                exact += Decimal(tier["unit_amount_decimal"]) * max(0, upper - below)
                below = max(below, upper)
    else:
        transform = price.get("transform_quantity")
        units = quantity
        if transform:
            size = transform["divide_by"]
            units = -(-quantity // size) if transform["round"] == "up" else quantity // size
        exact = Decimal(price["unit_amount_decimal"]) * units
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


class Invoicing:
    """Drafts, items and credit notes. grace: seconds from the period's end to the final invoice."""

    def __init__(
        self,
        now: Callable[[], float],
        catalogue: Catalogue,
        metering: Metering,
        emit: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._now = now
        self._catalogue = catalogue
        self._metering = metering
        self._emit = emit
        self.grace = 72 * HOUR
        self.pays = True
        self.invoices: dict[str, dict[str, Any]] = {}
        self.items: dict[str, dict[str, Any]] = {}
        self.credit_notes: dict[str, dict[str, Any]] = {}

    def next_moment(self) -> float | None:
        """When the next period turns or the next draft becomes final."""
        turns = [
            subscription["items"]["data"][0]["current_period_end"]
            for subscription in self._catalogue.subscriptions.values()
            if subscription["status"] == "active"
        ]
        ends = [
            invoice["automatically_finalizes_at"]
            for invoice in self.invoices.values()
            if invoice["status"] == "draft" and invoice["automatically_finalizes_at"]
        ]
        return min(turns + ends, default=None)

    def turn(self, now: float) -> None:
        """Draft what has turned and finalise what is due by now."""
        for subscription in list(self._catalogue.subscriptions.values()):
            while subscription["status"] == "active" and subscription["items"]["data"][0]["current_period_end"] <= now:
                self._draft(subscription)
        for invoice in list(self.invoices.values()):
            if invoice["status"] == "draft" and (invoice["automatically_finalizes_at"] or now + 1) <= now:
                self.finalize(invoice["id"])

    def _draft(self, subscription: dict[str, Any]) -> None:
        items = subscription["items"]["data"]
        start, end = items[0]["current_period_start"], items[0]["current_period_end"]
        config = subscription["billing_cycle_anchor_config"]
        following = turn_after(end, config["day_of_month"], (config["hour"], config["minute"], config["second"]))
        for item in items:
            item["current_period_start"], item["current_period_end"] = end, following
        invoice = self._blank(subscription, start, end)
        invoice["id"] = f"in_{len(self.invoices) + 1:06}"
        invoice["created"] = end
        invoice["automatically_finalizes_at"] = end + self.grace
        self.invoices[invoice["id"]] = invoice
        for line in self.items.values():
            if line["customer"] == invoice["customer"] and line["invoice"] is None:
                line["invoice"] = invoice["id"]
        self._fill(invoice)
        self._emit("invoice.created", invoice)

    def _blank(self, subscription: dict[str, Any], start: int, end: int) -> dict[str, Any]:
        return {
            "id": "upcoming",
            "object": "invoice",
            "amount_due": 0, "amount_paid": 0, "amount_remaining": 0,
            "automatically_finalizes_at": None,
            "billing_reason": "subscription_cycle",
            "collection_method": "charge_automatically",
            "created": int(self._now()),
            "currency": subscription["currency"],
            "customer": subscription["customer"],
            "lines": {"object": "list", "data": [], "has_more": False, "url": "/v1/invoices/lines"},
            "livemode": False,
            "metadata": {},
            "parent": {
                "type": "subscription_details",
                "quote_details": None,
                "subscription_details": {"metadata": {}, "subscription": subscription["id"]},
            },
            "period_start": start,
            "period_end": end,
            "status": "draft",
            "status_transitions": {
                "finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None,
            },
            "subtotal": 0, "total": 0,
        }  # fmt: skip

    def _fill(self, invoice: dict[str, Any]) -> None:
        """Lines as of now: usage of the period past, fees of the period to come, and the invoice's items."""
        subscription = self._catalogue.subscriptions[invoice["parent"]["subscription_details"]["subscription"]]
        start, end = invoice["period_start"], invoice["period_end"]
        config = subscription["billing_cycle_anchor_config"]
        following = turn_after(end, config["day_of_month"], (config["hour"], config["minute"], config["second"]))
        lines = []
        for item in subscription["items"]["data"]:
            price = self._catalogue.prices[item["price"]["id"]]
            if price["recurring"]["usage_type"] == "metered":
                quantity = self._metering.total(price["recurring"]["meter"], invoice["customer"], start, end)
                lines.append(_line(invoice, item, price, quantity, rated(price, quantity), (start, end)))
            else:
                lines.append(_line(invoice, item, price, 1, rated(price, 1), (end, following)))
        wanted = None if invoice["id"] == "upcoming" else invoice["id"]
        for one in self.items.values():
            if one["customer"] == invoice["customer"] and one["invoice"] == wanted:
                lines.append(_item_line(invoice, one))
        invoice["lines"]["data"] = lines
        total = sum(line["amount"] for line in lines)
        invoice |= {"subtotal": total, "total": total, "amount_due": max(0, total), "amount_remaining": max(0, total)}

    def upcoming(self, name: str) -> dict[str, Any]:
        subscription = self._catalogue.subscriptions.get(name)
        if subscription is None:
            raise missing("subscription", name)
        first = subscription["items"]["data"][0]
        invoice = self._blank(subscription, first["current_period_start"], first["current_period_end"])
        self._metering.process()
        self._fill(invoice)
        if subscription["cancel_at_period_end"] and not invoice["total"]:
            raise StripeProblem(404, "invoice_upcoming_none", f"No upcoming invoices for {subscription['customer']}.")
        return {**invoice, "id": "upcoming_in_" + name}

    def finalize(self, name: str) -> dict[str, Any]:
        invoice = self.invoices[name]
        self._metering.process()
        self._fill(invoice)
        moment = invoice["automatically_finalizes_at"] or int(self._now())
        invoice |= {"status": "open", "automatically_finalizes_at": None}
        invoice["status_transitions"]["finalized_at"] = moment
        self._emit("invoice.finalized", invoice)
        if self.pays:
            invoice |= {"status": "paid", "amount_paid": invoice["amount_due"], "amount_remaining": 0}
            invoice["status_transitions"]["paid_at"] = moment
            self._emit("invoice.paid", invoice)
        else:
            self._emit("invoice.payment_failed", invoice)
        return invoice

    def create_item(self, params: dict[str, Any]) -> dict[str, Any]:
        self._catalogue.customer(params["customer"])
        invoice = params.get("invoice")
        if invoice:
            if invoice not in self.invoices:
                raise missing("invoice", invoice)
            if self.invoices[invoice]["status"] != "draft":
                raise StripeProblem(400, "invoice_not_editable", "Only draft invoices take items.")
        amount = int(params["amount"])
        period = params.get("period") or {"start": self._now(), "end": self._now()}
        item = {
            "id": f"ii_{len(self.items) + 1:06}",
            "object": "invoiceitem",
            "amount": amount,
            "currency": params["currency"],
            "customer": params["customer"],
            "date": int(self._now()),
            "description": params.get("description"),
            "discountable": False,
            "invoice": invoice,
            "livemode": False,
            "metadata": params.get("metadata", {}),
            "parent": None,
            "period": {"start": int(period["start"]), "end": int(period["end"])},
            "proration": False,
            "quantity": 1,
        }
        self.items[item["id"]] = item
        if invoice:
            self._fill(self.invoices[invoice])
        return item

    def create_credit_note(self, params: dict[str, Any]) -> dict[str, Any]:
        invoice = self.invoices.get(params["invoice"])
        if invoice is None:
            raise missing("invoice", params["invoice"])
        if invoice["status"] not in ("open", "paid"):
            raise StripeProblem(400, None, "Credit notes are for finalised invoices.")
        amount = sum(int(line["unit_amount"]) for line in params.get("lines", [])) or int(params.get("amount", 0))
        noted = sum(note["amount"] for note in self.credit_notes.values() if note["invoice"] == invoice["id"])
        if noted + amount > invoice["total"]:
            raise StripeProblem(400, None, "The credit notes exceed the invoice.")
        note = {
            "id": f"cn_{len(self.credit_notes) + 1:06}",
            "object": "credit_note",
            "amount": amount,
            "created": int(self._now()),
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "invoice": invoice["id"],
            "livemode": False,
            "memo": params.get("memo"),
            "metadata": params.get("metadata", {}),
            "status": "issued",
            "total": amount,
            "type": "post_payment" if invoice["status"] == "paid" else "pre_payment",
        }
        self.credit_notes[note["id"]] = note
        return note


def _line(
    invoice: dict[str, Any],
    item: dict[str, Any],
    price: dict[str, Any],
    quantity: int,
    amount: int,
    period: tuple[int, int],
) -> dict[str, Any]:
    return {
        "id": f"il_{invoice['id']}_{item['id']}",
        "object": "line_item",
        "amount": amount,
        "currency": invoice["currency"],
        "description": price["nickname"],
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": {},
        "parent": {
            "type": "subscription_item_details",
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": None,
                "subscription": item["subscription"],
                "subscription_item": item["id"],
            },
        },
        "period": {"start": period[0], "end": period[1]},
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": quantity,
        "subtotal": amount,
    }


def _item_line(invoice: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"il_{invoice['id']}_{item['id']}",
        "object": "line_item",
        "amount": item["amount"],
        "currency": item["currency"],
        "description": item["description"],
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": item["metadata"],
        "parent": {
            "type": "invoice_item_details",
            "invoice_item_details": {
                "invoice_item": item["id"], "proration": False, "proration_details": None, "subscription": None,
            },
            "subscription_item_details": None,
        },
        "period": item["period"],
        "pricing": None,
        "quantity": 1,
        "subtotal": item["amount"],
    }  # fmt: skip
