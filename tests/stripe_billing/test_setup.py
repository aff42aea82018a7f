"""Stripe's set-up is made from our plans and prices, found again, and never edited; each tenant's gaps are named."""

from datetime import timedelta
from decimal import Decimal

import pytest

from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.errors import StripeUnavailable
from orchestration.stripe_billing.invoices.charging import charged
from orchestration.stripe_billing.posting.readiness import Finding, Readiness
from orchestration.stripe_billing.setup import Setup, Step, check
from tests.sandbox.stripe import Fault
from tests.sandbox.stripe.invoicing import rated
from tests.stripe_billing.scene import GRACE, Scene
from warehouse.stripe.prices import as_stripe, is_same

TIERS = '[{"up_to": 100, "unit_amount": "0.10"}, {"up_to": null, "unit_amount": "0.055"}]'


@pytest.fixture
def priced(scene: Scene) -> Scene:
    scene.owner.execute(
        f"""
        insert into control.meters (meter_id, name, unit, source, item, stripe_event_name)
        values ('voice', 'Voice', 'minute', 'usage_metrics', 'v', 'mb_voice'),
            ('ocr', 'OCR', 'scan', 'usage_metrics', 'o', 'mb_ocr'), ('free', 'Free', 'one', 'usage_metrics', 'f', null);
        insert into control.plans (plan_id, name, currency) values ('starter', 'Starter', 'USD');
        insert into control.plan_terms (plan_id, valid_from, subscription_fee) values ('starter', '2026-01-01', 249);
        insert into control.prices (plan_id, meter_id, valid_from, model, unit_amount, package_size, tiers)
        values ('starter', 'voice', '2026-01-01', 'graduated', null, null, '{TIERS}'),
            ('starter', 'ocr', '2026-01-01', 'package', 7.5, 100, null),
            ('starter', 'free', '2026-01-01', 'per_unit', 0, null, null);
        """
    )
    return scene


def sync(scene: Scene, apply: bool) -> list[Step]:
    with scene.billing() as connection, scene.billing() as of_cache:
        api = scene.api()
        return Setup(connection, api, StripeCache(of_cache, api, scene.now), scene.now).sync(apply=apply)


def findings(scene: Scene) -> list[Finding]:
    with scene.billing() as connection, scene.billing() as of_cache:
        api = scene.api()
        cache = StripeCache(of_cache, api, scene.now)
        return check(connection, api, cache, Readiness(cache, scene.now, GRACE), scene.now)


def test_a_plan_only_tells_and_applying_twice_makes_everything_once(priced: Scene) -> None:
    assert {step.result for step in sync(priced, apply=False)} == {"create"}
    assert not priced.stripe.catalogue.prices
    made = sync(priced, apply=True)
    assert [(step.kind, step.name) for step in made] == [
        ("meter", "mb_ocr"), ("product", "meter:ocr"), ("meter", "mb_voice"), ("product", "meter:voice"),
        ("product", "plan:starter"), ("price", "fee:starter@2026-01-01"), ("price", "price:1"), ("price", "price:2"),
    ]  # fmt: skip
    assert {step.result for step in sync(priced, apply=True)} == {"ok"}
    assert len(priced.stripe.catalogue.prices) == 3
    assert {meter["event_time_window"] for meter in priced.stripe.metering.meters.values()} == {"day"}


def test_what_a_person_changed_is_drift_and_stays(priced: Scene) -> None:
    sync(priced, apply=True)
    price = next(p for p in priced.stripe.catalogue.prices.values() if p["billing_scheme"] == "tiered")
    price["tiers"][0]["unit_amount_decimal"] = "11"
    next(iter(priced.stripe.metering.meters.values()))["status"] = "inactive"
    drift = [step for step in sync(priced, apply=True) if step.result == "drift"]
    assert [(step.kind, step.name) for step in drift] == [("meter", "mb_ocr"), ("price", "price:1")]
    assert price["tiers"][0]["unit_amount_decimal"] == "11"


