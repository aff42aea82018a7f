"""What a bill does not say of calls is unknown and named, and nothing counts twice: a day for each case."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.marts import bills
from tests.marts.bills import carried, charge, covers, line, publish, spoken
from tests.marts.test_first_bill import plan, voice_meter
from tests.marts.warehouse_of_one import Warehouse, call

AS_OF = date(2026, 3, 30)
Costs = dict[tuple[str | None, str], tuple[str, str | None, Decimal | None]]


def day(number: int) -> str:
    return f"2026-03-{number:02}"


@pytest.fixture
def scene(warehouse: Warehouse) -> Warehouse:
    """ann and bob share the platform's Vapi account, whose models are on its bill; cal has all of her own."""
    bills.register(warehouse.connection)
    voice_meter(warehouse, "minutes", 60)
    plan(warehouse, "pro", "10", "minutes", "2026-01-01")
    for tenant in ("ann", "bob", "cal"):
        warehouse.tenant(tenant, day(1), plan_id="pro")
        warehouse.attach(tenant, "vapi_phone_number", f"n-{tenant}", day(1))
    warehouse.own_account("cal")
    warehouse.put("control.unit_costs", {
        "meter_id": "minutes", "valid_from": day(1), "unit_cost": "0.10", "currency": "USD",
    })  # fmt: skip
    covers(warehouse, "model", "models_bill", day(1))
    return warehouse


def billed(warehouse: Warehouse, number: int, *lines: dict[str, Any], account: str = "platform") -> None:
    publish(warehouse, "models_bill", account, day(number), list(lines))


def costs(warehouse: Warehouse, number: int) -> Costs:
    """By tenant and component of a day: basis, why it is unknown, and amount. Each has one basis."""
    rows = warehouse.rows(
        "select tenant_id, component, basis, unknown_reason, amount from marts.fct_costs_daily"
        " where usage_date = %s and component <> 'vapi'", day(number),
    )  # fmt: skip
    found: Costs = {(tenant, component): (basis, reason, amount) for tenant, component, basis, reason, amount in rows}
    assert len(found) == len(rows)
    return found


def silent(call_id: str, number: str, **fields: Any) -> dict[str, Any]:
    """A minute's call of which the voice provider names no cost."""
    return call(call_id, "60", phoneNumberId=number, **fields)


def ann(warehouse: Warehouse, number: int, tokens: int = 100) -> None:
    warehouse.calls("platform", day(number), [spoken(f"a{number}", "n-ann", tokens, transport="0.01")])


UNKNOWN = ("unknown", "not_on_bill", None)


def test_only_a_line_of_the_service_says_what_its_calls_cost(scene: Warehouse) -> None:
    for number in range(1, 10):
        ann(scene, number)
    billed(scene, 1, line("stt", "4"))
    billed(scene, 2)
    billed(scene, 3, line("llm", "0"))
    billed(scene, 4, line("llm", "-0.25", line_item="credit"))
    billed(scene, 5, line("llm", "3"), line("llm", "-5", line_item="credit"))
    billed(scene, 6, line("llm", "3"), line("llm", "-1", line_item="credit"))
    billed(scene, 7, line("llm", "0"), line("llm", "9", line_item="byok", payer="external"))
    billed(scene, 8, line("llm", "150", currency="JPY"))
    scene.attach("bob", "models_project", "p-bob", day(9))
    billed(scene, 9, line("llm", "3", scope_kind="models_project", scope_ref="p-bob"))
    # Nothing was used, and nothing is on the bill.
    ann(scene, 10, tokens=0)
    billed(scene, 10, line("stt", "4"))
    # Another day at the provider than here.
    ann(scene, 11)
    billed(scene, 11)
    billed(scene, 12, line("llm", "2"))
    scene.build(AS_OF)
    found = {number: costs(scene, number) for number in range(1, 13)}
    assert {number: found[number]["ann", "model"] for number in range(1, 12)} == {
        1: UNKNOWN, 2: UNKNOWN, 3: ("allocated", None, Decimal(0)), 4: UNKNOWN, 5: ("allocated", None, Decimal(0)),
        6: ("allocated", None, Decimal(2)), 7: UNKNOWN, 8: ("allocated", "no_rate", None), 9: UNKNOWN,
        10: ("allocated", None, Decimal(0)), 11: UNKNOWN,
    }  # fmt: skip
    left = {number: amount for number in found if (amount := found[number].get((None, "llm")))}
    assert left == {
        4: ("reported_by_provider", None, Decimal("-0.25")), 5: ("reported_by_provider", None, Decimal(-2)),
        7: ("reported_by_provider", None, Decimal(0)), 12: ("reported_by_provider", None, Decimal(2)),
    }  # fmt: skip
    assert scene.rows("select margin from marts.fct_margin_monthly where tenant_id = 'ann'") == [(None,)]
    # Restated, to more and to fewer lines.
    billed(scene, 1, line("stt", "4"), line("llm", "7"))
    billed(scene, 6, line("stt", "1"))
    scene.build(AS_OF)
    assert costs(scene, 1)["ann", "model"] == ("allocated", None, Decimal(7))
    assert costs(scene, 6)["ann", "model"] == UNKNOWN


