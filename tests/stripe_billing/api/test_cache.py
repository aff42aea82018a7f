"""What Stripe said is kept for a while, and told again when it changed, when it is old, or when somebody demands it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

import orchestration
from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.errors import StripeUnavailable
from orchestration.stripe_billing.events import process_events
from tests.sandbox.stripe import Fault
from tests.stripe_billing.scene import DAY, Scene
from warehouse.stripe.cache import invalidate
from warehouse.stripe.events import receive

SECONDS = {
    "meters": 3600, "products": 3600, "prices": 3600, "price": 3600, "customer": 300, "subscriptions": 60,
    "invoices": 60, "upcoming": 60,
}  # fmt: skip


class Reader:
    """A process that reads Stripe through a cache of its own."""

    def __init__(self, scene: Scene, cache: StripeCache) -> None:
        self.scene, self.cache = scene, cache

    def ask(self, kind: str) -> Any:
        (price,) = self.scene.stripe.catalogue.prices
        (subscription,) = self.scene.stripe.catalogue.subscriptions
        match kind:
            case "price":
                return self.cache.price(price)
            case "upcoming":
                return self.cache.upcoming("cus_acme", subscription).body
            case "meters" | "products" | "prices":
                return getattr(self.cache, kind)()
        return getattr(self.cache, kind)("cus_acme")

    def quantity(self) -> int:
        """What the next invoice says was used."""
        return int(self.ask("upcoming")["lines"][0]["quantity"])


@pytest.fixture
def readers(scene: Scene) -> Iterator[list[Reader]]:
    scene.meter()
    scene.tenant("acme")
    scene.stripe.advance(DAY)
    with scene.billing() as one, scene.billing() as other:
        yield [Reader(scene, StripeCache(connection, scene.api(), scene.now)) for connection in (one, other)]


@pytest.fixture
def reader(readers: list[Reader]) -> Reader:
    return readers[0]


def happens(scene: Scene, kind: str, subject: str = "x", customer: str | None = "cus_acme") -> None:
    """A webhook of Stripe's comes and is worked off."""
    event = {
        "event_id": f"evt_{kind}", "event_type": kind, "is_thin": False, "object_id": subject, "facts": {},
        "stripe_customer_id": customer, "happened_at": scene.now(), "account": None, "is_live": False,
    }  # fmt: skip
    with scene.billing() as connection:
        receive(connection, event, scene.now())
        process_events(connection, scene.api(), scene.now)


@pytest.mark.parametrize("kind", SECONDS)
def test_each_kind_is_asked_for_again_after_its_own_time_and_served_stale_with_a_warning_when_stripe_is_down(
    scene: Scene, reader: Reader, kind: str
) -> None:
    known, seconds = reader.ask(kind), SECONDS[kind]
    for later, calls in ((seconds - 1, 1), (1, 2), (seconds, 3)):
        scene.stripe.now += later
        assert reader.ask(kind) == known
        assert scene.stripe.calls[kind] == calls
    scene.stripe.now += seconds
    scene.stripe.fault = lambda call: Fault.DOWN
    structlog.reset_defaults()  # a command of another test may have asked for warnings alone
    with structlog.testing.capture_logs() as logs:
        assert reader.ask(kind) == known
    assert [(log["log_level"], log["kind"], log["age"]) for log in logs] == [
        ("info", kind, str(timedelta(seconds=seconds)))
    ]


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        ("customer.subscription.updated", {"customer", "subscriptions", "upcoming"}),
        ("customer.updated", {"customer", "subscriptions", "upcoming"}),
        ("invoice.finalized", {"invoices", "subscriptions", "upcoming"}),
        ("invoiceitem.created", {"invoices", "subscriptions", "upcoming"}),
        ("price.updated", {"price", "prices", "products"}),
        ("product.updated", {"price", "prices", "products"}),
        ("billing.meter.deactivated", {"meters"}),
    ],
)
def test_a_webhook_makes_every_process_ask_again_for_what_it_is_about_and_for_nothing_else(
    scene: Scene, readers: list[Reader], event: str, kinds: set[str]
) -> None:
    for kind in SECONDS:
        for each in readers * 2:
            each.ask(kind)
    assert {kind: scene.stripe.calls[kind] for kind in SECONDS} == dict.fromkeys(SECONDS, 1)
    scene.stripe.now += 20  # a process looks at the others' memory every ten seconds
    happens(scene, event, *scene.stripe.catalogue.prices if event.startswith("price.") else ["x"])
    for kind in SECONDS:
        for each in readers:
            each.ask(kind)
        assert scene.stripe.calls[kind] == 1 + (kind in kinds), kind


