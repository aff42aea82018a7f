"""Costs of the providers behind the calls: joined call by call, shared by what was used, and never counted twice."""

from datetime import date
from decimal import Decimal

import pytest

from tests.marts import bills
from tests.marts.bills import carried, charge, covers, line, publish, spoken
from tests.marts.test_first_bill import plan, voice_meter
from tests.marts.warehouse_of_one import Warehouse, call

AS_OF = date(2026, 3, 10)
DAY, NEXT = "2026-03-01", "2026-03-02"
Costs = dict[tuple[str | None, str, str], Decimal | None]


@pytest.fixture
def scene(warehouse: Warehouse) -> Warehouse:
    """ann and bob share the platform's Vapi account, cal has one of her own; each calls once on March 1."""
    bills.register(warehouse.connection)
    voice_meter(warehouse, "minutes", 60)
    plan(warehouse, "pro", "10", "minutes", "2026-01-01")
    for tenant in ("ann", "bob", "cal"):
        warehouse.tenant(tenant, DAY, plan_id="pro")
    warehouse.attach("ann", "vapi_phone_number", "n-ann", DAY)
    warehouse.attach("bob", "vapi_phone_number", "n-bob", DAY)
    warehouse.own_account("cal")
    return warehouse


def costs(warehouse: Warehouse, day: str = DAY) -> Costs:
    """By tenant, component and basis, of a day."""
    rows = warehouse.rows(
        "select tenant_id, component, basis, amount from marts.fct_costs_daily where usage_date = %s", day
    )
    found: Costs = {}
    for tenant, component, basis, amount in rows:
        so_far = found.get((tenant, component, basis), Decimal(0))
        found[tenant, component, basis] = None if amount is None or so_far is None else so_far + amount
    return found


def test_a_call_costs_what_its_carrier_says_with_legs_and_recordings_of_the_days_around_it(scene: Warehouse) -> None:
    scene.calls("platform", DAY, [
        spoken("a", "n-ann", 0) | {"transport": carried("CA1")},
        spoken("trunk", "n-bob", 0, transport="0.02") | {"transport": carried("CA9")},
    ])  # fmt: skip
    publish(scene, "carrier_bill", "platform", DAY, [line("telephony", "1.05")])
    publish(scene, "carrier_bill", "platform", NEXT, [line("telephony", "0.02")])
    publish(scene, "carrier_calls", "platform", DAY, [
        charge("CA1", "0.0085"), charge("CA2", "0.017", "CA1"), charge("XX", "0.5"),
        charge("RE1", "0.0025", "CA2", line_item="recording"), charge("RE2", "0.0025", "CA2", line_item="recording"),
    ])  # fmt: skip
    # A leg that began after midnight is of the call of the day before.
    publish(scene, "carrier_calls", "platform", NEXT, [charge("CA3", "0.01", "CA2")])
    scene.build(AS_OF)
    found = costs(scene)
    assert found["ann", "transport", "reported_by_provider"] == Decimal("0.0405")
    # Nobody's bill of ours has it: the voice provider used a trunk of its own.
    assert found["bob", "transport", "reported_by_voice"] == Decimal("0.02")
    # What is left costs the platform, on the provider's own days.
    assert found[None, "telephony", "reported_by_provider"] == Decimal("1.05") - Decimal("0.0305")
    assert costs(scene, NEXT) == {(None, "telephony", "reported_by_provider"): Decimal("0.01")}
    assert scene.rows("select call_ref from marts.fct_call_charges where call_id is null") == [("XX",)]
    assert scene.rows(
        "select usage_date::text, bill, joined, unattributed from marts.fct_bill_attribution order by 1"
    ) == [
        (DAY, Decimal("1.05"), Decimal("0.0305"), Decimal("1.0195")),
        (NEXT, Decimal("0.02"), Decimal("0.01"), Decimal("0.01")),
    ]


def test_of_two_numbers_for_one_call_the_carriers_counts_and_a_price_not_rated_yet_is_unknown(scene: Warehouse) -> None:
    scene.calls("platform", DAY, [
        spoken("both", "n-ann", 0, transport="0.03") | {"transport": carried("CA1")},
        spoken("pending", "n-bob", 0) | {"transport": carried("CA2")},
        spoken("unseen", "n-bob", 0) | {"transport": carried("CA3")},
    ])  # fmt: skip
    pending = charge("CA2", None, is_pending=True, quantity=2, quantity_unit="minute")
    publish(scene, "carrier_calls", "platform", DAY, [charge("CA1", "0.0085"), pending])
    scene.build(AS_OF)
    found = costs(scene)
    assert found["ann", "transport", "reported_by_provider"] == Decimal("0.0085")
    assert ("ann", "transport", "reported_by_voice") not in found
    assert found["bob", "transport", "unknown"] is None
    reasons = "select unknown_reason from marts.fct_costs_daily where tenant_id = 'bob' and component = 'transport'"
    assert {reason for (reason,) in scene.rows(reasons)} <= {"pending", "not_on_bill"}
    # A unit of it has a cost: it is estimated until it is rated. The other is on no bill.
    scene.put("control.provider_unit_costs", {
        "provider": "carrier", "unit": "minute", "valid_from": DAY, "unit_cost": "0.01", "currency": "USD",
    })  # fmt: skip
    scene.build(AS_OF)
    found = costs(scene)
    assert found["bob", "transport", "estimated"] == Decimal("0.02")
    assert found["bob", "transport", "unknown"] is None
    publish(scene, "carrier_calls", "platform", DAY, [
        charge("CA1", "0.0085"), charge("CA2", "0.017"), charge("CA3", "0.0085"),
    ])  # fmt: skip
    scene.build(AS_OF)
    assert costs(scene)["bob", "transport", "reported_by_provider"] == Decimal("0.0255")


