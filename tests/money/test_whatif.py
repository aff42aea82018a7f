"""Other prices over a past period, and where the running one ends."""

from datetime import date
from decimal import Decimal

from tests.marts.warehouse_of_one import Warehouse
from tests.money.acme import scan, write_acme
from warehouse.control.prices import Model, Price, Tier
from warehouse.database.connect import Role, connect
from warehouse.statements.explain import explain
from warehouse.statements.forecast import forecast, simulate
from warehouse.statements.periods import Month

JANUARY_11 = date(2026, 1, 11)


def test_a_simulated_price_shows_the_difference_and_a_forecast_states_what_it_assumed(warehouse: Warehouse) -> None:
    write_acme(warehouse, included=10, fee="31")
    for day in range(1, 11):
        scan(warehouse, f"2026-01-{day:02}", 2)
    scan(warehouse, "2026-01-11", 1000)  # the day still runs
    scan(warehouse, "2026-01-10", 8)
    warehouse.build(JANUARY_11)
    with connect(warehouse.url, Role.OPERATOR) as operator:
        proposed = Price("scans", JANUARY_11, Model.PER_UNIT, plan_id="basic", unit_amount=Decimal("0.1"))
        (row,) = simulate(operator, proposed, Month.parse("2026-01"))
        bounded = Price("scans", JANUARY_11, Model.VOLUME, tenant_id="acme", tiers=(Tier(1000, Decimal("0.5")),))
        (above,) = simulate(operator, bounded, Month.parse("2026-01"))
        assert not simulate(operator, proposed, Month.parse("2026-02"))
        (found,) = forecast(operator, JANUARY_11)
        explained = explain(operator, "acme/2026-01-01/overage/scans")
    assert (row["overage_quantity"], row["billed_amount"]) == (1016, Decimal("64.85"))
    assert (row["simulated_amount"], row["difference"]) == (Decimal("101.60"), Decimal("36.75"))
    assert above["simulated_amount"] == Decimal("500.00")
    # 26 units in 10 finished days; 2.6 a day for the 21 days from the 11th: 26 + 54.6 = 81 (rounded), 71 above 10.
    assert (found.meters[0]["quantity_so_far"], found.meters[0]["quantity"]) == (26, 81)
    assert found.overage == Decimal("4.61")  # 2 × 0.105 + 69 × 0.06375 = 4.60875
    assert found.total == Decimal("35.61")
    assert not explained.faults
    assert [day["overage_quantity"] for day in explained.days][4:6] == [0, 2]
    assert sum(day["amount"] for day in explained.days) == Decimal("64.85250")
