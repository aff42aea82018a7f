"""The sandbox's Stripe against the official library's types, and against Stripe's fixtures where they are at hand."""

import json
import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import stripe
from stripe import StripeObject

from tests.sandbox.stripe import StripeSandbox

PUBLISHED = Path(__file__).parents[3].parent / "shared/payloads/stripe"
published = pytest.mark.skipif(not PUBLISHED.exists(), reason="Stripe's fixtures are not beside this checkout")
DAY = 86_400
CLASSES: dict[str, type[StripeObject]] = {
    "billing.meter": stripe.billing.Meter,
    "billing.meter_event": stripe.billing.MeterEvent,
    "billing.meter_event_summary": stripe.billing.MeterEventSummary,
    "credit_note": stripe.CreditNote,
    "customer": stripe.Customer,
    "customer_balance_transaction": stripe.CustomerBalanceTransaction,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "invoiceitem": stripe.InvoiceItem,
    "line_item": stripe.InvoiceLineItem,
    "price": stripe.Price,
    "product": stripe.Product,
    "refund": stripe.Refund,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
    "subscription_schedule": stripe.SubscriptionSchedule,
}


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    """One of each kind, in each of the states that Minutebook meets."""
    reported = StripeSandbox()
    catalogue, metering, invoicing = reported.catalogue, reported.metering, reported.invoicing
    found = [
        metering.create_meter(
            {
                "display_name": "Voice", "event_name": "voice", "event_time_window": "day",
                "default_aggregation": {"formula": "sum"},
            }
        )
    ]  # fmt: skip
    product = catalogue.create_product({"name": "Voice"})
    customer = catalogue.create_customer({"name": "Acme"})
    common = {"product": product["id"], "currency": "usd"}
    metered = {"interval": "month", "usage_type": "metered", "meter": found[0]["id"]}
    tiers = [{"up_to": "10", "unit_amount_decimal": "12.5"}, {"up_to": "inf", "unit_amount_decimal": "10"}]
    prices = [
        catalogue.create_price({**common, "unit_amount_decimal": "15", "recurring": metered}),
        catalogue.create_price({**common, "unit_amount": "24900", "recurring": {"interval": "month"}}),
        catalogue.create_price(
            {**common, "billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers, "recurring": metered}
        ),
    ]
    subscription = catalogue.create_subscription(
        {
            "customer": customer["id"], "items": [{"price": price["id"]} for price in prices[:2]],
            "billing_cycle_anchor_config": {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0},
        }
    )  # fmt: skip
    payload = {"stripe_customer_id": customer["id"], "value": "7"}
    event = metering.receive({"event_name": "voice", "payload": payload, "timestamp": str(int(reported.now))}, "k")
    start = int(reported.now) // DAY * DAY
    window = {"customer": customer["id"], "start_time": start, "end_time": start + DAY, "value_grouping_window": "day"}
    found += [product, customer, *prices, subscription, *subscription["items"]["data"], event]
    found += metering.summaries(found[0]["id"], window)
    item = invoicing.create_item(
        {"customer": customer["id"], "amount": "-30", "currency": "usd", "metadata": {"a": "b"}}
    )
    found += [item, invoicing.upcoming(subscription["id"])]
    reported.advance(31 * DAY)
    first, invoice = invoicing.invoices.values()
    schedule = reported.subscribing.create_schedule({"from_subscription": subscription["id"]})
    found += [first, *first["lines"]["data"], *first["payments"]["data"], schedule]
    found += [invoicing.create_refund({"payment_intent": f"pi_{first['id']}", "amount": "5"})]
    found.append(json.loads(json.dumps(invoice)))
    reported.advance(4 * DAY)
    line = {"type": "custom_line_item", "description": "Too much", "unit_amount": "5"}
    note = {"invoice": invoice["id"], "lines": [line], "credit_amount": "5"}
    found += [invoice, *invoice["lines"]["data"], invoicing.create_credit_note(note)]
    found += invoicing.balances.transactions.values()
    assert {one["status"] for one in found if one["object"] == "invoice"} == {"draft", "paid"}
    return found


def test_every_object_is_one_to_stripes_own_library(objects: list[dict[str, Any]]) -> None:
    assert {one["object"] for one in objects} == CLASSES.keys()
    wrong = [problem for one in objects for problem in problems(one, CLASSES[one["object"]], one["object"])]
    assert wrong == []


def test_what_the_library_does_not_know_or_types_otherwise_would_be_seen(objects: list[dict[str, Any]]) -> None:
    meter = next(one for one in objects if one["object"] == "billing.meter")
    for change in (
        {"window": "day"}, {"event_time_window": "week"}, {"created": "today"}, {"value_settings": {"key": "value"}},
        {"status_transitions": None},
    ):  # fmt: skip
        assert list(problems({**meter, **change}, stripe.billing.Meter, "meter")), change


@published
def test_every_object_has_the_fields_of_stripes_fixtures(objects: list[dict[str, Any]]) -> None:
    compared = 0
    for one in objects:
        path = PUBLISHED / f"fixture_{one['object'].replace('.', '_')}.json"
        if not path.exists():
            continue
        compared += 1
        fixture = json.loads(path.read_text())
        # Given by expansion or by kind of price alone, so absent from the one example of it.
        assert one.keys() - fixture.keys() <= {"tiers", "payments"}, one["object"]
        for name, value in one.items():
            theirs = fixture.get(name)
            if value is not None and theirs is not None:
                assert type(value) is type(theirs) or {type(value), type(theirs)} <= {int, float}, (path.name, name)
    assert compared >= 8


def problems(value: Any, wanted: Any, where: str) -> Iterator[str]:
    """Where a body of JSON is not what an annotation of the library says; what we leave out is no problem."""
    kind, parts = typing.get_origin(wanted), typing.get_args(wanted)
    if isinstance(wanted, str | typing.ForwardRef) or wanted is Any:
        return  # another object, or its id: it is met by itself
    if kind in (typing.Union, types.UnionType):
        said = [list(problems(value, part, where)) for part in parts]
        # `Literal[...] | str` is the library's way to say that the set is open; for us it is closed.
        closed = [found for found, part in zip(said, parts, strict=True) if typing.get_origin(part) is typing.Literal]
        chosen = [one for one in said if not one] if not closed or value is None else [one for one in closed if not one]
        if not chosen:
            yield next((found[0] for found in said if found), f"{where}: {value!r} is none of the listed")
    elif kind is typing.Literal:
        if value not in parts:
            yield f"{where}: {value!r} is none of {parts}"
    elif kind is list:
        if not isinstance(value, list):
            yield f"{where}: {value!r} is no list"
        else:
            for number, one in enumerate(value):
                yield from problems(one, parts[0], f"{where}[{number}]")
    elif kind is dict:
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no map"
    elif kind is stripe.ListObject:
        for number, one in enumerate(value["data"]):
            yield from problems(one, CLASSES.get(one["object"], parts[0]), f"{where}[{number}]")
    elif isinstance(wanted, type) and issubclass(wanted, StripeObject):
        yield from _of_object(value, wanted, where)
    elif wanted is Decimal:
        if not isinstance(value, str) or not Decimal(value).is_finite():
            yield f"{where}: {value!r} is no decimal in a string"
    elif isinstance(wanted, type) and not (isinstance(value, wanted) and not (wanted is int and value is True)):
        yield f"{where}: {value!r} is no {wanted.__name__}"


def _of_object(value: Any, wanted: type[StripeObject], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no {wanted.__name__}"
        return
    known = {
        name: said for base in reversed(wanted.__mro__) for name, said in vars(base).get("__annotations__", {}).items()
    }
    for name, one in value.items():
        if name == "object":
            continue
        if name not in known:
            yield f"{where}.{name} is unknown to {wanted.__name__}"
        else:
            yield from problems(one, known[name], f"{where}.{name}")