def test_a_bill_is_shared_by_what_calls_used_to_the_last_digit(scene: Warehouse) -> None:
    covers(scene, "model", "models_bill", DAY)
    scene.calls("platform", DAY, [spoken("a", "n-ann", 100), spoken("a2", "n-ann", 0), spoken("b", "n-bob", 200)])
    scene.calls("cal", DAY, [spoken("c", "n-cal", 700)])
    before = Decimal("0.100000000000000001")
    scene.build(AS_OF)
    # Declared, and the bill of the day was not read.
    assert costs(scene)["ann", "model", "unknown"] is None
    publish(scene, "models_bill", "platform", DAY, [line("llm", str(before)), line("stt", "4")])
    scene.build(AS_OF)
    found = costs(scene)
    shares = [found[tenant, "model", "allocated"] for tenant in ("ann", "bob")]
    assert shares == [Decimal("0.033333333333"), before - Decimal("0.033333333333")]
    assert found[None, "stt", "reported_by_provider"] == Decimal(4)
    assert (None, "llm", "reported_by_provider") not in found
    # cal's calls are of her own account: only what is said of her covers them.
    assert found["cal", "model", "billed_elsewhere"] == 0
    covers(scene, "model", "models_bill", DAY, tenant="cal")
    scene.build(AS_OF)
    shares = [costs(scene)[tenant, "model", "allocated"] for tenant in ("ann", "bob", "cal")]
    assert shares == [Decimal("0.01"), before - Decimal("0.08"), Decimal("0.07")]
    # Restated: nothing else changed.
    publish(scene, "models_bill", "platform", DAY, [line("llm", "1")])
    scene.build(AS_OF)
    assert [costs(scene)[tenant, "model", "allocated"] for tenant in ("ann", "bob", "cal")] == [
        Decimal("0.1"), Decimal("0.2"), Decimal("0.7"),
    ]  # fmt: skip
    # And off again: the voice provider's 0 of what was used is no cost.
    covers(scene, "model", None, NEXT, tenant="cal")
    scene.connection.execute("delete from control.cost_coverage where valid_from = %s and tenant_id is null", [DAY])
    scene.build(AS_OF)
    found = costs(scene)
    assert found["ann", "model", "unknown"] is None
    assert found["cal", "model", "allocated"] == 1


def test_a_scope_of_a_tenants_is_its_alone_and_what_nobody_has_is_reported(scene: Warehouse) -> None:
    covers(scene, "model", "models_bill", DAY)
    scene.attach("ann", "models_project", "p-ann", DAY)
    scene.calls("platform", DAY, [spoken("a", "n-ann", 100), spoken("b", "n-bob", 200)])
    publish(scene, "models_bill", "platform", DAY, [
        line("llm", "3", scope_kind="models_project", scope_ref="p-ann"),
        line("llm", "5", scope_kind="models_project", scope_ref="p-shared"),
    ])  # fmt: skip
    scene.build(AS_OF)
    found = costs(scene)
    assert (found["ann", "model", "allocated"], found["bob", "model", "allocated"]) == (3, 5)
    # Without what they used it stays ann's day's, and the other is nobody's: bob's part of it is not known.
    scene.calls("platform", DAY, [spoken("a", "n-ann", 0), spoken("b", "n-bob", 0)])
    scene.build(AS_OF)
    found = costs(scene)
    assert found["ann", "llm", "reported_by_provider"] == 3
    assert found[None, "llm", "reported_by_provider"] == 5
    assert found["bob", "model", "unknown"] is None
    assert scene.rows(
        "select tenant_id, unattributed from marts.fct_bill_attribution order by tenant_id nulls first"
    ) == [(None, Decimal(5)), ("ann", None)]