def test_an_archived_meter_of_the_same_event_name_is_none(priced: Scene) -> None:
    params = {
        "display_name": "voice", "event_name": "mb_voice", "event_time_window": "day",
        "default_aggregation": {"formula": "sum"},
    }  # fmt: skip
    archived = priced.stripe.metering.create_meter(params)
    archived["status"] = "inactive"
    active = priced.stripe.metering.create_meter(params)
    made = {step.name: step.result for step in sync(priced, apply=True)}
    assert (made["mb_voice"], made["price:1"]) == ("ok", "created")
    counted = [price["recurring"]["meter"] for price in priced.stripe.catalogue.prices.values()]
    assert active["id"] in counted
    assert archived["id"] not in counted


def test_a_plan_goes_by_what_stripe_said_within_the_hour_and_applying_asks_it_anew(priced: Scene) -> None:
    calls, catalogue = priced.stripe.calls, priced.stripe.catalogue
    for _ in range(3):
        assert {step.result for step in sync(priced, apply=False)} == {"create"}
    assert (calls["meters"], calls["products"], calls["prices"]) == (1, 1, 1)
    made = catalogue.create_product({"name": "Starter", "metadata": {"minutebook": "plan:starter"}})["id"]
    assert [step.result for step in sync(priced, apply=False) if step.name == "plan:starter"] == ["create"]
    assert [step.result for step in sync(priced, apply=True) if step.name == "plan:starter"] == ["ok"]
    assert [name for name, one in catalogue.products.items() if one["name"] == "Starter"] == [made]
    assert {step.result for step in sync(priced, apply=False)} == {"ok"}  # what was made is known at once
    asked = calls["products"]
    assert {step.result for step in sync(priced, apply=False)} == {"ok"}
    assert calls["products"] == asked
    priced.stripe.fault = lambda call: Fault.DOWN if call.path == "/v1/products" else None
    priced.stripe.now += 7200
    assert {step.result for step in sync(priced, apply=False)} == {"ok"}
    with pytest.raises(StripeUnavailable):
        sync(priced, apply=True)


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.ERROR_AFTER, Fault.LIMITED])
def test_an_error_that_stripe_replays_for_a_day_hinders_the_next_run_no_longer(priced: Scene, fault: Fault) -> None:
    faults = iter([fault, None, None, fault])
    priced.stripe.fault = lambda call: next(faults, None) if call.method == "POST" else None
    made = {step.name: step.result for step in sync(priced, apply=True)}
    assert (made["mb_ocr"], made["plan:starter"]) == ("failed", "created")
    for _ in range(2):
        sync(priced, apply=True)
    assert {step.result for step in sync(priced, apply=True)} == {"ok"}
    stripe = priced.stripe
    assert (len(stripe.metering.meters), len(stripe.catalogue.products), len(stripe.catalogue.prices)) == (2, 3, 3)


def test_what_somebody_archived_is_made_again_although_stripe_remembers_the_key(priced: Scene) -> None:
    sync(priced, apply=True)
    catalogue = priced.stripe.catalogue
    gone = [next(iter(catalogue.prices.values())), next(iter(catalogue.products.values()))]
    for one in gone:
        one["active"] = False
    made = [step for step in sync(priced, apply=True) if step.result == "created"]
    assert sorted(step.kind for step in made) == ["price", "product"]
    assert {step.message for step in made}.isdisjoint(one["id"] for one in gone)
    assert {step.result for step in sync(priced, apply=True)} == {"ok"}


def test_one_price_that_stripe_refuses_leaves_the_others_to_be_made(priced: Scene) -> None:
    refused = "fee:starter@2026-01-01"
    priced.stripe.fault = lambda call: Fault.MISSING if call.params.get("nickname") == refused else None
    assert [step.name for step in sync(priced, apply=True) if step.result == "failed"] == [refused]
    priced.stripe.fault = lambda call: None
    assert {step.name for step in sync(priced, apply=True) if step.result == "created"} == {refused}


