"""A change of ours is planned and applied at Stripe before the turn from which it holds, and charges what we do."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import psycopg
import pytest

from tests.sandbox.stripe import Fault, StripeSandbox
from tests.stripe_billing.close import DEC, Close
from tests.stripe_billing.scene import OVERAGES, Scene

START = 1_793_448_000.0  # 2026-10-31 12:00 UTC
PLANS = """
insert into control.plans (plan_id, name, currency) values ('lite', 'Lite', 'USD');
insert into control.plan_terms (plan_id, valid_from, subscription_fee) values ('lite', '2026-01-01', 30);
insert into control.prices (plan_id, meter_id, valid_from, model, unit_amount)
values ('starter', 'voice', '2026-01-01', 'per_unit', 0.15), ('lite', 'voice', '2026-01-01', 'per_unit', 0.20);
"""


@pytest.fixture
def close(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Close]:
    with StripeSandbox(START) as stripe, psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(OVERAGES)
        close = Close(Scene(database_url, stripe, owner), monkeypatch)
        owner.execute(PLANS)
        yield close


def status(close: Close, status: str, since: str) -> None:
    close.scene.owner.execute("insert into control.tenant_statuses values ('acme', %s, %s)", [since, status])


def codes(close: Close) -> list[str]:
    """What `stripe check` finds of acme."""
    printed = close("stripe check --json", code=1).stdout
    return sorted({one["code"] for one in json.loads(printed[: printed.rindex("]") + 1])})


@pytest.mark.resolves("fee_differs")
@pytest.mark.resolves("price_differs")
def test_another_plan_from_december_charges_its_fee_and_its_price_from_then_on(close: Close) -> None:
    close.tenant(proration_behavior="none")
    close.at("2026-11-20")
    close("stripe changes")
    close.scene.owner.execute("insert into control.tenant_plans values ('acme', '2026-12-01', 'lite')")
    assert codes(close) == ["fee_differs", "price_differs"]
    reported = close("stripe changes", code=1).output
    assert "Stripe has no fee:lite@2026-01-01 yet" in reported
    close("stripe sync --apply")
    reported = close("stripe changes", code=1).output
    (subscription,) = close.stripe.catalogue.subscriptions.values()
    marked = {
        price["metadata"]["minutebook"]: price["id"]
        for price in close.stripe.catalogue.prices.values()
        if price["metadata"]
    }
    for word in (subscription["id"], "2026-12-01", marked["fee:lite@2026-01-01"], "price_000001"):
        assert word in reported
    assert subscription["schedule"] is None
    close("stripe changes --tenant acme --apply")
    close("stripe changes")
    close("stripe check")
    close.use(date(2026, 11, 19), 100)
    close("post")
    close.at("2026-12-10")
    close.approve(subscription="100", overage="15.00")
    close.use(date(2026, 12, 9), 100)
    close("post")
    assert close.findings() == []
    close.at("2027-01-06")
    close.approve(DEC, subscription="30", overage="20.00")
    assert close.findings("2026-12") == []
    close("stripe changes")


def test_a_plan_changed_again_before_the_turn_changes_the_phase_to_come(close: Close) -> None:
    close.tenant(proration_behavior="none")
    close("stripe sync --apply")
    close.scene.owner.execute("insert into control.tenant_plans values ('acme', '2026-12-01', 'lite')")
    close.at("2026-11-20")
    close("stripe changes --apply")
    close.scene.owner.execute("delete from control.tenant_plans where plan_id = 'lite'")
    close("stripe changes --apply")
    close("stripe changes")
    close.at("2027-01-06")
    close.approve(subscription="100")
    close.approve(DEC, subscription="100")
    assert close.findings("2026-12") == []


def test_plans_changed_from_two_months_in_a_row_each_begin_at_their_own_turn(close: Close) -> None:
    """In December the schedule that brought November's change is still there, with a phase that is over."""
    close.tenant(proration_behavior="none")
    close("stripe sync --apply")
    close.scene.owner.execute("insert into control.tenant_plans values ('acme', '2026-12-01', 'lite')")
    close.at("2026-11-20")
    close("stripe changes --apply")
    close.at("2026-12-20")
    close("stripe changes")
    close.scene.owner.execute("insert into control.tenant_plans values ('acme', '2027-01-01', 'starter')")
    close("stripe changes --apply")
    close("stripe changes")
    close.at("2027-02-06")
    close.approve(subscription="100")
    close.approve(DEC, subscription="30")
    close.approve(date(2027, 1, 1), subscription="100")
    assert close.findings("2026-12") == []
    assert close.findings("2027-01") == []