def test_nobody_reads_around_the_cache() -> None:
    """Final invoices and their lines, items and notes before one is added, and what is archived before it is made
    again, are read at Stripe: they prove."""
    kinds = "meters|products|prices|price|customer|subscriptions|invoices|invoice|upcoming_invoice"
    readers = {
        path.name
        for path in Path(orchestration.__file__).parent.rglob("*.py")
        if re.search(rf"api\.({kinds})\b", path.read_text())
    }
    assert readers == {"cache.py", "final_books.py", "setup.py", "states.py"}


def test_another_customers_webhook_changes_nothing_of_this_one(scene: Scene, reader: Reader) -> None:
    reader.ask("upcoming")
    happens(scene, "customer.subscription.updated", customer="cus_other")
    scene.stripe.now += 20
    reader.ask("upcoming")
    assert scene.stripe.calls["upcoming"] == 1


def test_when_stripe_is_down_what_was_invalidated_is_served_and_what_was_never_told_is_not(
    scene: Scene, reader: Reader
) -> None:
    known = reader.ask("customer")
    invalidate(reader.cache._connection, "customer", None, scene.now())
    scene.stripe.now += DAY
    scene.stripe.fault = lambda call: Fault.DOWN
    assert reader.ask("customer") == known
    with pytest.raises(StripeUnavailable):
        reader.cache.customer("cus_unknown")


def test_after_a_post_the_next_invoice_is_asked_for_again(scene: Scene, reader: Reader) -> None:
    """By every process, at once."""
    assert reader.quantity() == 0
    scene.overage("acme", scene.today - timedelta(days=1), 7)
    scene.post()
    assert scene.post().counts == {}
    asked = scene.stripe.calls["upcoming"]
    assert reader.quantity() == 7
    assert (reader.quantity(), scene.stripe.calls["upcoming"]) == (7, asked + 1)


def test_what_was_posted_and_not_answered_may_have_changed_the_next_invoice(scene: Scene, reader: Reader) -> None:
    assert reader.quantity() == 0
    scene.overage("acme", scene.today - timedelta(days=1), 7)
    scene.stripe.fault = lambda call: Fault.ERROR_AFTER if call.path == "/v1/billing/meter_events" else None
    scene.post()
    assert reader.quantity() == 7


def test_in_the_process_that_posts_the_next_invoice_is_never_an_old_one(scene: Scene, reader: Reader) -> None:
    assert reader.quantity() == 0
    scene.stripe.metering.receive(
        {
            "event_name": "minutebook_voice", "payload": {"stripe_customer_id": "cus_acme", "value": "7"},
            "timestamp": str(int(scene.stripe.now) // DAY * DAY),
        }, "ours",
    )  # fmt: skip
    assert reader.quantity() == 0
    reader.cache.forget_upcoming(["cus_acme"])
    assert reader.quantity() == 7


def test_an_answer_that_is_older_than_a_post_is_given_and_not_kept(scene: Scene, readers: list[Reader]) -> None:
    """Asked for the first time while somebody posts: before the post Stripe answers, after it the answer arrives."""
    asking, posting = readers

    def post(stage: str, call: Any) -> None:
        if stage == "processed" and call.path.endswith("create_preview"):
            scene.stripe.hook = lambda stage, call: None
            scene.stripe.now += 1
            posting.cache.forget_upcoming(["cus_acme"])

    scene.stripe.hook = post
    for calls in (1, 2, 2):
        asking.ask("upcoming")
        assert scene.stripe.calls["upcoming"] == calls


def test_who_demands_it_is_told_anew_once_and_keeps_it_for_all_and_is_never_served_what_is_old(
    scene: Scene, readers: list[Reader]
) -> None:
    demanding, other = readers
    for each in readers:
        each.ask("products")
    scene.stripe.catalogue.create_product({"name": "new"})
    assert len(demanding.ask("products")) == 1
    demanding.cache.demand_fresh()
    for _ in range(2):
        assert len(demanding.ask("products")) == 2
    assert scene.stripe.calls["products"] == 2
    scene.stripe.now += 11
    assert len(other.ask("products")) == 2
    assert scene.stripe.calls["products"] == 2
    scene.stripe.fault = lambda call: Fault.DOWN
    demanding.cache.demand_fresh()
    with pytest.raises(StripeUnavailable):
        demanding.ask("products")
    assert len(other.ask("products")) == 2