def test_what_each_tenant_lacks_is_named_with_what_to_do(priced: Scene) -> None:
    sync(priced, apply=True)
    catalogue = priced.stripe.catalogue
    by_mark = {price["metadata"]["minutebook"]: price["id"] for price in catalogue.prices.values()}
    customer = catalogue.create_customer({"id": "cus_acme"})["id"]
    anchor = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
    items = [{"price": by_mark["price:1"]}, {"price": by_mark["price:2"]}, {"price": by_mark["fee:starter@2026-01-01"]}]
    catalogue.create_subscription({"customer": customer, "items": items, "billing_cycle_anchor_config": anchor})
    priced.owner.execute(
        """
        insert into control.tenants (tenant_id, name, currency, stripe_customer_id, feature_flags)
        values ('acme', 'Acme', 'USD', 'cus_acme', '{"stripe_posting": true}'),
            ('beta', 'Beta', 'USD', null, '{"stripe_posting": true}'), ('quiet', 'Quiet', 'USD', null, '{}');
        insert into control.tenant_statuses select tenant_id, '2026-01-01', 'active' from control.tenants;
        insert into control.tenant_plans select tenant_id, '2026-01-01', 'starter' from control.tenants;
        """
    )
    assert [(one.tenant_id, one.code) for one in findings(priced)] == [
        ("acme", "no_event_name"), ("beta", "no_customer"),
    ]  # fmt: skip
    priced.owner.execute("delete from control.prices where meter_id = 'free'")
    catalogue.prices[by_mark["price:2"]]["unit_amount_decimal"] = "700"
    priced.stripe.now += 7200
    assert [(one.tenant_id, one.code, one.blocks) for one in findings(priced)] == [
        ("acme", "price_differs", False), ("beta", "no_customer", True),
    ]  # fmt: skip
    # A pause needs nothing at Stripe. What a closed tenant lacks is said while a meter takes its last days.
    priced.owner.execute(
        "insert into control.tenant_statuses values ('acme', %s, 'paused'), ('beta', %s, 'closed')",
        [priced.today, priced.today - timedelta(days=35)],
    )
    assert [(one.tenant_id, one.code) for one in findings(priced)] == [
        ("acme", "price_differs"), ("beta", "no_customer"),
    ]  # fmt: skip
    priced.stripe.now += 86_400
    assert "beta" not in {one.tenant_id for one in findings(priced)}


@pytest.mark.parametrize(
    "price",
    [
        {"model": "per_unit", "unit_amount": Decimal("0.0075")},
        {"model": "package", "unit_amount": Decimal("7.5"), "package_size": 100},
        {"model": "graduated", "tiers": [{"up_to": 10, "unit_amount": "0.105"}, {"up_to": None, "unit_amount": "0"}]},
        {"model": "volume", "tiers": [{"up_to": 10, "unit_amount": "0.105"}, {"up_to": None, "unit_amount": "0.1"}]},
        {
            "model": "graduated",
            "tiers": [{"up_to": 1, "unit_amount": "0.005"}, {"up_to": None, "unit_amount": "0.005"}],
        },
    ],
)
@pytest.mark.parametrize("quantity", [0, 1, 10, 11, 99, 100, 101, 12_345])
def test_our_price_in_stripes_words_charges_what_stripe_charges(
    scene: Scene, price: dict[str, object], quantity: int
) -> None:
    api = scene.api()
    product = api.create_product({"name": "x"}, "p")["id"]
    wanted = as_stripe(price, "USD")
    recurring = {"interval": "month", "usage_type": "licensed"}
    made = api.create_price({**wanted, "product": product, "currency": "usd", "recurring": recurring}, "k")
    assert is_same(wanted, api.price(made["id"]))
    assert charged(api.price(made["id"]), quantity) == rated(scene.stripe.catalogue.prices[made["id"]], quantity)