def test_a_phase_that_a_person_scheduled_for_the_next_month_alone_is_seen(close: Close) -> None:
    close.tenant(proration_behavior="none")
    close("stripe sync --apply")
    close.at("2026-11-20")
    (subscription,) = close.stripe.catalogue.subscriptions.values()
    schedule = close.stripe.subscribing.create_schedule({"from_subscription": subscription["id"]})
    (running,) = schedule["phases"]
    half = {"items": [{"price": close.price("5000")}, running["items"][1]], "end_date": 1_798_761_600}
    schedule["phases"] = [running, {**running, **half, "start_date": running["end_date"]},
                          {**running, "start_date": half["end_date"], "end_date": None}]  # fmt: skip
    assert codes(close) == ["fee_differs"]
    close("stripe changes --tenant acme --apply")
    close("stripe check")
    close.at("2027-01-06")
    close.approve(subscription="100")
    close.approve(DEC, subscription="100")
    assert close.findings("2026-12") == []


@pytest.mark.parametrize("quantity", [0, 2])
def test_a_fee_whose_quantity_a_person_changed_at_stripe_differs(close: Close, quantity: int) -> None:
    close.tenant(proration_behavior="none")
    close("stripe sync --apply")
    close.at("2026-11-20")
    (subscription,) = close.stripe.catalogue.subscriptions.values()
    subscription["items"]["data"][0]["quantity"] = quantity
    assert codes(close) == ["fee_differs"]
    assert f"{quantity} × {subscription['items']['data'][0]['price']['id']}" in close("stripe changes", code=1).output
    close("stripe changes --tenant acme --apply")
    close("stripe check")
    close.at("2026-12-02")
    assert subscription["items"]["data"][0]["quantity"] == 1


@pytest.mark.resolves("subscription_incomplete")
@pytest.mark.resolves("subscription_paused")
@pytest.mark.parametrize("status", ["incomplete", "paused"])
def test_beside_a_subscription_that_may_still_begin_no_other_is_made(close: Close, status: str) -> None:
    """Its first payment failed, or its trial ended without a way to pay: once that is mended both would bill."""
    close.tenant(subscribes=False)
    close("stripe sync --apply")
    close.at("2026-11-20")
    close("stripe changes --apply")
    (subscription,) = close.stripe.catalogue.subscriptions.values()
    subscription["status"] = status
    close("stripe changes --apply", code=1)
    reported = close("stripe changes", code=1).output
    assert subscription["id"] in reported
    assert len(close.stripe.catalogue.subscriptions) == 1
    assert codes(close) == [f"subscription_{status}"]
    subscription["status"] = "active"
    close("stripe check")
    subscription["status"] = "incomplete_expired"
    assert codes(close) == ["no_subscription"]


@pytest.mark.resolves("collection_paused")
@pytest.mark.parametrize("behavior", ["void", "keep_as_draft", "mark_uncollectible"])
def test_a_collection_that_a_person_paused_at_stripe_is_told_and_posting_goes_on(close: Close, behavior: str) -> None:
    close.tenant(proration_behavior="none")
    close("stripe sync --apply")
    close.at("2026-11-20")
    (subscription,) = close.stripe.catalogue.subscriptions.values()
    subscription["pause_collection"] = {"behavior": behavior, "resumes_at": None}
    assert codes(close) == ["collection_paused"]
    close.use(date(2026, 11, 19), 100)
    close("post")
    assert close.scene.held("cus_acme", date(2026, 11, 19)) == 100
    subscription |= {"pause_collection": None, "status": "unpaid"}
    assert codes(close) == ["collection_paused"]
    subscription["status"] = "active"
    close("stripe check")


@pytest.mark.resolves("end_differs")
@pytest.mark.parametrize("recorded", ["2026-11-20", "2026-12-05"])
def test_a_closing_on_the_15th_ends_the_subscription_then_and_gives_the_rest_back(close: Close, recorded: str) -> None:
    close.tenant(proration_behavior="none")
    close.at(recorded)
    status(close, "closed", "2026-12-15")
    assert codes(close) == ["end_differs"]
    assert "2026-12-15" in close("stripe changes", code=1).output
    close("stripe changes --tenant acme --apply")
    close("stripe changes")
    close("stripe check")
    close.at("2027-01-06")
    close.approve(subscription="100")
    close.approve(DEC, subscription="45.16")
    assert close.findings("2026-12") == []
    assert [one["status"] for one in close.stripe.catalogue.subscriptions.values()] == ["canceled"]


