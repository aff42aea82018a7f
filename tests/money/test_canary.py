"""The known-answer tenant: right as built, red as soon as something that rates it changes."""

from datetime import date
from decimal import Decimal

from tests.marts.warehouse_of_one import Warehouse
from warehouse import canary
from warehouse.connect import Role, connect


def test_the_canarys_statement_is_as_it_was_worked_out_by_hand_and_a_change_is_seen(warehouse: Warehouse) -> None:
    assert canary.install(warehouse.url, "tests")
    assert not canary.install(warehouse.url, "tests")
    warehouse.build(date(2026, 1, 1))
    with connect(warehouse.url, Role.TRANSFORMER, autocommit=True) as reader:
        assert canary.differences(reader) == []
        assert warehouse.rows("select total from marts.fct_statements where tenant_id = 'canary' and total <> 0") == [
            (Decimal("648.28"),)
        ]  # fmt: skip
        assert not warehouse.rows("select 1 from marts.fct_tenant_day_status where status = 'not pulled'")
        warehouse.connection.execute("update raw_usage_metrics.metrics set quantity = quantity + 1")
        warehouse.build(date(2026, 1, 1), full_refresh=True)
        wrong = [(row["meter_id"], row["computed_quantity"]) for row in canary.differences(reader)]
        assert wrong == [(None, 1), ("canary_scans", 8)]