def test_what_a_tenants_own_account_is_charged_is_shown_and_in_no_margin(scene: Warehouse) -> None:
    covers(scene, "model", "models_bill", DAY, tenant="ann", is_own=True)
    scene.calls("platform", DAY, [
        spoken("a", "n-ann", 100) | {"transport": carried("CA1")}, spoken("b", "n-bob", 200, transport="0.01"),
    ])  # fmt: skip
    publish(scene, "models_bill", "ann", DAY, [line("llm", "3")])
    publish(scene, "carrier_bill", "ann", DAY, [line("telephony", "1")])
    publish(scene, "carrier_calls", "ann", DAY, [charge("CA1", "0.0085")])
    scene.build(AS_OF)
    found = {key: amount for key, amount in costs(scene).items() if key[0] == "ann" and key[1] != "vapi"}
    assert found == {
        ("ann", "model", "billed_elsewhere"): Decimal(3),
        ("ann", "transport", "billed_elsewhere"): Decimal("0.0085"),
        ("ann", "telephony", "billed_elsewhere"): Decimal("0.9915"),
    }
    (row,) = scene.rows(
        "select cost, cost_billed_elsewhere from marts.fct_margin_daily where tenant_id = 'ann' and usage_date = %s",
        DAY,
    )
    assert row == (Decimal("0.05"), Decimal(4))


def test_credits_are_no_money_until_a_unit_of_them_has_a_cost(scene: Warehouse) -> None:
    covers(scene, "voice", "ears_bill", DAY)
    items = [{"type": "voice", "cost": 0, "characters": 100}, {"type": "vapi", "cost": Decimal("0.05")}]
    scene.calls("platform", DAY, [call("a", "60", phoneNumberId="n-ann", costs=items)])
    counted = line("tts", None, quantity=1000, quantity_unit="credits")
    publish(scene, "ears_bill", "platform", DAY, [counted])
    scene.build(AS_OF)
    assert costs(scene)["ann", "voice", "unknown"] is None
    assert (None, "tts", "unknown") not in costs(scene)
    scene.put("control.provider_unit_costs", {
        "provider": "ears", "unit": "credits", "valid_from": DAY, "unit_cost": "0.0003", "currency": "USD",
    })  # fmt: skip
    scene.build(AS_OF)
    assert costs(scene)["ann", "voice", "estimated"] == Decimal("0.3")


def test_two_currencies_of_one_bill_are_never_added(scene: Warehouse) -> None:
    publish(
        scene,
        "carrier_bill",
        "platform",
        DAY,
        [line("telephony", "1"), line("telephony", "150", currency="JPY", line_item="j")],
    )
    scene.build(AS_OF)
    assert sorted(scene.rows("select provider_amount, provider_currency from marts.fct_costs_daily")) == [
        (Decimal(1), "USD"), (Decimal(150), "JPY"),
    ]  # fmt: skip


def test_usage_cost_and_margin_are_told_by_campaign_and_sum_to_what_they_are_without(scene: Warehouse) -> None:
    """Carrier, shared bill, voice provider and estimate alike; calls of no campaign have rows of their own."""
    covers(scene, "model", "models_bill", DAY)
    scene.put("control.prices", {
        "plan_id": "pro", "meter_id": "minutes", "valid_from": "2026-01-01", "model": "per_unit", "unit_amount": "0.3",
    })  # fmt: skip
    scene.calls("platform", DAY, [
        spoken("a", "n-ann", 300, campaignId="spring") | {"transport": carried("CA1")},
        spoken("b", "n-ann", 100) | {"transport": carried("CA2")},
        spoken("c", "n-bob", 0, campaignId="spring", transport="0.02") | {"transport": carried("CA3")},
    ])  # fmt: skip
    publish(scene, "carrier_bill", "platform", DAY, [line("telephony", "1")])
    publish(scene, "carrier_calls", "platform", DAY, [charge("CA1", "0.01"), charge("CA2", "0.02")])
    publish(scene, "models_bill", "platform", DAY, [line("llm", "4")])
    scene.build(AS_OF)
    used = "select tenant_id, campaign_id, quantity from marts.fct_usage_daily order by 1, 2"
    assert scene.rows(used) == [("ann", "spring", 1), ("ann", None, 1), ("bob", "spring", 1)]
    costs_of = (
        "select tenant_id, campaign_id, component, amount from marts.fct_costs_daily"
        f" where usage_date = '{DAY}' and tenant_id is not null and amount <> 0 order by 1, 2, 3"
    )
    assert scene.rows(costs_of) == [
        ("ann", "spring", "model", 3), ("ann", "spring", "transport", Decimal("0.01")),
        ("ann", "spring", "vapi", Decimal("0.05")),
        ("ann", None, "model", 1), ("ann", None, "transport", Decimal("0.02")), ("ann", None, "vapi", Decimal("0.05")),
        ("bob", "spring", "transport", Decimal("0.02")), ("bob", "spring", "vapi", Decimal("0.05")),
    ]  # fmt: skip
    margins = (
        "select tenant_id, campaign_id, revenue, margin from marts.fct_margin_by_meter"
        f" where usage_date = '{DAY}' and meter_id = 'minutes' order by 1, 2"
    )
    assert scene.rows(margins) == [
        ("ann", "spring", Decimal("0.3"), Decimal("-2.76")), ("ann", None, Decimal("0.3"), Decimal("-0.77")),
        ("bob", "spring", Decimal("0.3"), Decimal("0.23")),
    ]  # fmt: skip
    whole = "select count(*), count(distinct (tenant_id, agent_id)), sum(calls) from marts.fct_call_days"
    assert scene.rows(whole) == [(2, 2, 3)]
