"""What review holds against a statement that is complete."""

from datetime import date

from tests.marts.warehouse_of_one import Warehouse
from tests.money.acme import scan, write_acme
from warehouse import periods
from warehouse.connect import Role, connect
from warehouse.periods import Month


def test_a_statement_that_moved_and_a_total_that_disagrees_block_approval(warehouse: Warehouse) -> None:
    write_acme(warehouse, fee="10")
    today = date(2026, 4, 2)
    for month, quantity in (("2026-01", 100), ("2026-02", 110), ("2026-03", 900)):
        pull = scan(warehouse, f"{month}-10", quantity)
    warehouse.connection.execute(
        """update ledger.pulls set totals = '{"rows": 1}', provider_totals = '{"rows": 2}' where pull_id = %s""", [pull]
    )
    warehouse.build(today)
    with connect(warehouse.url, Role.OPERATOR) as operator:
        found = {
            month: [one.what for one in periods.blockers(operator, row, today)]
            for month in ("2026-01", "2026-02", "2026-03")
            for row in periods.statements(operator, Month.parse(month))
        }
    assert not [what for what in found["2026-02"] if what.startswith("moved")]
    assert "usage_metrics says rows 2 on 2026-03-10, its rows say 1" in found["2026-03"]
    assert "moved from 17.10 to 67.46 USD (+295 %)" in found["2026-03"]
