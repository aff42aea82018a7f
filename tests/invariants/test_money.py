"""Invariants 6 and 7 of the design: nothing used is lost between tenant and price, and what is approved stays."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from orchestration.marts.building import build
from tests.marts.warehouse_of_one import Warehouse, opened
from tests.money.acme import FEBRUARY_3, LINE, scan, write_acme
from tests.oracle.worlds.loading import load
from tests.oracle.worlds.months import World, generated
from warehouse.control.errors import PeriodApproved
from warehouse.control.prices import Model, Price, put_price
from warehouse.database.connect import Role, connect
from warehouse.statements.approval import Scope, approve
from warehouse.statements.periods import Month

RAW = """
select source, sum(quantity) from (
    select p.source, m.quantity from raw_usage_metrics.metrics as m join ledger.pulls as p using (pull_id)
    where p.state = 'published'
    union all
    select p.source, u.quantity from raw_voiceflow.usage as u join ledger.pulls as p using (pull_id)
    where p.state = 'published' and u.metric = 'interactions'
) as told group by source
"""
BILLED_OR_REPORTED = """
select source, sum(quantity) from (
    select source, quantity from marts.fct_usage_daily where unbilled_reason is null
    union all
    select source, quantity from marts.fct_unbilled_usage
    where reason <> 'unpriced' or not exists (
        select 1 from marts.fct_overages_daily as o
        where o.tenant_id = fct_unbilled_usage.tenant_id and o.meter_id = fct_unbilled_usage.meter_id
            and o.usage_date = fct_unbilled_usage.usage_date
    )
) as counted where source <> 'vapi' group by source
"""


@pytest.fixture
def warehouse(database_url: str, dbt_home: Path) -> Iterator[Warehouse]:
    found = opened(database_url, dbt_home)
    with found.connection:
        yield found


def test_06_each_usage_row_has_one_tenant_and_one_price_or_is_reported(database_url: str, dbt_home: Path) -> None:
    world: World = generated(6, 60)
    with connect(database_url, Role.OWNER, autocommit=True) as connection:
        load(connection, world)
        build(database_url, dbt_home, world.as_of)
        assert _sums(connection, RAW) == _sums(connection, BILLED_OR_REPORTED)
        lost = connection.execute(
            "select count(*) from marts.fct_calls as c where c.tenant_id is null and not exists ("
            " select 1 from marts.fct_unbilled_usage as u where u.reason = 'unattributed' and u.source = 'vapi'"
            " and u.usage_date = c.usage_date)"
        ).fetchone()
        assert lost == (0,)
        calls = connection.execute(
            "select count(*) from raw_vapi.calls join ledger.pulls as p using (pull_id) where p.state = 'published'"
        ).fetchone()
        assert calls == connection.execute("select count(distinct call_id) from marts.fct_calls").fetchone()
        assert calls == connection.execute("select count(*) from marts.fct_calls").fetchone()


def test_07_changing_a_price_never_changes_an_approved_line(warehouse: Warehouse) -> None:
    write_acme(warehouse)
    scan(warehouse, "2026-01-10", 6)
    warehouse.build(FEBRUARY_3)
    with connect(warehouse.url, Role.OPERATOR, actor="finance") as operator:
        (row,) = approve(
            operator,
            Scope(Month.parse("2026-01"), ["acme"]),
            "finance",
            today=FEBRUARY_3,
            override="its gaps are meant",
        )
    assert row.result == "approved", row
    approved = warehouse.rows("select * from ledger.statement_lines")
    with connect(warehouse.url, Role.OPERATOR, actor="finance") as operator:
        dear = Price("scans", row.period_start, Model.PER_UNIT, plan_id="basic", unit_amount=Decimal(9))
        with pytest.raises(PeriodApproved):
            put_price(operator, dear)
        operator.rollback()
    # Even by somebody who writes past the command line.
    warehouse.connection.execute("update control.prices set tiers = null, model = 'per_unit', unit_amount = 9")
    warehouse.build(FEBRUARY_3, full_refresh=True)
    assert warehouse.rows("select * from ledger.statement_lines") == approved
    assert warehouse.rows("select amount from marts.fct_statement_lines where line_id = %s", LINE) == [
        (Decimal("0.47"),)
    ]  # fmt: skip


def _sums(connection: psycopg.Connection[Any], query: str) -> dict[str, Decimal]:
    return {source: Decimal(quantity) for source, quantity in connection.execute(query).fetchall()}  # type: ignore[arg-type]
