"""The rules the Stripe sandbox keeps, through the official library: were it kinder than Stripe, no proof would hold.

Sources: https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage, /api/idempotent_requests and the
library's docstrings.
"""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import stripe

from orchestration.stripe_billing.api.calls import StripeApi, midnight
from tests.sandbox.stripe import Fault, StripeSandbox

DAY = 86_400


class Shop:
    """A Stripe with one meter, one customer and one subscription to it."""

    def __init__(self, sandbox: StripeSandbox) -> None:
        self.stripe = sandbox
        self.api = StripeApi("sk_test_sandbox", sandbox.url, timeout=5, read_retries=0)
        params = {"display_name": "Voice", "default_aggregation": {"formula": "sum"}, "event_time_window": "day"}
        self.meter = self.api.create_meter({**params, "event_name": "voice"}, "m")["id"]
        self.customer = sandbox.catalogue.create_customer({"name": "Acme"})["id"]
        product = self.api.create_product({"name": "Voice"}, "p")["id"]
        recurring = {"interval": "month", "usage_type": "metered", "meter": self.meter}
        price = {"product": product, "currency": "usd", "unit_amount_decimal": "15", "recurring": recurring}
        self.price = self.api.create_price(price, "pr")["id"]
        anchor = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
        sandbox.catalogue.create_subscription(
            {"customer": self.customer, "items": [{"price": self.price}], "billing_cycle_anchor_config": anchor}
        )

    @property
    def today(self) -> date:
        return datetime.fromtimestamp(self.stripe.now, UTC).date()

    def send(self, value: int, key: str, at: float | None = None) -> None:
        self.api.send_meter_event("voice", self.customer, value, int(at or midnight(self.today)), key)

    def held(self, day: date | None = None) -> Decimal:
        return self.api.day_summary(self.meter, self.customer, day or self.today)

    def refused(self, value: int, key: str, at: float | None = None) -> stripe.StripeError:
        with pytest.raises(stripe.StripeError) as caught:
            self.send(value, key, at)
        return caught.value


@pytest.fixture
def shop() -> Iterator[Shop]:
    with StripeSandbox() as sandbox:
        yield Shop(sandbox)


def test_the_last_value_received_of_a_customer_and_utc_day_counts(shop: Shop) -> None:
    start = midnight(shop.today)
    for number, (value, at) in enumerate([(5, start + DAY - 1), (9, start), (7, start + 60)]):
        shop.stripe.now = start + DAY + number
        shop.send(value, f"k{number}", at)
    shop.send(4, "next", start + DAY)
    assert [shop.held(shop.today - timedelta(days=1)), shop.held()] == [7, 4]


def test_of_two_values_the_later_received_counts_although_it_is_summed_first(shop: Shop) -> None:
    lags = iter([600.0, 0.0])
    shop.stripe.metering.lag = lambda: next(lags)
    shop.send(5, "slow")
    shop.send(8, "quick")
    assert shop.held() == 8
    shop.stripe.advance(3600)
    assert shop.held() == 8


def test_a_key_replays_its_answer_for_a_day_and_conflicts_with_other_words(shop: Shop) -> None:
    shop.send(5, "k")
    shop.send(5, "k")
    assert len(shop.stripe.metering.received) == 1
    assert isinstance(shop.refused(6, "k"), stripe.IdempotencyError)
    day = midnight(shop.today)
    shop.stripe.advance(DAY + 1)
    shop.send(6, "k", day)
    assert [int(event.value) for event in shop.stripe.metering.received] == [5, 6]


@pytest.mark.parametrize(("fault", "status"), [(Fault.ERROR, 500), (Fault.ERROR_AFTER, 500), (Fault.LIMITED, 429)])
def test_an_error_is_replayed_for_a_day_too_whether_or_not_it_had_an_effect(
    shop: Shop, fault: Fault, status: int
) -> None:
    faults = iter([fault])
    shop.stripe.fault = lambda call: next(faults, None)
    day = midnight(shop.today)
    assert "Idempotent-Replayed" not in (shop.refused(5, "k").headers or {})
    again = shop.refused(5, "k")
    assert (again.http_status, (again.headers or {})["Idempotent-Replayed"]) == (status, "true")
    assert shop.held() == (5 if fault is Fault.ERROR_AFTER else 0)
    shop.stripe.advance(DAY + 1)
    shop.send(5, "k", day)
    assert shop.held(shop.today - timedelta(days=1)) == 5


def test_a_known_identifier_is_refused_by_a_sentence_without_a_code(shop: Shop) -> None:
    shop.send(5, "k")
    shop.stripe.forget_keys()
    known = shop.refused(5, "k")
    assert isinstance(known, stripe.InvalidRequestError)
    assert (known.code, known.user_message) == (None, "An event already exists with identifier k.")


@pytest.mark.parametrize(("fault", "status"), [(Fault.BUSY, 429), (Fault.DOWN, 503)])
def test_what_was_turned_away_at_the_door_is_not_kept_under_its_key(shop: Shop, fault: Fault, status: int) -> None:
    faults = iter([fault])
    shop.stripe.fault = lambda call: next(faults, None)
    assert shop.refused(5, "k").http_status == status
    shop.send(5, "k")
    assert shop.held() == 5


def test_timestamps_are_of_the_past_35_days_and_at_most_five_minutes_ahead(shop: Shop) -> None:
    now = shop.stripe.now
    assert shop.refused(1, "old", now - 35 * DAY - 1).code == "timestamp_too_far_in_past"
    assert shop.refused(1, "new", now + 301).code == "timestamp_in_future"
    shop.send(1, "oldest", now - 35 * DAY)
    shop.send(1, "newest", now + 299)


