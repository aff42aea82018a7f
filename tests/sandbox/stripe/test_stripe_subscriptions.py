"""Fees in advance, prorations, ends, phases, voids, refunds: the Stripe sandbox charges as Stripe does."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.sandbox.stripe import StripeSandbox
from tests.sandbox.stripe.errors import StripeProblem

DAY = 86_400


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


class Shop:
    def __init__(self, stripe: StripeSandbox) -> None:
        self.stripe = stripe
        self.catalogue, self.invoicing = stripe.catalogue, stripe.invoicing
        self.catalogue.create_customer({"id": "cus"})
        self.product = self.catalogue.create_product({"name": "Plan"})["id"]
        stripe.metering.create_meter(
            {
                "display_name": "v",
                "event_name": "v",
                "event_time_window": "day",
                "default_aggregation": {"formula": "sum"},
            }
        )

    def price(self, amount: int, meter: str | None = None) -> str:
        recurring = {"interval": "month", "usage_type": "metered" if meter else "licensed"}
        params = {"product": self.product, "currency": "usd", "unit_amount": amount}
        return str(
            self.catalogue.create_price({**params, "recurring": recurring | ({"meter": meter} if meter else {})})["id"]
        )

    def subscribe(self, *prices: str, **params: Any) -> dict[str, Any]:
        anchor = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
        items = [{"price": price} for price in prices]
        return self.catalogue.create_subscription(
            {"customer": "cus", "items": items, "billing_cycle_anchor_config": anchor, **params}
        )

    def until(self, text: str) -> None:
        self.stripe.advance(at(text) - self.stripe.now)

    def totals(self) -> list[int]:
        return [invoice["total"] for invoice in self.invoicing.invoices.values()]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with StripeSandbox(at("2026-10-31T12:00")) as stripe:
        yield Shop(stripe)


def test_a_subscription_charges_its_time_before_the_first_turn_in_seconds(shop: Shop) -> None:
    shop.subscribe(shop.price(10_000))
    shop.until("2026-12-01T00:00")
    assert shop.totals() == [161, 10_000, 10_000]  # half a day of October, then November and December in advance


def test_without_proration_the_first_fee_is_that_of_the_first_turn(shop: Shop) -> None:
    shop.subscribe(shop.price(10_000), proration_behavior="none")
    shop.until("2026-11-02T00:00")
    assert shop.totals() == [10_000]


def test_backdated_it_charges_from_the_day_it_is_backdated_to(shop: Shop) -> None:
    shop.until("2026-11-03T10:00")
    late = shop.subscribe(shop.price(10_000))
    shop.subscribe(shop.price(10_000), backdate_start_date=str(at("2026-11-01T00:00")))
    assert shop.totals() == [9194, 10_000]
    assert late["start_date"] == at("2026-11-03T10:00")


def test_an_end_within_the_period_gives_the_rest_of_the_fee_back_on_the_last_invoice(shop: Shop) -> None:
    subscription = shop.subscribe(shop.price(10_000), proration_behavior="none")
    shop.until("2026-12-02T00:00")
    shop.stripe.subscribing.update(subscription["id"], {"cancel_at": str(at("2026-12-15T00:00"))})
    shop.until("2027-02-02T00:00")
    assert shop.totals() == [10_000, 10_000, -5484]
    assert subscription["status"] == "canceled"


def test_an_end_within_a_later_period_is_charged_only_until_then(shop: Shop) -> None:
    subscription = shop.subscribe(shop.price(10_000), proration_behavior="none")
    shop.stripe.subscribing.update(subscription["id"], {"cancel_at": str(at("2026-12-15T00:00"))})
    shop.until("2027-02-02T00:00")
    assert shop.totals() == [10_000, 4516, 0]


def test_the_next_phase_of_a_schedule_charges_the_next_fee_and_the_old_price_of_usage(shop: Shop) -> None:
    (meter,) = shop.stripe.metering.meters
    subscription = shop.subscribe(shop.price(10_000), shop.price(15, meter), proration_behavior="none")
    shop.until("2026-11-10T00:00")
    payload = {"stripe_customer_id": "cus", "value": "10"}
    shop.stripe.metering.receive({"event_name": "v", "payload": payload, "timestamp": str(at("2026-11-09"))}, "k")
    schedule = shop.stripe.subscribing.create_schedule({"from_subscription": subscription["id"]})
    first = schedule["phases"][0]
    shop.stripe.subscribing.update_schedule(
        schedule["id"],
        {
            "end_behavior": "release",
            "phases": [
                {"items": first["items"], "start_date": str(first["start_date"]), "end_date": str(first["end_date"])},
                {
                    "items": [{"price": shop.price(3000)}, {"price": shop.price(99, meter)}],
                    "proration_behavior": "none",
                },
            ],
        },
    )
    with pytest.raises(StripeProblem, match="schedule"):
        shop.stripe.subscribing.update(subscription["id"], {"items": [{"price": shop.price(1)}]})
    shop.until("2027-01-01T00:00")
    assert shop.totals() == [10_000, 3000 + 150, 3000]
    assert (subscription["schedule"], schedule["status"]) == (None, "released")


def test_another_price_within_a_period_is_prorated_unless_that_is_switched_off(shop: Shop) -> None:
    subscription = shop.subscribe(shop.price(10_000), proration_behavior="none")
    shop.until("2026-11-16T00:00")
    (item,) = subscription["items"]["data"]
    changes = [{"id": item["id"], "price": shop.price(3000)}]
    shop.stripe.subscribing.update(subscription["id"], {"items": changes, "proration_behavior": "none"})
    changes = [{"id": item["id"], "price": shop.price(6000)}]
    shop.stripe.subscribing.update(subscription["id"], {"items": changes})
    shop.until("2026-12-01T00:00")
    lines = next(reversed(shop.invoicing.invoices.values()))["lines"]["data"]
    assert [line["amount"] for line in lines] == [6000, -1500, 3000]
    assert [line["parent"]["subscription_item_details"]["proration"] for line in lines] == [False, True, True]


def test_what_waits_goes_on_a_one_off_invoice_and_only_once(shop: Shop) -> None:
    shop.invoicing.create_item({"customer": "cus", "amount": "2100", "currency": "usd"})
    params = {"customer": "cus", "pending_invoice_items_behavior": "include", "auto_advance": "true"}
    assert shop.invoicing.create_invoice(params)["total"] == 2100
    with pytest.raises(StripeProblem, match="Nothing to invoice"):
        shop.invoicing.create_invoice(params)
    shop.stripe.advance(2 * 3600)
    (invoice,) = shop.invoicing.invoices.values()
    assert (invoice["status"], invoice["amount_paid"]) == ("paid", 2100)


def test_only_what_is_not_paid_is_voided_and_only_what_is_paid_refunded(shop: Shop) -> None:
    shop.subscribe(shop.price(10_000))
    (paid,) = shop.invoicing.invoices
    with pytest.raises(StripeProblem):
        shop.invoicing.void(paid)
    shop.invoicing.create_refund({"payment_intent": f"pi_{paid}", "amount": "100"})
    with pytest.raises(StripeProblem, match="greater"):
        shop.invoicing.create_refund({"payment_intent": f"pi_{paid}", "amount": "62"})
    shop.invoicing.pays = False
    shop.until("2026-11-05T00:00")
    unpaid = list(shop.invoicing.invoices)[-1]
    assert shop.invoicing.void(unpaid)["status"] == "void"
    with pytest.raises(StripeProblem):
        shop.invoicing.pay(unpaid)


def test_an_item_can_be_deleted_until_its_invoice_is_final(shop: Shop) -> None:
    shop.subscribe(shop.price(10_000), proration_behavior="none")
    item = shop.invoicing.create_item({"customer": "cus", "amount": "2100", "currency": "usd"})["id"]
    shop.until("2026-11-02T00:00")
    assert shop.totals() == [12_100]
    shop.invoicing.delete_item(item)
    assert shop.totals() == [10_000]
    item = shop.invoicing.create_item({"customer": "cus", "amount": "5", "currency": "usd", "invoice": "in_000001"})[
        "id"
    ]
    shop.until("2026-11-05T00:00")
    with pytest.raises(StripeProblem, match="final"):
        shop.invoicing.delete_item(item)