def test_beside_a_part_on_another_bill_a_call_is_never_estimated_as_a_whole(scene: Warehouse) -> None:
    covers(scene, "model", None, day(1), tenant="bob")
    scene.calls("platform", day(1), [
        silent("a1", "n-ann", transport=carried("CA1")), silent("b1", "n-bob", transport=carried("CA2")),
        silent("b2", "n-bob"),
    ])  # fmt: skip
    scene.calls("platform", day(2), [silent("a2", "n-ann", cost=Decimal("0.07")), spoken("b3", "n-bob", 1, "0.01")])
    scene.calls("platform", day(3), [silent("a3", "n-ann"), silent("b4", "n-bob")])
    scene.calls("cal", day(1), [silent("c1", "n-cal", transport=carried("CA3")), silent("c2", "n-cal")])
    publish(scene, "carrier_calls", "platform", day(1), [charge("CA1", "0.0085"), charge("CA2", "0.0085")])
    publish(scene, "carrier_calls", "cal", day(1), [charge("CA3", "0.0085")])
    for number in (1, 2, 3):
        billed(scene, number, line("llm", "5"))
    scene.build(AS_OF)
    nothing_else = ("unknown", "no_number", None)
    no_share = ("unknown", "no_quantity", None)
    price = ("reported_by_provider", None, Decimal("0.0085"))
    found = costs(scene, 1)
    assert (found["ann", "transport"], found["ann", "model"], found["ann", "call"]) == (price, no_share, nothing_else)
    # Of the two calls of bob's nobody's bill has a part of one, which is estimated.
    assert (found["bob", "transport"], found["bob", "call"]) == (price, nothing_else)
    assert found["bob", "minutes"] == ("estimated", None, Decimal("0.10"))
    assert ("ann", "minutes") not in found
    # In an account of the tenant's own the same is shown, outside of margin.
    assert {key[1]: one for key, one in found.items() if key[0] == "cal"} == {
        "transport": ("billed_elsewhere", None, Decimal("0.0085")),
        "minutes": ("billed_elsewhere", None, Decimal("0.10")),
    }
    # What the voice provider charges in all has no part of what is on another bill.
    assert costs(scene, 2)["ann", "total"] == ("reported_by_voice", None, Decimal("0.07"))
    assert costs(scene, 2)["ann", "model"] == no_share
    found = costs(scene, 3)
    assert (found["ann", "model"], found["ann", "call"]) == (no_share, nothing_else)
    assert found["bob", "minutes"] == ("estimated", None, Decimal("0.10"))


def test_whose_bill_it_is_changes_with_the_day(scene: Warehouse) -> None:
    covers(scene, "model", "models_bill", day(3), tenant="ann", is_own=True)
    scene.attach("ann", "models_project", "p-ann", day(2))
    for number in (1, 2, 3):
        scene.calls("platform", day(number), [
            spoken(f"a{number}", "n-ann", 100, "0.01"), spoken(f"b{number}", "n-bob", 300, "0.01"),
        ])  # fmt: skip
        billed(scene, number, line("llm", "4", scope_kind="models_project", scope_ref="p-ann"), line("llm", "8"))
        # Her key is read before it is said that her calls use it: then it has none of theirs.
        billed(scene, number, line("llm", "3"), account="ann")
    scene.build(AS_OF)
    allocated = {
        number: {tenant: costs(scene, number)[tenant, "model"] for tenant in ("ann", "bob")} for number in (1, 2, 3)
    }
    assert allocated[1] == {"ann": ("allocated", None, Decimal(3)), "bob": ("allocated", None, Decimal(9))}
    assert allocated[2] == {"ann": ("allocated", None, Decimal(4)), "bob": ("allocated", None, Decimal(8))}
    assert allocated[3] == {"ann": ("billed_elsewhere", None, Decimal(3)), "bob": ("allocated", None, Decimal(8))}
    # What her project was charged in the platform's account is hers all the same, and not her calls'.
    assert costs(scene, 3)["ann", "llm"] == ("reported_by_provider", None, Decimal(4))
    # In all what the bills came to, on every day.
    of_bills = "select usage_date, sum(amount) from marts.fct_costs_daily where source = 'models_bill' group by 1"
    assert sorted(scene.rows(of_bills)) == [(date(2026, 3, number), Decimal(15)) for number in (1, 2, 3)]
