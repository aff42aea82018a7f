"""Invoices as Stripe makes them: drafted when a period turns, fed until they are final, then paid.

Rules: https://docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period and the library's docstrings.
"""

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tests.sandbox.stripe.balances import Balances
from tests.sandbox.stripe.catalogue import Catalogue, turn_after
from tests.sandbox.stripe.currency import chargeable, rounded
from tests.sandbox.stripe.errors import StripeProblem, missing
from tests.sandbox.stripe.metering import Metering

HOUR = 3_600
UPCOMING = "upcoming_in_"
"""What the id of a preview begins with."""
Items = list[dict[str, Any]]


def rated(price: dict[str, Any], quantity: int) -> int:
    """What Stripe charges for a quantity, in minor units."""
    return sum(amount for _, amount in split(price, quantity))


def split(price: dict[str, Any], quantity: int) -> list[tuple[int, int]]:
    """The lines that Stripe makes of a quantity, each with its amount: one for each graduated tier that is reached."""
    if price["billing_scheme"] == "tiered":
        tiers = price["tiers"]
        if price["tiers_mode"] != "volume":
            bounds = [0, *(quantity if tier["up_to"] is None else min(quantity, tier["up_to"]) for tier in tiers)]
            used = [upper - lower for lower, upper in pairwise(bounds)]
            return [
                (units, rounded(Decimal(tier["unit_amount_decimal"]) * units, price["currency"]))
                for tier, units in zip(tiers, used, strict=True)
                if units or tier is tiers[0]
            ]
        tier = next(t for t in tiers if t["up_to"] is None or quantity <= t["up_to"])
        exact = Decimal(tier["unit_amount_decimal"]) * quantity
    else:
        transform = price.get("transform_quantity")
        units = quantity
        if transform:
            size = transform["divide_by"]
            units = -(-quantity // size) if transform["round"] == "up" else quantity // size
        exact = Decimal(price["unit_amount_decimal"]) * units
    return [(quantity, rounded(exact, price["currency"]))]


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
        self.balances = Balances(now, catalogue)
        self.tax = Decimal(0)
        """Percent on top of every invoice that is drafted from now on."""
        self.is_tax_automatic = False
        """Whether Stripe Tax works it out."""
        self.coupon = 0
        """What is taken off each of them, in minor units."""
        self.invoices: dict[str, dict[str, Any]] = {}
        self.items: dict[str, dict[str, Any]] = {}
        self.credit_notes: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self._made_items = 0
        self._billed: dict[str, tuple[Items, Items]] = {}
        self.begins: Callable[[dict[str, Any], int], None] = lambda subscription, moment: None
        """Told of each turn, before the fees of what begins are charged."""
        catalogue.subscribed = self._first_invoice

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
        """A period turns: its usage at the prices it had, the fees of the next at those of the phase that begins."""
        items = subscription["items"]["data"]
        start, end = items[0]["current_period_start"], items[0]["current_period_end"]
        used = copies(items)
        is_over = self.ends_at(subscription) == end
        if is_over:
            subscription |= {"status": "canceled", "ended_at": end}
        else:
            self.begins(subscription, end)
            items = subscription["items"]["data"]
            following = min(_turn(subscription, end), subscription["cancel_at"] or _turn(subscription, end))
            for item in items:
                item["current_period_start"], item["current_period_end"] = end, following
        invoice = self._blank(subscription, start, end)
        invoice["id"] = f"in_{len(self.invoices) + 1:06}"
        invoice["created"] = end
        invoice["automatically_finalizes_at"] = end + self.grace
        self.invoices[invoice["id"]] = invoice
        self._billed[invoice["id"]] = (used, [] if is_over else copies(items))
        self._take_pending(invoice)
        self._fill(invoice)
        self._emit("invoice.created", invoice)

    def _take_pending(self, invoice: dict[str, Any]) -> None:
        for line in self.items.values():
            if line["customer"] == invoice["customer"] and line["invoice"] is None:
                line["invoice"] = invoice["id"]

    @staticmethod
    def turn_of(subscription: dict[str, Any], moment: int) -> int:
        """The subscription's first turn after a moment."""
        return _turn(subscription, moment)

    @staticmethod
    def ends_at(subscription: dict[str, Any]) -> int | None:
        """The turn at which it ends, if that is the one to come."""
        end: int = subscription["items"]["data"][0]["current_period_end"]
        is_last = subscription["cancel_at_period_end"] or subscription["cancel_at"] == end
        return end if is_last else None

    def _first_invoice(self, subscription: dict[str, Any], proration: str) -> None:
        """Fees from the start to the first turn, final at once; none where prorations are switched off."""
        fees = [one for one in subscription["items"]["data"] if one["price"]["recurring"]["usage_type"] == "licensed"]
        if not fees or proration == "none":
            return
        invoice = self._blank(subscription, int(self._now()), int(self._now()))
        invoice |= {"id": f"in_{len(self.invoices) + 1:06}", "billing_reason": "subscription_create"}
        self.invoices[invoice["id"]] = invoice
        lines = []
        for item in fees:
            price = self._catalogue.prices[item["price"]["id"]]
            begun = subscription["start_date"]
            while begun < item["current_period_end"]:
                turn = _turn(subscription, begun)
                amount = prorated(price, begun, turn, _turn_before(subscription, turn))
                lines.append(_line(invoice, item, price, 1, amount, (begun, turn)))
                lines[-1]["id"] += f"_{begun}"
                begun = turn
        self._total(invoice, lines)
        self._settle(invoice, int(self._now()))

    def _blank(self, subscription: dict[str, Any], start: int, end: int) -> dict[str, Any]:
        return {
            "id": "upcoming",
            "object": "invoice",
            "amount_due": 0, "amount_paid": 0, "amount_remaining": 0, "auto_advance": True,
            "automatic_tax": {"enabled": self.is_tax_automatic, "status": None},
            "number": None, "hosted_invoice_url": None,
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
            "payments": {"object": "list", "data": [], "has_more": False, "url": "/v1/invoice_payments"},
            "starting_balance": 0, "ending_balance": None, "amount_shipping": 0,
            "subtotal": 0, "total": 0, "total_discount_amounts": [], "total_taxes": [],
            "total_pretax_credit_amounts": [],
        }  # fmt: skip

    def _fill(self, invoice: dict[str, Any]) -> None:
        """Lines as of now: usage of the period past, fees of the period to come, and the invoice's items."""
        lines = []
        if invoice["parent"]:
            subscription = self._catalogue.subscriptions[invoice["parent"]["subscription_details"]["subscription"]]
            lines = self._of_subscription(invoice, subscription)
        wanted = None if invoice["id"] == "upcoming" else invoice["id"]
        for one in self.items.values():
            if one["customer"] == invoice["customer"] and one["invoice"] == wanted:
                lines.append(_item_line(invoice, one))
        self._total(invoice, lines)

    def _of_subscription(self, invoice: dict[str, Any], subscription: dict[str, Any]) -> Items:
        start, end = invoice["period_start"], invoice["period_end"]
        now = subscription["items"]["data"]
        used, fees = self._billed.get(invoice["id"]) or (now, [] if self.ends_at(subscription) == end else now)
        turn = _turn(subscription, end)
        until = min(turn, subscription["cancel_at"] or turn)
        lines = []
        for item in used:
            price = self._catalogue.prices[item["price"]["id"]]
            if price["recurring"]["usage_type"] == "metered":
                quantity = self._metering.total(price["recurring"]["meter"], invoice["customer"], start, end)
                for number, (units, amount) in enumerate(split(price, quantity)):
                    lines.append(_line(invoice, item, price, units, amount, (start, end)))
                    lines[-1]["id"] += f"_{number}" if number else ""
        for item in fees:
            price = self._catalogue.prices[item["price"]["id"]]
            if price["recurring"]["usage_type"] != "metered":
                last = item["current_period_end"] if invoice["id"] in self._billed else until
                lines.append(_line(invoice, item, price, 1, prorated(price, end, last, end, turn), (end, last)))
        return lines

    def _total(self, invoice: dict[str, Any], lines: Items) -> None:
        """The lines, less what a coupon takes off, and the tax on the rest."""
        invoice["lines"]["data"] = lines
        subtotal = sum(line["amount"] for line in lines)
        off = min(self.coupon, max(0, subtotal))
        tax = rounded((subtotal - off) * self.tax / 100, invoice["currency"])
        total = subtotal - off + tax
        taxed = {
            "amount": tax, "tax_behavior": "exclusive", "tax_rate_details": {"tax_rate": "txr_1"},
            "taxability_reason": "standard_rated", "taxable_amount": subtotal - off, "type": "tax_rate_details",
        }  # fmt: skip
        invoice |= {
            "subtotal": subtotal, "total": total, "amount_due": max(0, total), "amount_remaining": max(0, total),
            "total_discount_amounts": [{"amount": off, "discount": "di_1"}] if off else [],
            "total_taxes": [taxed] if tax else [],
        }  # fmt: skip

    def upcoming(self, name: str) -> dict[str, Any]:
        subscription = self._catalogue.subscriptions.get(name)
        if subscription is None:
            raise missing("subscription", name, param="subscription")
        first = subscription["items"]["data"][0]
        invoice = self._blank(subscription, first["current_period_start"], first["current_period_end"])
        self._metering.process()
        self._fill(invoice)
        if self.ends_at(subscription) and not invoice["total"]:
            raise StripeProblem(404, "invoice_upcoming_none", f"No upcoming invoices for {subscription['customer']}.")
        return {**invoice, "id": UPCOMING + name}

    def finalize(self, name: str) -> dict[str, Any]:
        invoice = self.invoices[name]
        if invoice["status"] != "draft":
            raise StripeProblem(400, "invoice_not_editable", "This invoice is already finalized.")
        self._metering.process()
        self._fill(invoice)
        now = int(self._now())
        return self._settle(invoice, min(invoice["automatically_finalizes_at"] or now, now))

    def _settle(self, invoice: dict[str, Any], moment: int) -> dict[str, Any]:
        """Final, and paid unless nobody pays."""
        left = self.balances.apply(invoice)
        invoice |= {
            "status": "open", "automatically_finalizes_at": None, "amount_due": left, "amount_remaining": left,
            "number": f"{invoice['customer'][-8:].upper()}-{len(self.invoices):04}",
            "hosted_invoice_url": f"https://invoice.stripe.com/i/acct_sandbox/test_{invoice['id']}?s=ap",
        }  # fmt: skip
        invoice["status_transitions"]["finalized_at"] = moment
        self._emit("invoice.finalized", invoice)
        if self.pays or not invoice["amount_due"]:
            self.pay(invoice["id"], moment)
        else:
            self._emit("invoice.payment_failed", invoice)
        return invoice

    def pay(self, name: str, moment: int | None = None, *, out_of_band: bool = False) -> dict[str, Any]:
        """out_of_band: somebody says that it was paid elsewhere, and nothing is charged."""
        invoice = self._in(name, "open", "uncollectible")
        invoice |= {"status": "paid", "amount_paid": invoice["amount_remaining"], "amount_remaining": 0}
        invoice["status_transitions"]["paid_at"] = moment or int(self._now())
        if out_of_band:
            invoice["amount_paid_off_stripe"] = invoice["amount_paid"]
        elif invoice["amount_paid"]:
            invoice["payments"]["data"].append(
                {
                    "id": f"inpay_{name}", "object": "invoice_payment", "amount_paid": invoice["amount_paid"],
                    "invoice": name, "payment": {"type": "payment_intent", "payment_intent": f"pi_{name}"},
                    "status": "paid",
                }
            )  # fmt: skip
        self._emit("invoice.paid", invoice)
        return invoice

    def void(self, name: str) -> dict[str, Any]:
        self.balances.take_back(self._in(name, "open", "uncollectible"))
        return self._ended(self._in(name, "open", "uncollectible"), "void", "voided_at", "invoice.voided")

    def mark_uncollectible(self, name: str) -> dict[str, Any]:
        kind = "invoice.marked_uncollectible"
        return self._ended(self._in(name, "open"), "uncollectible", "marked_uncollectible_at", kind)

    def _ended(self, invoice: dict[str, Any], status: str, at: str, kind: str) -> dict[str, Any]:
        invoice["status"] = status
        invoice["status_transitions"][at] = int(self._now())
        self._emit(kind, invoice)
        return invoice

    def _in(self, name: str, *states: str) -> dict[str, Any]:
        if name not in self.invoices:
            raise missing("invoice", name)
        if self.invoices[name]["status"] not in states:
            raise StripeProblem(
                400, None, f"The invoice is {self.invoices[name]['status']}, not {' or '.join(states)}."
            )
        return self.invoices[name]

    def create_invoice(self, params: dict[str, Any]) -> dict[str, Any]:
        """One-off, of what waits; empty where it is told to leave that out, as by default."""
        customer = self._catalogue.named_customer(params["customer"], alive=True)["id"]
        waiting = [one for one in self.items.values() if one["customer"] == customer and one["invoice"] is None]
        if params.get("pending_invoice_items_behavior", "exclude") == "include" and not waiting:
            raise StripeProblem(400, "invoice_no_customer_line_items", "Nothing to invoice for customer.")
        currency = waiting[0]["currency"] if waiting else params.get("currency", "usd")
        moment = int(self._now())
        invoice = self._blank({"currency": currency, "customer": customer, "id": ""}, moment, moment)
        invoice |= {
            "id": f"in_{len(self.invoices) + 1:06}", "billing_reason": "manual", "parent": None,
            "metadata": params.get("metadata", {}), "description": params.get("description"),
        }  # fmt: skip
        self.invoices[invoice["id"]] = invoice
        self.update_invoice(invoice["id"], {"auto_advance": params.get("auto_advance", "false")})
        if params.get("pending_invoice_items_behavior") == "include":
            self._take_pending(invoice)
        self._fill(invoice)
        self._emit("invoice.created", invoice)
        return invoice

    def update_invoice(self, name: str, params: dict[str, Any]) -> dict[str, Any]:
        """Stripe finalises a draft by itself or not; where it is told to again, an hour later."""
        invoice = self._in(name, "draft")
        if "auto_advance" in params:
            invoice["auto_advance"] = params["auto_advance"] == "true"
            later = int(self._now()) + HOUR
            ends = invoice["automatically_finalizes_at"] or later
            invoice["automatically_finalizes_at"] = ends if invoice["auto_advance"] else None
        return invoice

    def delete_item(self, name: str) -> dict[str, Any]:
        item = self.items.get(name)
        if item is None:
            raise missing("invoiceitem", name)
        invoice = self.invoices.get(item["invoice"] or "")
        if invoice and invoice["status"] != "draft":
            raise StripeProblem(400, "invoice_not_editable", "The item's invoice is final.")
        del self.items[name]
        if invoice:
            self._fill(invoice)
        self._emit("invoiceitem.deleted", item)
        return {"id": name, "object": "invoiceitem", "deleted": True}

    def proration(self, subscription: dict[str, Any], item: dict[str, Any], amount: int, start: int, end: int) -> None:
        """What a change of a subscription within its period gives back or charges, on its next invoice."""
        made = self.create_item(
            {
                "customer": subscription["customer"], "amount": amount, "currency": subscription["currency"],
                "description": f"{'Unused' if amount < 0 else 'Remaining'} time",
                "period": {"start": start, "end": end},
            }
        )  # fmt: skip
        made |= {
            "proration": True,
            "parent": {
                "type": "subscription_details",
                "subscription_details": {"subscription": subscription["id"], "subscription_item": item["id"]},
            },
            "pricing": {
                "type": "price_details",
                "price_details": {"price": item["price"]["id"], "product": item["price"]["product"]},
                "unit_amount_decimal": item["price"]["unit_amount_decimal"],
            },
        }

    def create_item(self, params: dict[str, Any]) -> dict[str, Any]:
        self._catalogue.named_customer(params["customer"], alive=True)
        invoice = params.get("invoice")
        if invoice:
            if invoice not in self.invoices:
                raise missing("invoice", invoice, param="invoice")
            if self.invoices[invoice]["status"] != "draft":
                raise StripeProblem(400, "invoice_not_editable", "Only draft invoices take items.")
            if self.invoices[invoice]["currency"] != params["currency"]:
                raise StripeProblem(400, None, "An item is in its invoice's currency.", param="currency")
        self._made_items += 1
        amount = chargeable(int(params["amount"]), params["currency"], "amount")
        period = params.get("period") or {"start": self._now(), "end": self._now()}
        item = {
            "id": f"ii_{self._made_items:06}",
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
            "pricing": None,
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
            raise missing("invoice", params["invoice"], param="invoice")
        if invoice["status"] not in ("open", "paid"):
            raise StripeProblem(400, None, "Credit notes are for finalised invoices.")
        if params.get("lines") and invoice["automatic_tax"]["enabled"]:
            raise StripeProblem(400, None, "Custom lines are not for invoices with automatic tax.", param="lines")
        amount = sum(_noted(line) for line in params.get("lines", [])) or int(params.get("amount", 0))
        chargeable(amount, invoice["currency"], "amount")
        noted = sum(
            note["amount"]
            for note in self.credit_notes.values()
            if note["invoice"] == invoice["id"] and note["status"] == "issued"
        )
        if noted + amount > invoice["total"]:
            raise StripeProblem(400, None, "The credit notes exceed the invoice.")
        after = max(0, amount - invoice["amount_remaining"])
        given = sum(int(params.get(f"{how}_amount", 0)) for how in ("credit", "refund", "out_of_band"))
        if given != after:
            message = (
                f"The sum of credit, refund and out of band amount ({given}) must be what was paid of it ({after})."
            )
            raise StripeProblem(400, None, message)
        tax = (
            0
            if "lines" in params
            else rounded(Decimal(amount) * _tax_of(invoice) / invoice["total"], invoice["currency"])
        )
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
            "refunds": [],
            "status": "issued",
            "total": amount,
            "total_taxes": [{"amount": tax, "tax_behavior": "exclusive", "type": "tax_rate_details"}] if tax else [],
            "type": "post_payment" if invoice["status"] == "paid" else "pre_payment",
        }
        if int(params.get("refund_amount", 0)):
            refund = self.create_refund({"payment_intent": f"pi_{invoice['id']}", "amount": params["refund_amount"]})
            note["refunds"] = [{"amount_refunded": refund["amount"], "refund": refund["id"]}]
        self.credit_notes[note["id"]] = note
        if credited := int(params.get("credit_amount", 0)):
            self.balances.add(
                invoice["customer"], -credited, invoice["currency"], "credit_note", credit_note=note["id"],
                invoice=invoice["id"],
            )  # fmt: skip
        if invoice["status"] == "open":
            invoice["amount_due"] -= amount - after
            invoice["amount_remaining"] -= amount - after
        return note

    def void_credit_note(self, name: str) -> dict[str, Any]:
        note = self.credit_notes.get(name)
        if note is None:
            raise missing("credit note", name)
        if note["status"] == "void" or self.invoices[note["invoice"]]["status"] != "open":
            raise StripeProblem(400, None, "Only notes of open invoices can be voided.")
        note["status"] = "void"
        self.invoices[note["invoice"]]["amount_due"] += note["amount"]
        self.invoices[note["invoice"]]["amount_remaining"] += note["amount"]
        return note

    def create_refund(self, params: dict[str, Any]) -> dict[str, Any]:
        intent = params["payment_intent"]
        invoice = self._in(intent.removeprefix("pi_"), "paid")
        given = sum(one["amount"] for one in self.refunds.values() if one["payment_intent"] == intent)
        amount = int(params.get("amount", invoice["amount_paid"] - given))
        chargeable(amount, invoice["currency"], "amount")
        if given + amount > invoice["amount_paid"]:
            raise StripeProblem(400, None, "The refund is greater than what is left of the payment.")
        refund = {
            "id": f"re_{len(self.refunds) + 1:06}", "object": "refund", "amount": amount, "charge": None,
            "created": int(self._now()), "currency": invoice["currency"], "metadata": params.get("metadata", {}),
            "payment_intent": intent, "reason": params.get("reason"), "status": "succeeded",
        }  # fmt: skip
        self.refunds[refund["id"]] = refund
        return refund


def copies(items: Items) -> Items:
    """Items as they are now, whatever becomes of the subscription."""
    return [{**item, "price": dict(item["price"])} for item in items]


def prorated(price: dict[str, Any], start: int, end: int, whole_from: int, whole_to: int | None = None) -> int:
    """A fee by seconds of its whole period, rounded to what can be charged."""
    whole = (whole_to or end) - whole_from
    return rounded(Decimal(rated(price, 1)) * (end - start) / whole, price["currency"])


def _turn(subscription: dict[str, Any], moment: int) -> int:
    config = subscription["billing_cycle_anchor_config"]
    return turn_after(moment, config["day_of_month"], (config["hour"], config["minute"], config["second"]))


def _turn_before(subscription: dict[str, Any], turn: int) -> int:
    """The turn a month before one."""
    return _turn(subscription, turn - 32 * 24 * HOUR)


def _tax_of(invoice: dict[str, Any]) -> int:
    return sum(one["amount"] for one in invoice["total_taxes"])


def _noted(line: dict[str, Any]) -> int:
    """A line of a credit note; one of its own says what it is."""
    if line.get("type") != "custom_line_item" or "description" not in line:
        raise StripeProblem(400, None, "The sandbox notes custom lines alone, which have a description.", param="lines")
    line.get("description")
    return int(line["unit_amount"]) * int(line.get("quantity", 1))


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
    of_item = {"invoice_item": item["id"], "proration": item["proration"], "proration_details": None}
    of_subscription = (item["parent"] or {}).get("subscription_details")
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
            "type": "subscription_item_details" if of_subscription else "invoice_item_details",
            "invoice_item_details": None if of_subscription else {**of_item, "subscription": None},
            "subscription_item_details": of_subscription and {**of_item, **of_subscription},
        },
        "period": item["period"],
        "pricing": item["pricing"],
        "quantity": 1,
        "subtotal": item["amount"],
    }