def test_a_value_has_at_most_fifteen_digits(shop: Shop) -> None:
    assert shop.refused(10**15, "k").code == "meter_event_value_too_many_digits"
    shop.send(10**15 - 1, "k")
    assert shop.held() == 10**15 - 1


def test_an_event_is_validated_after_its_answer_and_what_is_dropped_is_told_by_a_thin_event(shop: Shop) -> None:
    shop.stripe.metering.lag = lambda: 600
    shop.send(5, "k")
    assert shop.held() == 0
    shop.stripe.catalogue.delete_customer(shop.customer)
    shop.stripe.advance(601)
    (event,) = shop.stripe.events
    body = shop.stripe.delivery(event)
    assert b'"data"' not in body
    assert (
        stripe.StripeClient("sk_test_x")
        .parse_event_notification(
            body, stripe.WebhookSignature.generate_signature_header(body.decode(), "whsec_x", None), "whsec_x"
        )
        .type
        == "v1.billing.meter.error_report_triggered"
    )
    (kind,) = shop.api.fetch_event(event)["data"]["reason"]["error_types"]
    assert (kind["code"], kind["sample_errors"][0]["request"]["identifier"]) == ("meter_event_customer_not_found", "k")


def test_one_call_at_a_time_of_a_customer_and_meter(shop: Shop) -> None:
    shop.stripe.latency = 0.3
    first = threading.Thread(target=shop.send, args=(5, "first"))
    arrived = threading.Event()
    shop.stripe.hook = lambda stage, call: arrived.set() if stage == "received" else None
    first.start()
    assert arrived.wait(5)
    assert shop.refused(6, "second").http_status == 429
    first.join(5)
    assert len(shop.stripe.violations) == 1


def test_a_draft_takes_usage_and_items_until_it_is_final_and_nothing_afterwards(shop: Shop) -> None:
    shop.stripe.advance(31 * DAY)
    (draft,) = shop.api.invoices(shop.customer)
    assert (draft["status"], draft["total"]) == ("draft", 0)
    last = draft["period_end"] - DAY
    shop.send(100, "late", last)
    item = {"customer": shop.customer, "amount": -30, "currency": "usd", "invoice": draft["id"]}
    shop.api.create_invoice_item(item, "i")
    shop.stripe.advance(3 * DAY)
    assert [one["total"] for one in shop.api.invoices(shop.customer)] == [1470]
    shop.send(999, "too late", last)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.api.create_invoice_item(item, "i2")
    assert caught.value.code == "invoice_not_editable"
    shop.stripe.advance(30 * DAY)
    newest, first = shop.api.invoices(shop.customer)
    assert (first["total"], newest["total"]) == (1470, 0)


def test_an_object_shows_the_first_ten_of_a_list_and_that_there_are_more(shop: Shop) -> None:
    (subscription,) = shop.stripe.catalogue.subscriptions
    for number in range(12):
        item = {"customer": shop.customer, "amount": number, "currency": "usd"}
        shop.api.create_invoice_item(item, f"i{number}")
    preview = shop.api.upcoming_invoice(subscription)
    assert (len(preview["lines"]["data"]), preview["lines"]["has_more"]) == (10, True)
    assert len(shop.api.invoice_lines(preview["id"])) == 13
    shop.stripe.advance(31 * DAY)
    (draft,) = shop.api.invoices(shop.customer)
    assert (len(draft["lines"]["data"]), draft["lines"]["has_more"]) == (10, True)
    assert len(shop.api.invoice_lines(draft["id"])) == 13


def test_tiers_are_shown_where_they_are_asked_for_and_each_that_is_reached_is_a_line(shop: Shop) -> None:
    recurring = {"interval": "month", "usage_type": "metered", "meter": shop.meter}
    tiers = [{"up_to": 2, "unit_amount_decimal": "0.5"}, {"up_to": "inf", "unit_amount_decimal": "0.25"}]
    params = {
        "product": shop.api.products()[0]["id"], "currency": "usd", "recurring": recurring,
        "billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers,
    }  # fmt: skip
    made = shop.api.create_price(params, "t")
    assert "tiers" not in made
    assert len(shop.api.price(made["id"])["tiers"]) == 2
    (subscription,) = shop.stripe.catalogue.subscriptions.values()
    change = {"id": subscription["items"]["data"][0]["id"], "price": made["id"]}
    shop.api.update_subscription(subscription["id"], {"items": [change]})
    for quantity, lines in ((0, [(0, 0)]), (2, [(2, 1)]), (4, [(2, 1), (2, 1)])):
        shop.send(quantity, f"q{quantity}")
        shown = shop.api.upcoming_invoice(subscription["id"])["lines"]["data"]
        assert [(line["quantity"], line["amount"]) for line in shown] == lines


def test_less_than_a_card_can_be_charged_waits_on_the_balance_for_the_next_invoice(shop: Shop) -> None:
    shop.send(3, "small")
    shop.stripe.advance(35 * DAY)
    first = shop.api.invoices(shop.customer)[0]
    assert (first["total"], first["amount_due"], first["ending_balance"], first["status"]) == (45, 0, 45, "paid")
    assert [one["type"] for one in shop.api.balance_transactions(shop.customer)] == ["invoice_too_small"]
    shop.send(10, "more")
    shop.stripe.advance(31 * DAY)
    second = shop.api.invoices(shop.customer)[0]
    assert (second["total"], second["starting_balance"], second["amount_due"]) == (150, 45, 195)
