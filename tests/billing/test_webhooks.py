"""Webhooks are verified on their raw bytes, kept once, and end in the same state in whatever order they come."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import stripe
import uvicorn

from orchestration.billing.cache import StripeCache, invalidate
from orchestration.billing.errors import StripeNotConfigured, StripeUnavailable
from orchestration.billing.events import EventsReport, process_events
from orchestration.billing.webhooks import webhook_app
from tests.billing.scene import DAY, Scene
from tests.sandbox.stripe import Fault

OLD, NEW = "whsec_old", "whsec_new"


@pytest.fixture
def service(scene: Scene) -> Iterator[str]:
    """The real service on a free port."""
    app = webhook_app(scene.billing, [NEW, OLD])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def deliver(service: str, body: bytes, secret: str = NEW, at: int | None = None) -> httpx.Response:
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at)
    return httpx.post(f"{service}/stripe/webhook", content=body, headers={"stripe-signature": header})


def snapshot(number: int, kind: str, subject: dict[str, Any]) -> bytes:
    event = {
        "id": f"evt_{number}", "object": "event", "type": kind, "created": 1_793_500_000 + number,
        "data": {"object": subject}, "livemode": False,
    }  # fmt: skip
    return json.dumps(event).encode()


def process(scene: Scene) -> EventsReport:
    with scene.billing() as connection:
        return process_events(connection, scene.api(), scene.now)


def kept(scene: Scene) -> list[tuple[str, str]]:
    return scene.owner.execute("select event_id, state from ledger.stripe_events order by event_id").fetchall()


def test_either_secret_of_a_rotation_is_good_and_nothing_else(scene: Scene, service: str) -> None:
    body = snapshot(1, "invoice.paid", {"id": "in_1", "object": "invoice", "customer": "cus_x"})
    assert deliver(service, body, OLD).status_code == 200
    assert deliver(service, body, NEW).json() == {"received": True, "new": False}
    assert deliver(service, body, "whsec_other").status_code == 400
    assert deliver(service, body, at=int(time.time()) - 600).status_code == 400
    assert httpx.post(f"{service}/stripe/webhook", content=body).status_code == 400
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), NEW)
    changed = httpx.post(f"{service}/stripe/webhook", content=body + b" ", headers={"stripe-signature": header})
    assert changed.status_code == 400
    huge = snapshot(2, "invoice.paid", {"id": "in_1", "object": "invoice", "memo": "x" * 600_000})
    assert deliver(service, huge).status_code == 413
    assert deliver(service, b"[]").status_code == 400
    assert kept(scene) == [("evt_1", "received")]
    assert httpx.get(f"{service}/healthz").status_code == 200


def test_without_a_secret_it_does_not_start(scene: Scene) -> None:
    with pytest.raises(StripeNotConfigured, match="MINUTEBOOK_STRIPE_WEBHOOK_SECRET"):
        webhook_app(scene.billing, [""])


def test_names_and_addresses_are_not_kept(scene: Scene, service: str) -> None:
    subject = {"id": "in_1", "object": "invoice", "customer": "cus_x", "customer_email": "ann@example.com", "total": 5}
    deliver(service, snapshot(1, "invoice.paid", subject))
    row = scene.owner.execute("select stripe_events::text from ledger.stripe_events").fetchone()
    assert row is not None
    assert "ann@" not in row[0]


def test_events_in_any_order_and_twice_end_in_the_same_state(scene: Scene, service: str) -> None:
    scene.meter()
    customer = scene.tenant("acme")
    bodies = [
        snapshot(
            number, kind, {"id": "in_1", "object": "invoice", "customer": customer, "total": 900, "currency": "usd"}
        )
        for number, kind in enumerate(
            ["invoice.created", "invoice.finalized", "invoice.payment_failed", "invoice.paid"]
        )
    ]
    states = set()
    for order in itertools.islice(itertools.permutations(bodies), 0, None, 5):
        scene.owner.execute("delete from ledger.stripe_events")
        for body in [*order, order[0]]:
            deliver(service, body)
            process(scene)
        row = scene.owner.execute(
            "select tenant_id, status, total_minor, failed_payments, finalized_at, paid_at from ledger.stripe_invoices"
        ).fetchone()
        states.add(row)
    assert len(states) == 1
    assert states.pop()[:4] == ("acme", "paid", 900, 1)


def test_what_stripe_drops_later_is_fetched_and_the_posting_counts_as_not_sent(scene: Scene, service: str) -> None:
    meter = scene.meter()
    customer = scene.tenant("acme")
    day = scene.today - timedelta(days=1)
    scene.stripe.metering.lag = lambda: 60
    scene.overage("acme", day, 7)
    scene.post()
    scene.stripe.metering.meters[meter["id"]]["status"] = "inactive"
    scene.stripe.advance(120)
    (event,) = scene.stripe.events
    body = scene.stripe.delivery(event)
    assert b"sample_errors" not in body
    deliver(service, body)
    assert process(scene) == EventsReport(processed=1, withdrawn=1)
    assert scene.states("acme") == [(day, 1, 7, "refused", "meter_archived")]
    report = scene.post()
    assert report.stopped["acme", "voice"].code == "meter_archived"
    scene.stripe.metering.meters[meter["id"]]["status"] = "active"
    scene.stripe.now += 3700
    scene.post()
    assert scene.held(customer, day) == 7


def test_an_event_that_cannot_be_fetched_waits_and_the_others_go_on(scene: Scene, service: str) -> None:
    thin = {
        "id": "evt_thin", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found",
        "created": "2026-11-01T00:00:00.000Z", "livemode": False,
    }  # fmt: skip
    deliver(service, json.dumps(thin).encode())
    deliver(service, snapshot(1, "invoice.paid", {"id": "in_1", "object": "invoice", "customer": "cus_x"}))
    assert process(scene) == EventsReport(processed=1, failed=1)
    scene.stripe.events["evt_thin"] = {**thin, "data": {"reason": {"error_count": 0, "error_types": []}}}
    assert process(scene) == EventsReport(processed=1)


def test_the_cache_asks_once_until_time_or_a_webhook_says_otherwise(scene: Scene, service: str) -> None:
    scene.meter()
    customer = scene.tenant("acme")
    with scene.billing() as one, scene.billing() as other:
        caches = [StripeCache(one, scene.api(), scene.now), StripeCache(other, scene.api(), scene.now)]
        for cache in caches * 3:
            assert cache.subscriptions(customer)[0]["status"] == "active"
        assert scene.stripe.calls["subscriptions"] == 1
        scene.stripe.now += 30
        deliver(service, snapshot(1, "customer.subscription.updated", {"id": "sub", "customer": customer}))
        process(scene)
        for cache in caches:
            cache.subscriptions(customer)
        assert scene.stripe.calls["subscriptions"] == 2
        scene.stripe.now += 61
        caches[0].subscriptions(customer)
        assert scene.stripe.calls["subscriptions"] == 3


def test_when_stripe_is_down_the_cache_serves_what_it_last_said(scene: Scene) -> None:
    scene.meter()
    customer = scene.tenant("acme")
    with scene.billing() as connection:
        cache = StripeCache(connection, scene.api(), scene.now)
        known = cache.customer(customer)
        invalidate(connection, "customer", None, scene.now())
        scene.stripe.now += DAY
        scene.stripe.fault = lambda call: Fault.DOWN
        assert cache.customer(customer) == known
        with pytest.raises(StripeUnavailable):
            cache.customer("cus_unknown")
