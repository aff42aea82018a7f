"""Every call that Minutebook makes of Stripe is made of the strict sandbox, and answered."""

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.stripe_billing.api.calls import StripeApi, midnight
from tests.sandbox.stripe import StripeSandbox
from tests.sandbox.stripe.test_stripe_rules import Shop

NAMES = {name for name, _ in inspect.getmembers(StripeApi, inspect.isfunction) if not name.startswith("_")}
WHEN: dict[str, Callable[["Calls"], Any]] = {}
"""How each call is made, by its name."""


class Calls(Shop):
    """A shop with one of each thing that can be asked for."""

    def __init__(self, sandbox: StripeSandbox) -> None:
        super().__init__(sandbox)
        self.subscription = next(iter(sandbox.catalogue.subscriptions))
        self.fee = self.api.create_price(
            {"product": "prod_000001", "currency": "usd", "unit_amount": 9900, "recurring": {"interval": "month"}}, "f"
        )["id"]
        self.api.create_invoice_item({"customer": self.customer, "amount": 500, "currency": "usd"}, "i")
        self.send(7, "day")
        sandbox.advance(40 * 86_400)
        self.paid = next(one for one in sandbox.invoicing.invoices.values() if one["status"] == "paid" and one["total"])
        self.reported = self._reported()

    def _reported(self) -> str:
        """An error report: the event is of a customer that is gone by the time it is validated."""
        gone = self.stripe.catalogue.create_customer({"name": "Gone"})["id"]
        self.api.send_meter_event("voice", gone, 1, midnight(self.today), "gone")
        self.stripe.catalogue.delete_customer(gone)
        self.stripe.advance(3600)
        return next(name for name, event in self.stripe.events.items() if event["object"] == "v2.core.event")


@pytest.fixture
def calls() -> Iterator[Calls]:
    with StripeSandbox() as sandbox:
        yield Calls(sandbox)


def _named(**by_name: Callable[[Calls], Any]) -> None:
    WHEN.update(by_name)


def _window(at: Calls) -> tuple[Any, ...]:
    return at.meter, at.customer, at.today - timedelta(days=60), at.today


def _rephased(at: Calls, schedule: dict[str, Any]) -> None:
    phase = {"items": [{"price": at.price}], "start_date": schedule["current_phase"]["start_date"]}
    at.api.update_schedule(schedule["id"], {"end_behavior": "release", "phases": [phase]})


_METER = {"display_name": "Chat", "default_aggregation": {"formula": "sum"}, "event_time_window": "day"}
_named(
    account_id=lambda at: at.api.account_id(),
    send_meter_event=lambda at: at.send(3, "another"),
    day_summaries=lambda at: at.api.day_summaries(*_window(at)),
    day_summary=lambda at: at.api.day_summary(at.meter, at.customer, at.today),
    meters=lambda at: at.api.meters(),
    create_meter=lambda at: at.api.create_meter({**_METER, "event_name": "chat"}, "m2"),
    balance_transactions=lambda at: at.api.balance_transactions(at.customer),
    products=lambda at: at.api.products(),
    create_product=lambda at: at.api.create_product({"name": "Chat"}, "p2"),
    prices=lambda at: at.api.prices(),
    price=lambda at: at.api.price(at.price),
    create_price=lambda at: at.api.create_price(
        {"product": "prod_000001", "currency": "usd", "unit_amount": 1, "recurring": {"interval": "month"}}, "f2"
    ),
    customer=lambda at: at.api.customer(at.customer),
    subscriptions=lambda at: at.api.subscriptions(at.customer),
    create_subscription=lambda at: at.api.create_subscription(
        {"customer": at.customer, "items": [{"price": at.fee}], "proration_behavior": "none"}
    ),
    update_subscription=lambda at: at.api.update_subscription(at.subscription, {"cancel_at_period_end": False}),
    cancel_subscription=lambda at: at.api.cancel_subscription(at.subscription, {"prorate": True, "invoice_now": True}),
    create_schedule=lambda at: at.api.create_schedule(at.subscription),
    schedule=lambda at: at.api.schedule(at.api.create_schedule(at.subscription)["id"]),
    update_schedule=lambda at: _rephased(at, at.api.create_schedule(at.subscription)),
    release_schedule=lambda at: at.api.release_schedule(at.api.create_schedule(at.subscription)["id"]),
    invoices=lambda at: at.api.invoices(at.customer),
    invoice_lines=lambda at: at.api.invoice_lines(at.paid["id"]),
    upcoming_invoice=lambda at: at.api.upcoming_invoice(at.subscription),
    invoice_items=lambda at: at.api.invoice_items(at.customer),
    create_invoice_item=lambda at: at.api.create_invoice_item(
        {"customer": at.customer, "amount": -30, "currency": "usd", "description": "x"}, "i2"
    ),
    credit_notes=lambda at: at.api.credit_notes(at.paid["id"]),
    credit_notes_of=lambda at: at.api.credit_notes_of(at.customer),
    refunds=lambda at: at.api.refunds(at.today),
    refunds_of=lambda at: at.api.refunds_of(f"pi_{at.paid['id']}"),
    advance_invoice=lambda at: at.api.advance_invoice(
        at.api.create_invoice({"customer": at.customer, "auto_advance": False}, "o2")["id"]
    ),
    create_invoice=lambda at: at.api.create_invoice({"customer": at.customer, "auto_advance": True}, "o"),
    create_credit_note=lambda at: at.api.create_credit_note(
        {"invoice": at.paid["id"], "amount": 5, "credit_amount": 5}, "n"
    ),
    fetch_event=lambda at: at.api.fetch_event(at.reported),
)


def test_each_call_of_ours_is_made_of_the_strict_sandbox_and_answered(calls: Calls) -> None:
    assert WHEN.keys() == NAMES
    for name in [*sorted(WHEN.keys() - {"cancel_subscription"}), "cancel_subscription"]:
        before = calls.stripe.requests
        WHEN[name](calls)
        assert calls.stripe.requests > before, f"{name} asked nothing"
        for schedule in list(calls.stripe.subscribing.schedules.values()):
            if schedule["status"] == "active":
                calls.stripe.subscribing.release_schedule(schedule["id"])
    assert calls.stripe.violations == []


def test_each_call_is_made_by_the_product() -> None:
    """So its parameters are those that its own tests send."""
    product = Path(__file__).parents[3] / "orchestration"
    text = "\n".join(path.read_text() for path in product.rglob("*.py") if path.name != "calls.py")
    within = (product / "stripe_billing/api/calls.py").read_text()
    assert [
        name for name in sorted(NAMES) if not re.search(rf"api\.{name}\b", text) and f"self.{name}(" not in within
    ] == []
