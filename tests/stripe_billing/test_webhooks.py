"""Webhooks are verified on their raw bytes, kept once, and end in the same state in whatever order they come."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
import stripe
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp
from typer.testing import CliRunner, Result

from orchestration.cli import app
from orchestration.stripe_billing import events
from orchestration.stripe_billing.events import EventsReport, process_events
from orchestration.stripe_billing.webhooks import webhook_app
from orchestration.web.server.serving import Server
from tests.sandbox.stripe import Fault
from tests.stripe_billing.comparison import hide_comparison
from tests.stripe_billing.scene import KEY, Scene
from tests.web.server import served_by
from warehouse.clock import OFFSET, offset_to
from warehouse.database import queries
from warehouse.database.errors import DatabaseUnreachable
from warehouse.stripe.events import receive

OLD, NEW = "whsec_old", "whsec_new"


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """An application on a free port."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def service(scene: Scene) -> Iterator[str]:
    """The webhooks alone, while their secret is rotated."""
    with served(webhook_app(scene.billing, [NEW, OLD])) as address:
        yield address


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
    odd = header.partition("v1=")[0].encode() + "v1=é".encode()
    assert httpx.post(f"{service}/stripe/webhook", content=body, headers={"stripe-signature": odd}).status_code == 400
    assert changed.status_code == 400
    huge = snapshot(2, "invoice.paid", {"id": "in_1", "object": "invoice", "memo": "x" * 600_000})
    assert deliver(service, huge).status_code == 413
    assert deliver(service, b"[]").status_code == 400
    assert kept(scene) == [("evt_1", "received")]
    assert httpx.get(f"{service}/healthz").status_code == 200


def test_without_a_database_the_service_is_alive_and_not_ready() -> None:
    def nobody() -> Any:
        raise DatabaseUnreachable("nothing answers there")

    with served(webhook_app(nobody, [NEW])) as service:
        assert httpx.get(f"{service}/livez").status_code == 200
        assert httpx.get(f"{service}/healthz").status_code == 503


def test_without_a_secret_everything_is_refused_and_nothing_is_kept(scene: Scene) -> None:
    body = snapshot(1, "invoice.paid", {"id": "in_1", "object": "invoice", "customer": "cus_x"})
    with served(webhook_app(scene.billing, ["", " "])) as service:
        for secret in (NEW, " ", "x"):
            assert deliver(service, body, secret).status_code == 503
        assert httpx.post(f"{service}/stripe/webhook", content=body).status_code == 503
        assert httpx.get(f"{service}/healthz").status_code == 200
    assert kept(scene) == []


