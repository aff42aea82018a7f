"""What Stripe charges of a meter for a period: by its final invoices, else as they will by what it holds."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.calls import StripeApi, midnight
from orchestration.stripe_billing.api.currency import from_minor
from orchestration.stripe_billing.invoices.charging import charged
from orchestration.stripe_billing.invoices.cycles import cycle, price_of
from orchestration.stripe_billing.posting.readiness import Readiness


class Charges:
    """Reads for one run: an invoice's lines are asked for once, for all its meters."""

    def __init__(self, api: StripeApi, cache: StripeCache, readiness: Readiness) -> None:
        self._api = api
        self._cache = cache
        self._readiness = readiness
        self._lines: dict[str, list[dict[str, Any]]] = {}

    def of(self, row: Mapping[str, Any]) -> tuple[Decimal, bool]:
        """The amount, and whether it is final: the sum over today's customer and those that held the usage before.

        held: quantity by customer. Which meter a line is of, its own price tells: the subscription may have another by
        now, or have ended. Raises `stripe.StripeError`, StripeUnavailable, StripeRefused.
        """
        window = cycle(row["period_start"], row["anchor_day"])
        now = row["stripe_customer_id"]
        total, is_final = self._of(row, now, *window)
        for former in sorted(row["held"].keys() - {now}):
            amount, is_billed = self._of(row, former, *window)
            total += amount
            is_final = is_final and (is_billed or self._readiness.subscription(former) is None)
        return total, is_final

    def _of(self, row: Mapping[str, Any], customer: str, start: date, turn: date) -> tuple[Decimal, bool]:
        currency, event_name = row["currency"], row["event_name"]
        invoice = self._readiness.invoice_of(customer, turn)
        lines = [
            line
            for one in self._readiness.invoices_within(customer, start, turn)
            for line in self._lines_of(one["id"])
            if self._counts(line, event_name)
        ]
        if invoice is None or invoice["status"] != "draft":
            if invoice is not None or lines:
                return from_minor(sum(line["amount"] for line in lines), currency), invoice is not None
            subscription = self._readiness.subscription(customer)
            if subscription and midnight(turn) <= subscription["start_date"]:
                return Decimal(0), True  # No invoice ever comes of what was used before the subscription began.
        item = self._readiness.item(customer, event_name)
        price = price_of(lines[0]) if lines else item["price"]["id"] if item else None
        if price is None:
            return Decimal(0), False
        return from_minor(charged(self._cache.price(price), int(row["held"].get(customer, 0))), currency), False

    def _counts(self, line: dict[str, Any], event_name: str) -> bool:
        price = price_of(line)
        meter = price and (self._cache.price(price).get("recurring") or {}).get("meter")
        return bool(meter) and any(
            meter == one["id"] and event_name == one["event_name"] for one in self._readiness.meters()
        )

    def _lines_of(self, invoice: str) -> list[dict[str, Any]]:
        if invoice not in self._lines:
            self._lines[invoice] = self._api.invoice_lines(invoice)
        return self._lines[invoice]


def not_known(row: Mapping[str, Any]) -> str | None:
    """Why it cannot be told yet what Stripe charges."""
    if row["is_in_flight"]:
        return "a posting of it is in flight"
    if row["is_elsewhere"]:
        return (
            "usage of it went to another Stripe account, whose invoices are not read: `minutebook post --tenant"
            f" {row['tenant_id']} --resend` sends it here"
        )
    return None