@pytest.mark.resolves("differs")
def test_a_closing_that_is_told_late_ends_it_at_once_and_the_days_between_are_settled(close: Close) -> None:
    close.tenant(proration_behavior="none")
    close.at("2026-12-20")
    status(close, "closed", "2026-12-15")
    close("stripe changes --apply")
    close("stripe changes")
    close.at("2027-01-06")
    close.approve(subscription="100")
    close.approve(DEC, subscription="45.16")
    assert close.findings("2026-12") == [(f"acme/{DEC}/subscription", "differs", "16.13")]
    close.follow("differs", "2026-12")
    close.follow("on no invoice", "2026-12")
    assert close.findings("2026-12") == []


@pytest.mark.resolves("will_end")
def test_a_closing_that_is_taken_back_lets_the_subscription_go_on(close: Close) -> None:
    close.tenant(proration_behavior="none")
    close.at("2026-11-20")
    status(close, "closed", "2027-02-01")
    close("stripe changes --apply")
    close.scene.owner.execute("delete from control.tenant_statuses where status = 'closed'")
    assert codes(close) == ["will_end"]
    close("stripe changes --tenant acme --apply")
    close("stripe check")
    close.at("2027-01-06")
    close.approve(subscription="100")
    close.approve(DEC, subscription="100")
    assert close.findings("2026-12") == []


@pytest.mark.resolves("no_subscription")
@pytest.mark.parametrize(
    ("active_from", "made", "fee"),
    [("2026-11-01", "2026-11-20", "100"), ("2026-11-10", "2026-11-20", "70"), ("2026-12-01", "2026-11-20", "100")],
)
def test_a_subscription_begins_on_the_first_active_day_whenever_it_is_made(
    close: Close, active_from: str, made: str, fee: str
) -> None:
    close.tenant(active_from=date.fromisoformat(active_from), subscribes=False)
    close("stripe sync --apply")
    close.at(made)
    assert codes(close) == ["no_subscription"]
    close("stripe changes --tenant acme --apply")
    close("stripe changes")
    close("stripe check")
    assert len(close.stripe.catalogue.subscriptions) == 1
    close.at("2027-01-06")
    month = date.fromisoformat(active_from).replace(day=1)
    close.approve(month, subscription=fee)
    assert close.findings(f"{month:%Y-%m}") == []


def test_a_reopened_tenant_gets_a_subscription_again_and_a_paused_one_needs_nothing(close: Close) -> None:
    close.tenant(proration_behavior="none")
    close("stripe sync --apply")
    close.at("2026-11-20")
    status(close, "closed", "2026-12-01")
    close("stripe changes --apply")
    close.at("2027-01-10")
    status(close, "active", "2027-01-01")
    close("stripe changes --tenant acme --apply")
    close.at("2027-02-06")
    close.approve(subscription="100")
    close.approve(date(2027, 1, 1), subscription="100")
    assert close.findings("2027-01") == []
    status(close, "paused", "2027-02-05")
    close("stripe changes")
    close("stripe check")


def test_what_stripe_refuses_or_does_not_show_of_one_tenant_is_named_and_the_others_are_changed(close: Close) -> None:
    close.tenant(subscribes=False)
    close.stripe.catalogue.create_customer({"id": "cus_bolt"})
    close.scene.owner.execute(
        """
        insert into control.tenants (tenant_id, name, currency, anchor_day, stripe_customer_id, feature_flags)
        values ('bolt', 'Bolt', 'USD', 1, 'cus_bolt', '{"stripe_posting": true}');
        insert into control.tenant_statuses values ('bolt', '2026-11-01', 'active');
        insert into control.tenant_plans values ('bolt', '2026-01-01', 'starter');
        """
    )
    close("stripe sync --apply")
    close.at("2026-11-20")

    def of_acme(method: str, fault: Fault) -> Callable[[Any], Fault | None]:
        return lambda call: fault if call.method == method and call.params.get("customer") == "cus_acme" else None

    close.stripe.fault = of_acme("GET", Fault.HOLLOW)
    reported = close("stripe changes", code=1).output
    assert "a subscription of cus_bolt" in reported
    assert "acme: Stripe does not answer" in reported
    close.stripe.fault = of_acme("POST", Fault.FORBIDDEN)
    assert "acme: Stripe refuses (not_permitted)" in close("stripe changes --apply", code=1).output
    assert [one["customer"] for one in close.stripe.catalogue.subscriptions.values()] == ["cus_bolt"]
    close.stripe.fault = lambda call: None
    close("stripe changes --apply")
    close("stripe changes")
