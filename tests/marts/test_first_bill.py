"""Known figures: a real day of a real account, and the platform's own published pricing example."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.marts.warehouse_of_one import Warehouse, call

pytestmark = pytest.mark.unbuilt
AS_OF = date(2026, 4, 3)
REAL_DAY = Path(__file__).parents[3] / "shared" / "payloads" / "vapi" / "get_call_list_one_day_real.json"


def voice_meter(warehouse: Warehouse, meter_id: str, increment_seconds: int, minimum_seconds: int = 0) -> None:
    warehouse.put("control.meters", {
        "meter_id": meter_id, "name": meter_id, "unit": "unit", "source": "vapi",
        "increment_seconds": increment_seconds, "minimum_seconds": minimum_seconds,
    })  # fmt: skip


def plan(warehouse: Warehouse, plan_id: str, fee: str, voice_meter_id: str | None, valid_from: str) -> None:
    warehouse.put("control.plans", {"plan_id": plan_id, "name": plan_id, "currency": "USD"})
    warehouse.put("control.plan_terms", {
        "plan_id": plan_id, "valid_from": valid_from, "subscription_fee": fee, "voice_meter_id": voice_meter_id,
    })  # fmt: skip


@pytest.mark.skipif(not REAL_DAY.exists(), reason="the real payloads are not beside this checkout")
def test_a_real_day_gives_its_known_figures(warehouse: Warehouse) -> None:
    for seconds in (60, 30, 6, 1):
        voice_meter(warehouse, f"by_{seconds}_seconds", seconds)
    plan(warehouse, "pro", "100", "by_60_seconds", "2026-01-01")
    warehouse.put("control.prices", {
        "plan_id": "pro", "meter_id": "by_60_seconds", "valid_from": "2026-01-01", "model": "per_unit",
        "unit_amount": "0.25",
    })  # fmt: skip
    warehouse.tenant("acme", "2026-02-01", plan_id="pro")
    calls = json.loads(REAL_DAY.read_text(), parse_float=Decimal)
    warehouse.attach("acme", "vapi_phone_number", calls[0]["phoneNumberId"], "2026-02-01")
    warehouse.calls("platform", "2026-02-18", calls)

    warehouse.build(AS_OF)

    assert warehouse.rows(
        "select count(*), count(*) filter (where outcome = 'connected'), sum(connected_seconds), sum(cost)"
        " from marts.fct_calls where tenant_id = 'acme' and agent_id = 'acme-agent'"
    ) == [(52, 45, Decimal("1757.051"), Decimal("2.88852872166666664809"))]
    assert warehouse.rows(
        "select key, sum(value::int) from marts.fct_calls, jsonb_each_text(units) group by key order by 2"
    ) == [("by_60_seconds", 58), ("by_30_seconds", 85), ("by_6_seconds", 319), ("by_1_seconds", 1781)]
    assert dict(warehouse.rows(
        "select component, round(sum(amount), 8) from marts.fct_costs_daily"
        " where tenant_id = 'acme' and basis = 'reported_by_voice' group by component"
    )) == {
        "transcriber": Decimal("0.30451230"), "model": Decimal("0.09129300"), "voice": Decimal("0.62965000"),
        "vapi": Decimal("1.46421000"), "voicemail-detection": Decimal("0.01229623"),
        "analysis": Decimal("0.38656720"), "knowledge-base": Decimal(0), "total": Decimal(0),
    }  # fmt: skip
    rounded_by_vapi = "select sum((payload ->> 'cost')::numeric) from raw_vapi.calls"
    assert warehouse.rows(rounded_by_vapi) == [(Decimal("2.8886"),)]
    assert warehouse.rows("select usage_date, quantity, row_count, unbilled_reason from marts.fct_usage_daily") == [
        (date(2026, 2, 18), 58, 45, None)
    ]
    assert warehouse.rows(
        "select subscription, overage, total, is_complete from marts.fct_statements where period_start = '2026-02-01'"
    ) == [(Decimal("100.00"), Decimal("14.50"), Decimal("114.50"), False)]
    assert dict(warehouse.rows(
        "select status, count(*) from marts.fct_tenant_day_status group by status"
    )) == {"usage": 1, "not pulled": 60}  # fmt: skip


def test_the_published_example_comes_out_to_the_cent(warehouse: Warehouse) -> None:
    """$249 a month; 10 OCR scans at $0.075, 100 free lookups, 400 minutes at $0.10 to $0.30, $25 of shared cost."""
    for kind in ("scan", "lookup"):
        warehouse.put("control.meters", {
            "meter_id": f"{kind}s", "name": kind, "unit": kind, "source": "usage_metrics", "item": kind,
        })  # fmt: skip
    for name, unit_cost in (("low", "0.10"), ("high", "0.30")):
        voice_meter(warehouse, f"minutes_{name}", 60)
        plan(warehouse, name, "249", f"minutes_{name}", "2026-01-01")
        warehouse.put("control.unit_costs", {
            "meter_id": f"minutes_{name}", "valid_from": "2026-01-01", "unit_cost": unit_cost, "currency": "USD",
        })  # fmt: skip
        for meter_id, allowance in ((f"minutes_{name}", 400), ("scans", 10), ("lookups", 100)):
            warehouse.put("control.allowances", {
                "plan_id": name, "meter_id": meter_id, "valid_from": "2026-01-01", "quantity": allowance,
            })  # fmt: skip
            warehouse.put("control.prices", {
                "plan_id": name, "meter_id": meter_id, "valid_from": "2026-01-01", "model": "per_unit",
                "unit_amount": "0.50",
            })  # fmt: skip
        warehouse.tenant(name, "2026-03-01", plan_id=name)
        warehouse.attach(name, "vapi_phone_number", f"number-{name}", "2026-03-01")
        warehouse.attach(name, "usage_agent", f"usage-{name}", "2026-03-01")
        for day in range(1, 32):
            rows = [(f"usage-{name}", "scan", 10, "0.75"), (f"usage-{name}", "lookup", 100, "0")] if day == 9 else []
            warehouse.metrics(name, f"2026-03-{day:02}", rows)
    # 400 minutes each, of calls that Vapi names no cost for.
    warehouse.calls("platform", "2026-03-01", [
        call(f"{name}-{number}", "6000", phoneNumberId=f"number-{name}")
        for name in ("low", "high") for number in range(4)
    ])  # fmt: skip
    for day in range(2, 32):
        warehouse.calls("platform", f"2026-03-{day:02}", [])
    warehouse.put("control.fixed_costs", {
        "fixed_cost_id": "hosting", "valid_from": "2026-01-01", "name": "hosting", "monthly_amount": "50",
        "currency": "USD",
    })  # fmt: skip

    warehouse.build(AS_OF)

    assert warehouse.rows(
        "select tenant_id, revenue, round(cost, 2), round(margin, 2), margin_percent, completeness, is_complete"
        " from marts.fct_margin_monthly where period_start = '2026-03-01' order by 1 desc"
    ) == [
        ("low", Decimal(249), Decimal("65.75"), Decimal("183.25"), Decimal("73.59"), "with estimates", True),
        ("high", Decimal(249), Decimal("145.75"), Decimal("103.25"), Decimal("41.47"), "with estimates", True),
    ]
    daily = (
        "select round(sum(margin), 2) from marts.fct_margin_daily where tenant_id = 'low' and usage_date < '2026-04-01'"
    )
    assert warehouse.rows(daily) == [(Decimal("183.25"),)]
    assert (
        warehouse.rows("select total from marts.fct_statements where period_start = '2026-03-01'")
        == [(Decimal("249.00"),)] * 2
    )
    assert warehouse.rows("select * from marts.fct_unbilled_usage") == []
