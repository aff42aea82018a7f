"""Stripe, one function per call, through the official library at a pinned API version.

Nothing here decides: what an error means for a posting is told by `outcomes`, what is read is kept by `cache`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import stripe

from orchestration.answers import is_sendable
from orchestration.stripe_billing.api.errors import StripeRefused
from orchestration.stripe_billing.api.transport import Transport

API_VERSION = "2026-10-28.endive"
DEFAULT_URL = "https://api.stripe.com"
PAGE = 100

# The library would write an id of this machine to a file and send timings of ours with every call.
stripe.enable_telemetry = False

Body = dict[str, Any]

_NEEDED = {
    "billing.meter": ("id", "event_name", "status", "default_aggregation", "customer_mapping", "value_settings"),
    "billing.meter_event_summary": ("start_time", "aggregated_value"),
    "credit_note": ("id", "amount", "currency"),
    "invoice": ("id", "status", "lines", "period_start", "period_end", "billing_reason", "status_transitions"),
    "invoiceitem": ("id", "amount", "currency"),
    "line_item": ("id", "amount", "period"),
    "price": ("id", "billing_scheme"),
    "subscription": ("id", "status", "items", "currency", "billing_cycle_anchor", "start_date"),
    "v2.core.event": ("id", "data"),
}
"""What is read of an object without asking whether it is there."""


def midnight(day: date) -> int:
    """The Unix second of 00:00:00 UTC of a day: the timestamp of its meter event, and the bounds of its summary."""
    return int(datetime.combine(day, time(), UTC).timestamp())


class StripeApi:
    """Every call Minutebook makes. Raises `stripe.StripeError`; safe to use from several threads.

    Reads are repeated by the library on 5xx and broken connections; a write is sent once, its repetition is decided by
    whoever committed it.
    """

    def __init__(self, api_key: str, url: str = DEFAULT_URL, *, timeout: float = 20.0, read_retries: int = 2) -> None:
        """timeout in seconds, for each call. Raises StripeRefused for a key that no header can carry."""
        if not is_sendable(api_key):
            raise StripeRefused(
                "The Stripe key holds characters that no header can carry. Check MINUTEBOOK_STRIPE_API_KEY."
            )
        self.is_live = "_live_" in api_key[:8]
        self.key_digest = hashlib.sha256(api_key.encode()).hexdigest()
        self._client = stripe.StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": url.rstrip("/")},
            max_network_retries=0,
            http_client=Transport(api_key, url, timeout),
        )
        self._read: Any = {"max_network_retries": read_retries}

    def account_id(self) -> str:
        """The account that the key is of; is_live tells its mode."""
        return str(_plain(self._client.v1.accounts.retrieve_current({}, self._read))["id"])

    def __repr__(self) -> str:
        return "StripeApi(…)"

    # Meters: https://docs.stripe.com/billing/subscriptions/usage-based

    def send_meter_event(self, event_name: str, customer: str, value: int, at: int, identifier: str) -> None:
        """Tell the value of a customer's day. identifier is also the Idempotency-Key: error reports name only that."""
        self._client.v1.billing.meter_events.create(
            {
                "event_name": event_name,
                "payload": {"stripe_customer_id": customer, "value": str(value)},
                "timestamp": at,
                "identifier": identifier,
            },
            {"idempotency_key": identifier},
        )

    def day_summaries(self, meter: str, customer: str, start: date, end: date) -> dict[date, Decimal]:
        """Stripe's own value per UTC day of [start, end); an unknown day is absent. Eventually consistent."""
        rows = self._pages(
            lambda page: self._client.v1.billing.meters.event_summaries.list(meter, page, self._read),
            {
                "customer": customer,
                "start_time": midnight(start),
                "end_time": midnight(end),
                "value_grouping_window": "day",
            },
        )
        return {
            datetime.fromtimestamp(row["start_time"], UTC).date(): Decimal(str(row["aggregated_value"])) for row in rows
        }

    def day_summary(self, meter: str, customer: str, day: date) -> Decimal:
        """Stripe's value of one day; 0 where it knows nothing."""
        return self.day_summaries(meter, customer, day, day + timedelta(days=1)).get(day, Decimal(0))

    def meters(self) -> list[Body]:
        """Every meter of the account, deactivated ones too."""
        return list(self._pages(lambda page: self._client.v1.billing.meters.list(page, self._read), {}))

    def create_meter(self, params: Mapping[str, Any], key: str) -> Body:
        return _plain(self._client.v1.billing.meters.create(_any(params), {"idempotency_key": key}))

    # Catalogue and customers

    def products(self, *, active: bool = True) -> list[Body]:
        return list(self._pages(lambda page: self._client.v1.products.list(page, self._read), {"active": active}))

    def create_product(self, params: Mapping[str, Any], key: str) -> Body:
        return _plain(self._client.v1.products.create(_any(params), {"idempotency_key": key}))

    def prices(self, *, active: bool = True) -> list[Body]:
        """Every active price with its tiers; or every archived one."""
        params = {"active": active, "expand": ["data.tiers"]}
        return list(self._pages(lambda page: self._client.v1.prices.list(page, self._read), params))

    def price(self, price: str) -> Body:
        return _plain(self._client.v1.prices.retrieve(price, {"expand": ["tiers"]}, self._read))

    def create_price(self, params: Mapping[str, Any], key: str) -> Body:
        return _plain(self._client.v1.prices.create(_any(params), {"idempotency_key": key}))

    def customer(self, customer: str) -> Body:
        """A deleted customer answers with `deleted` true."""
        return _plain(self._client.v1.customers.retrieve(customer, {}, self._read))

    def balance_transactions(self, customer: str) -> list[Body]:
        """What changed the customer's balance, newest first: negative is a credit of the customer's."""
        transactions = self._client.v1.customers.balance_transactions
        return list(self._pages(lambda page: transactions.list(customer, page, self._read), {}))

    def subscriptions(self, customer: str) -> list[Body]:
        """The customer's subscriptions that have not ended, each with every item: it shows the first few by itself."""
        items = self._client.v1.subscription_items
        found = list(
            self._pages(lambda page: self._client.v1.subscriptions.list(page, self._read), {"customer": customer})
        )
        for one in found:
            if one["items"].get("has_more"):
                whole = self._pages(lambda page: items.list(page, self._read), {"subscription": one["id"]})
                one["items"] |= {"data": list(whole), "has_more": False}
        return found

    def create_subscription(self, params: Mapping[str, Any]) -> Body:
        return _plain(self._client.v1.subscriptions.create(_any(params)))

    def update_subscription(self, name: str, params: Mapping[str, Any]) -> Body:
        return _plain(self._client.v1.subscriptions.update(name, _any(params)))

    def cancel_subscription(self, name: str, params: Mapping[str, Any]) -> Body:
        """At once; only prorate and invoice_now make it give back and charge what is left."""
        return _plain(self._client.v1.subscriptions.cancel(name, _any(params)))

    def schedule(self, name: str) -> Body:
        return _plain(self._client.v1.subscription_schedules.retrieve(name, {}, self._read))

    def create_schedule(self, subscription: str) -> Body:
        """Of a subscription that runs, with its present items as the first phase."""
        params = {"from_subscription": subscription}
        return _plain(self._client.v1.subscription_schedules.create(_any(params)))

    def update_schedule(self, name: str, params: Mapping[str, Any]) -> Body:
        return _plain(self._client.v1.subscription_schedules.update(name, _any(params)))

    def release_schedule(self, name: str) -> Body:
        return _plain(self._client.v1.subscription_schedules.release(name))

    # Invoices, items, credit notes

    def invoices(self, customer: str) -> list[Body]:
        """The customer's invoices with their payments, newest first."""
        params = {"customer": customer, "expand": ["data.payments"]}
        return list(self._pages(lambda page: self._client.v1.invoices.list(page, self._read), params))

    def invoice_lines(self, invoice: str) -> list[Body]:
        """Every line; an invoice itself shows the first few."""
        return list(self._pages(lambda page: self._client.v1.invoices.line_items.list(invoice, page, self._read), {}))

    def upcoming_invoice(self, subscription: str) -> Body:
        """What Stripe would invoice at the end of the running period, by now."""
        return _plain(self._client.v1.invoices.create_preview({"subscription": subscription}, self._read))

    def invoice_items(self, customer: str) -> list[Body]:
        return list(
            self._pages(lambda page: self._client.v1.invoice_items.list(page, self._read), {"customer": customer})
        )

    def create_invoice_item(self, params: Mapping[str, Any], key: str) -> Body:
        return _plain(self._client.v1.invoice_items.create(_any(params), {"idempotency_key": key}))

    def credit_notes(self, invoice: str) -> list[Body]:
        return list(self._pages(lambda page: self._client.v1.credit_notes.list(page, self._read), {"invoice": invoice}))

    def credit_notes_of(self, customer: str) -> list[Body]:
        """Every note of the customer's, whoever gave it."""
        notes = self._client.v1.credit_notes
        return list(self._pages(lambda page: notes.list(page, self._read), {"customer": customer}))

    def refunds(self, since: date) -> list[Body]:
        """Every refund of the account that was made since a day: Stripe lists them by no customer."""
        params = {"created": {"gte": midnight(since)}}
        return list(self._pages(lambda page: self._client.v1.refunds.list(page, self._read), params))

    def refunds_of(self, payment_intent: str) -> list[Body]:
        params = {"payment_intent": payment_intent}
        return list(self._pages(lambda page: self._client.v1.refunds.list(page, self._read), params))

    def create_invoice(self, params: Mapping[str, Any], key: str) -> Body:
        return _plain(self._client.v1.invoices.create(_any(params), {"idempotency_key": key}))

    def advance_invoice(self, invoice: str) -> Body:
        """Have Stripe finalise a draft by itself again."""
        return _plain(self._client.v1.invoices.update(invoice, {"auto_advance": True}))

    def create_credit_note(self, params: Mapping[str, Any], key: str) -> Body:
        return _plain(self._client.v1.credit_notes.create(_any(params), {"idempotency_key": key}))

    # Events

    def fetch_event(self, event: str) -> Body:
        """The whole of a thin event, with its data."""
        return _plain(self._client.v2.core.events.retrieve(event, {}, self._read))

    @staticmethod
    def _pages(call: Any, params: Mapping[str, Any]) -> Iterator[Body]:
        try:
            yield from map(_plain, call({**params, "limit": PAGE}).auto_paging_iter())
        except (AttributeError, KeyError, TypeError):
            raise _cut_off() from None


def _plain(answer: Any) -> Body:
    """An answer as it came. Raises stripe.APIError where a part of it is missing that is relied upon."""
    body = answer.to_dict(for_json=True) if isinstance(answer, stripe.StripeObject) else None
    if not isinstance(body, dict) or "object" not in body:
        raise _cut_off()
    needed = () if body.get("deleted") else _NEEDED.get(body["object"], ("id",))
    if any(body.get(name) is None for name in needed):
        raise _cut_off()
    return body


def _cut_off() -> stripe.APIError:
    return stripe.APIError("The answer is not whole.", http_status=200)


def _any(params: Mapping[str, Any]) -> Any:
    return dict(params)