@pytest.mark.parametrize("secret", [NEW, None])
def test_serve_has_the_pages_and_the_webhooks_at_one_address_each_with_its_own_door(
    scene: Scene, secret: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = snapshot(1, "invoice.paid", {"id": "in_1", "object": "invoice", "customer": "cus_x"})
    answers: dict[str, int] = {}

    def run(server: Server) -> None:
        """In place of the server's loop, which ends by Ctrl-C alone."""
        with served(server.config.app) as service:
            answers["page"] = httpx.get(f"{service}/sign-in").status_code
            answers["closed page"] = httpx.get(f"{service}/periods").status_code
            answers["signed"] = deliver(service, body).status_code
            answers["unsigned"] = httpx.post(f"{service}/stripe/webhook", content=body).status_code
            answers["health"] = httpx.get(f"{service}/healthz").status_code

    hide_comparison(scene.owner)
    monkeypatch.setattr(Server, "run", run)
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", scene.url)
    if secret:
        monkeypatch.setenv("MINUTEBOOK_STRIPE_WEBHOOK_SECRET", f"{secret},{OLD}")
    with served_by(scene.url) as server_url:
        monkeypatch.setenv("MINUTEBOOK_SERVER_DATABASE_URL", server_url)
        result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 0, result.output
    assert (answers["page"], answers["health"]) == (200, 200)
    assert answers["closed page"] != 200
    assert (answers["signed"], answers["unsigned"]) == ((200, 400) if secret else (503, 503))
    assert len(kept(scene)) == (1 if secret else 0)
    assert ("MINUTEBOOK_STRIPE_WEBHOOK_SECRET" in result.output) is (secret is None)


def test_names_and_addresses_are_not_kept(scene: Scene, service: str) -> None:
    subject = {"id": "in_1", "object": "invoice", "customer": "cus_x", "customer_email": "ann@example.com", "total": 5}
    deliver(service, snapshot(1, "invoice.paid", subject))
    row = scene.owner.execute("select stripe_events::text from ledger.stripe_events").fetchone()
    assert row is not None
    assert "ann@" not in row[0]


def test_a_long_link_is_kept_whole(scene: Scene, service: str) -> None:
    link = "https://invoice.stripe.com/i/acct_1/" + "a" * 500
    invoice = {"id": "in_1", "object": "invoice", "customer": "cus_x", "hosted_invoice_url": link}
    deliver(service, snapshot(1, "invoice.finalized", invoice))
    stored = scene.owner.execute("select facts ->> 'hosted_invoice_url' from ledger.stripe_events").fetchall()
    assert stored == [(link,)]


KINDS = ("created", "finalized", "updated", "payment_failed", "paid", "voided", "marked_uncollectible")
EVENTS = [(f"in_{number}", f"invoice.{kind}") for number in (1, 2) for kind in KINDS] + [
    ("sub_1", "customer.subscription.updated"), ("sub_1", "customer.subscription.deleted"),
]  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), happened=st.sets(st.integers(0, len(EVENTS) - 1), min_size=1))
def test_events_in_any_order_and_again_end_in_the_same_state(
    scene: Scene, data: st.DataObject, happened: set[int]
) -> None:
    """Whatever happened at Stripe, delivered twice in two orders, worked off at any moment."""
    ends = []
    for _ in range(2):
        order = data.draw(st.permutations(sorted(happened)))
        again = data.draw(st.lists(st.sampled_from(sorted(happened)), max_size=6))
        pauses = data.draw(st.sets(st.integers(0, len(order) + len(again)), max_size=3))
        scene.owner.execute("delete from ledger.stripe_events")
        with scene.billing() as connection:
            for at, number in enumerate([*order, *again]):
                name, kind = EVENTS[number]
                facts = {"total": 100 * number, "currency": "usd"}
                event = {
                    "event_id": f"evt_{number}", "event_type": kind, "is_thin": False, "object_id": name,
                    "stripe_customer_id": "cus_x", "facts": facts, "account": None, "is_live": False,
                    "happened_at": scene.now().replace(microsecond=0) + timedelta(seconds=number // 3),
                }  # fmt: skip
                assert receive(connection, event, scene.now()) is (at < len(order))
                if at in pauses:
                    process_events(connection, scene.api(), scene.now)
            report = process_events(connection, scene.api(), scene.now)
            assert not report.failed
        ends.append(
            (
                scene.owner.execute("select * from ledger.stripe_invoices order by invoice_id").fetchall(),
                scene.owner.execute("select event_id, state, facts from ledger.stripe_events order by 1").fetchall(),
            )
        )
    assert ends[0] == ends[1]


def test_an_invoice_is_told_by_its_events(scene: Scene, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.meter()
    customer = scene.tenant("acme")
    invoice = {"id": "in_1", "object": "invoice", "customer": customer, "total": 900, "currency": "usd"}
    reported = []
    for number, kind in enumerate(("finalized", "paid", "created", "payment_failed")):
        deliver(service, snapshot(number, f"invoice.{kind}", invoice))
        report = process(scene)
        assert report.closing == (["acme"] if kind == "created" else [])
        row = scene.owner.execute("select tenant_id, status, total_minor, failed_payments from ledger.stripe_invoices")
        reported.append(row.fetchone())
    assert reported == [("acme", "open", 900, 0), *[("acme", "paid", 900, 0)] * 2, ("acme", "paid", 900, 1)]
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", scene.url)
    result = CliRunner().invoke(app, ["stripe", "invoices", "--tenant", "acme", "--json"])
    (shown,) = json.loads(result.stdout)
    assert [shown[name] for name in ("invoice_id", "status", "total", "currency", "failed_payments")] == [
        "in_1", "paid", "9.00", "USD", 1,
    ]  # fmt: skip


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
    asked = scene.stripe.requests
    deliver(service, body)
    assert scene.stripe.requests == asked  # answered at once; a run fetches it
    assert process(scene) == EventsReport(processed=1, withdrawn=1)
    assert scene.states("acme") == [(day, 1, 7, "refused", "meter_archived")]
    report = scene.post()
    assert report.stopped["acme", "voice"].code == "meter_archived"
    scene.stripe.metering.meters[meter["id"]]["status"] = "active"
    scene.stripe.now += 3700
    scene.post()
    assert scene.held(customer, day) == 7


def test_usage_of_a_customer_deleted_after_stripe_said_yes_is_taken_back_and_held_until_a_person_acts(
    scene: Scene, service: str
) -> None:
    scene.meter()
    customer = scene.tenant("acme")
    day = scene.today - timedelta(days=1)
    scene.stripe.metering.lag = lambda: 60
    scene.overage("acme", day, 7)
    assert scene.post().counts == {"accepted": 1}
    scene.stripe.catalogue.delete_customer(customer)
    scene.stripe.advance(120)
    (event,) = scene.stripe.events
    deliver(service, scene.stripe.delivery(event))
    assert process(scene) == EventsReport(processed=1, withdrawn=1)
    assert scene.states("acme") == [(day, 1, 7, "refused", "customer_deleted")]
    sent = scene.sent()
    scene.stripe.now += 3700
    assert scene.post().stopped["acme", None].code == "customer_deleted"
    assert scene.sent() == sent
    assert scene.held(customer, day) == 0


def test_an_event_that_cannot_be_fetched_waits_and_the_others_go_on(scene: Scene, service: str) -> None:
    thin = {
        "id": "evt_thin", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found",
        "created": "2026-11-01T00:00:00.000Z", "livemode": False,
    }  # fmt: skip
    deliver(service, json.dumps(thin).encode())
    deliver(service, snapshot(1, "invoice.paid", {"id": "in_1", "object": "invoice", "customer": "cus_x"}))
    assert process(scene) == EventsReport(processed=1, failed=1)
    with scene.billing() as connection:
        assert connection.execute(queries.load("stripe/events")["count_waiting"]).fetchone() == (1,)
    scene.stripe.events["evt_thin"] = {**thin, "data": {"reason": {"error_count": 0, "error_types": []}}}
    assert process(scene) == EventsReport(processed=1)


@pytest.mark.parametrize(
    "kinds", [["x"], [{}], [{"code": {}}], [{"code": "x", "sample_errors": [7]}], [{"code": "x", "sample_errors": 7}]]
)
def test_an_event_that_is_not_as_documented_fails_alone_and_those_that_fail_hold_up_no_other(
    scene: Scene, service: str, monkeypatch: pytest.MonkeyPatch, kinds: Any
) -> None:
    thin = {
        "id": "evt_odd", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found",
        "created": "2026-11-01T00:00:00.000Z", "livemode": False,
    }  # fmt: skip
    scene.stripe.events["evt_odd"] = {**thin, "data": {"reason": {"error_types": kinds}}}
    deliver(service, json.dumps(thin).encode())
    monkeypatch.setattr(events, "BATCH", 1)
    assert process(scene) == EventsReport(failed=1)
    deliver(service, snapshot(1, "invoice.paid", {"id": "in_1", "object": "invoice", "customer": "cus_x"}))
    assert process(scene) == EventsReport(processed=1)
    assert process(scene) == EventsReport(failed=1)


def test_an_invoice_that_was_paid_while_no_webhook_came_is_settled_by_reading_stripe(
    scene: Scene, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told as a draft, and then the endpoint was off for months."""
    scene.meter()
    customer = scene.tenant("acme")
    scene.stripe.advance(31 * 86_400)
    invoice = list(scene.stripe.invoicing.invoices.values())[-1]
    assert invoice["status"] == "draft"
    deliver(service, snapshot(1, "invoice.created", invoice | {"customer": customer}))
    process(scene)
    scene.stripe.advance(60 * 86_400)
    for name, value in {
        "MINUTEBOOK_DATABASE_URL": scene.url, "MINUTEBOOK_STRIPE_URL": scene.stripe.url, OFFSET: offset_to(scene.now()),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    def shown(*options: str) -> Result:
        result = CliRunner().invoke(app, ["stripe", "invoices", *options])
        assert result.exit_code == 0, result.output
        return result

    def status() -> tuple[str, str]:
        rows = json.loads(shown("--json").stdout)
        return next((row["status"], row["age"]) for row in rows if row["invoice_id"] == invoice["id"])

    known, age = status()
    assert known == "draft"
    assert "days" in age
    assert "Stripe was not asked" in shown().output
    monkeypatch.setenv("MINUTEBOOK_STRIPE_API_KEY", KEY)
    monkeypatch.setenv("MINUTEBOOK_STRIPE_GRACE_HOURS", "72")
    scene.stripe.fault = lambda call: Fault.DOWN
    assert "does not answer" in shown().output
    assert status()[0] == "draft"
    scene.stripe.fault = lambda call: None
    known, age = status()
    assert known == "paid"
    assert age.startswith("0:0")
    # A webhook makes it sooner, and an old one that comes late undoes nothing.
    deliver(service, snapshot(2, "invoice.finalized", invoice | {"customer": customer}))
    assert "1 webhook of Stripe's waits" in shown().output
    assert "1 processed" in CliRunner().invoke(app, ["stripe", "events"]).output
    assert "wait to be processed" not in shown().output
    assert status()[0] == "paid"


@pytest.mark.parametrize("reported", [{"livemode": True}, {"account": "acct_connected"}])
def test_an_event_of_another_account_or_mode_is_kept_apart_and_changes_nothing(
    scene: Scene, service: str, reported: dict[str, Any]
) -> None:
    scene.meter()
    customer = scene.tenant("acme")
    scene.owner.execute("insert into ledger.stripe_accounts values (1, 'acct_000001', false, now())")
    subject = {
        "id": "in_1", "object": "invoice", "customer": customer, "status": "paid", "currency": "usd", "total": 5,
        "period_start": 1, "period_end": 2,
    }  # fmt: skip
    ours, other = (json.loads(snapshot(number, "invoice.created", subject)) for number in (1, 2))
    other["data"]["object"]["id"] = "in_2"
    assert deliver(service, json.dumps(other | reported).encode()).status_code == 200
    report = process(scene)
    assert (report.processed, report.apart, report.closing) == (0, 1, [])
    invoices = "select invoice_id from ledger.stripe_invoices"
    assert scene.owner.execute(invoices).fetchall() == []
    deliver(service, json.dumps(ours).encode())
    report = process(scene)
    assert (report.processed, report.apart, report.closing) == (1, 1, ["acme"])
    assert scene.owner.execute(invoices).fetchall() == [("in_1",)]
    # Once that account is billed in, what came of it counts, and ours not.
    account, is_live = reported.get("account", "acct_000001"), reported.get("livemode", False)
    scene.owner.execute("insert into ledger.stripe_accounts values (2, %s, %s, now())", [account, is_live])
    report = process(scene)
    assert (report.processed, report.apart) == (1, 0)
    assert scene.owner.execute(invoices).fetchall() == [("in_2",)]


@pytest.mark.parametrize("mode", ["live", None, 1])
def test_an_event_that_does_not_say_its_mode_is_none(scene: Scene, service: str, mode: Any) -> None:
    body = json.loads(snapshot(1, "invoice.paid", {"id": "in_1", "object": "invoice"})) | {"livemode": mode}
    assert deliver(service, json.dumps(body).encode()).status_code == 400
