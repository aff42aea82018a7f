"""What reaches an approved period later: adjustment lines, once, with their own service period and the pulls behind."""

from datetime import date
from decimal import Decimal

import pytest

from tests.marts.warehouse_of_one import Warehouse
from tests.money.acme import FEBRUARY_3, LINE, MARCH_3, scan, write_acme
from warehouse.control.errors import PeriodApproved
from warehouse.control.prices import Model, Price, put_price
from warehouse.database.connect import Role, connect
from warehouse.statements import approval, periods
from warehouse.statements.approval import Outcome, Scope
from warehouse.statements.explain import explain
from warehouse.statements.periods import Month

ADJUSTMENTS = (
    "select line_id, period_start, quantity, amount, service_period_start, corrects_line_id"
    " from marts.fct_statement_lines where line_kind = 'adjustment' order by line_id"
)


def approve(warehouse: Warehouse, month: str, today: date) -> Outcome:
    with connect(warehouse.url, Role.OPERATOR, actor="finance") as operator:
        (outcome,) = approval.approve(
            operator, Scope(Month.parse(month), ["acme"]), "finance", today=today, override="its gaps are meant"
        )
    assert outcome.result == "approved", outcome
    return outcome


def test_an_approved_month_is_corrected_by_the_difference_once_and_explained(warehouse: Warehouse) -> None:
    write_acme(warehouse)
    scan(warehouse, "2026-01-10", 2)
    warehouse.build(FEBRUARY_3)
    first = approve(warehouse, "2026-01", FEBRUARY_3)
    approved = warehouse.rows("select * from ledger.statement_lines order by line_id")
    pull = scan(warehouse, "2026-01-10", 6)
    warehouse.connection.execute("update ledger.pulls set closed_at = now() where pull_id = %s", [pull])
    for _ in range(2):
        warehouse.build(FEBRUARY_3)
        assert warehouse.rows(ADJUSTMENTS) == [(
            "acme/2026-02-01/adjustment/2026-01-01/overage/scans", date(2026, 2, 1), 4, Decimal("0.26"),
            date(2026, 1, 1), LINE,
        )]  # fmt: skip
    assert warehouse.rows("select revenue from marts.fct_margin_monthly order by period_start") == [
        (Decimal("0.47"),), (Decimal(0),)
    ]  # fmt: skip

    with connect(warehouse.url, Role.OPERATOR) as operator:
        explained = explain(operator, "acme/2026-02-01/adjustment/2026-01-01/overage/scans")
        assert [row["pull_id"] for row in explained.changed_pulls] == [pull]
        line = explain(operator, LINE)
    assert (line.line["amount"], line.corrections[0]["amount"], line.faults) == (Decimal("0.21"), Decimal("0.26"), [])
    assert [(day["overage_quantity"], day["amount"]) for day in line.days] == [(2, Decimal("0.210"))], "as frozen"
    assert [(one["object_id"], one["quantity"], one["provider_cost"]) for one in line.objects] == [
        ("bot/ocr/2026-01-10T12:00:00.000000Z", 2, Decimal("0.01"))
    ]
    assert [(day["overage_quantity"], day["amount"]) for day in explained.days] == [(6, Decimal("0.46500"))]
    assert (explained.days_before, explained.faults) == (line.days, [])

    warehouse.build(MARCH_3)
    approve(warehouse, "2026-02", MARCH_3)
    scan(warehouse, "2026-01-10", 0)
    warehouse.connection.execute("delete from raw_usage_metrics.metrics where pull_id = %s", [pull])
    warehouse.build(MARCH_3)
    with connect(warehouse.url, Role.OPERATOR) as operator:
        again = explain(operator, "acme/2026-02-01/adjustment/2026-01-01/overage/scans")
        assert (again.days, again.objects, again.days_before, again.changed_pulls, again.faults) == (
            explained.days, explained.objects, explained.days_before, explained.changed_pulls, []
        ), "purged and pulled again, a frozen adjustment is explained as before"  # fmt: skip
        last = explain(operator, "acme/2026-03-01/adjustment/2026-01-01/overage/scans")
        assert ([day["overage_quantity"] for day in last.days_before], last.days, last.faults) == ([6], [], [])
    assert warehouse.rows(ADJUSTMENTS)[1][1:5] == (date(2026, 3, 1), -6, Decimal("-0.47"), date(2026, 1, 1))
    assert warehouse.rows("select * from ledger.statement_lines where period_start = '2026-01-01'") == approved

    with connect(warehouse.url, Role.OPERATOR, actor="finance") as operator:
        with pytest.raises(PeriodApproved, match="January 2026 of tenant acme"):
            put_price(
                operator, Price("scans", date(2026, 1, 1), Model.PER_UNIT, tenant_id="acme", unit_amount=Decimal(9))
            )
        operator.rollback()
        (row,) = periods.periods_of(operator, Month.parse("2026-02"))
        periods.reopen(operator, row, "finance", "wrong news")
        (row,) = periods.periods_of(operator, Month.parse("2026-01"))
        assert row["manifest_hash"] == first.manifest_hash
        periods.reopen(operator, row, "finance", "agreed with the tenant")
    warehouse.build(MARCH_3)
    assert warehouse.rows(ADJUSTMENTS) == []
    trail = warehouse.rows(
        "select after ->> 'reason', actor from ledger.audit_log"
        " where object_table = 'ledger.periods' and after ->> 'state' = 'in_review' and before ->> 'state' = 'approved'"
        " order by entry_id"
    )
    assert trail == [("wrong news", "finance"), ("agreed with the tenant", "finance")]


def test_an_approved_month_computed_again_from_raw_has_the_same_bytes(warehouse: Warehouse) -> None:
    write_acme(warehouse, included=3, fee="100")
    for day in (4, 9, 31):
        scan(warehouse, f"2026-01-{day:02}", day)
    warehouse.build(FEBRUARY_3)
    frozen = approve(warehouse, "2026-01", FEBRUARY_3)
    before = warehouse.rows("select to_jsonb(l) - 'frozen_at' from ledger.statement_lines as l order by line_id")
    with connect(warehouse.url, Role.OPERATOR, actor="finance") as operator:
        (row,) = periods.periods_of(operator, Month.parse("2026-01"))
        periods.reopen(operator, row, "finance", "to compute it again")
    warehouse.build(MARCH_3, full_refresh=True)
    again = approve(warehouse, "2026-01", MARCH_3)
    assert again.manifest_hash == frozen.manifest_hash
    after = warehouse.rows("select to_jsonb(l) - 'frozen_at' from ledger.statement_lines as l order by line_id")
    assert after == before
    warehouse.connection.execute("update ledger.statement_lines set amount = amount + 1 where line_kind = 'overage'")
    with connect(warehouse.url, Role.OPERATOR) as operator:
        assert [broken["tenant_id"] for broken in periods.broken_seals(operator)] == ["acme"]
