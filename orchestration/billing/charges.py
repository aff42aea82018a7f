"""What Stripe's own lines charge of a meter for a period."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchestration.billing.cache import StripeCache
from orchestration.billing.charging import charged
from orchestration.billing.currency import from_minor
from orchestration.billing.cycles import cycle, price_of
from orchestration.billing.readiness import Readiness
from orchestration.billing.stripe_api import StripeApi, midnight


class Charges:
    """Reads invoices of one run: each one's lines once, for all its meters."""

    def __init__(self, api: StripeApi, cache: StripeCache, readiness: Readiness) -> None:
        self._api = api
        self._cache = cache
        self._readiness = readiness
        self._lines: dict[str, list[dict[str, Any]]] = {}

    def charged(self, row: Mapping[str, Any]) -> tuple[Decimal, bool]:
        """By the invoice once it is final; until then what it will say of the quantity Stripe holds.

        Which meter a line is of, its own price tells: the subscription may have another by now, or have ended.
        """
        customer, currency = row["stripe_customer_id"], row["currency"]
        start, turn = cycle(row["period_start"], row["anchor_day"])
        invoice = self._readiness.invoice_of(customer, turn)
        lines = [
            line
            for one in self._readiness.invoices_within(customer, start, turn)
            for line in self._lines_of(one["id"])
            if self._counts(line, row["event_name"])
        ]
        if invoice is None or invoice["status"] != "draft":
            if invoice is not None or lines:
                return from_minor(sum(line["amount"] for line in lines), currency), invoice is not None
            subscription = self._readiness.subscription(customer)
            if subscription and midnight(turn) <= subscription["start_date"]:
                return Decimal(0), True  # No invoice ever comes of what was used before the subscription began.
        item = self._readiness.item(customer, row["event_name"])
        price = price_of(lines[0]) if lines else item["price"]["id"] if item else None
        if price is None:
            return Decimal(0), False
        return from_minor(charged(self._cache.price(price), int(row["held_quantity"])), currency), False

    def _counts(self, line: dict[str, Any], event_name: str) -> bool:
        price = price_of(line)
        meter = price and (self._cache.price(price).get("recurring") or {}).get("meter")
        return bool(meter) and any(
            meter == one["id"] and event_name == one["event_name"] for one in self._readiness.meters()
        )

    def _lines_of(self, invoice: str) -> list[dict[str, Any]]:
        """Asked once in a run, for all meters of an invoice."""
        if invoice not in self._lines:
            self._lines[invoice] = self._api.invoice_lines(invoice)
        return self._lines[invoice]
