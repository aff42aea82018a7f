"""One tenant's counts, costs and texts, as large and odd as a provider may send them, stop nobody's bill."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from orchestration.marts.building import build_after_posting
from tests.marts.test_first_bill import AS_OF, plan, voice_meter
from tests.marts.warehouse_of_one import Warehouse, call
from warehouse.control.prices import Model, Price
from warehouse.database.connect import Role, connect
from warehouse.statements import forecast
from warehouse.statements.approval import Scope, approve
from warehouse.statements.explain import explain
from warehouse.statements.periods import Month
from warehouse.stripe import postings

LARGEST = 2**63 - 1
HUGE = Decimal("1E+400000")


def two_tenants(warehouse: Warehouse) -> None:
    """odd and even on one plan; even uses 3 scans a day and is billed as ever."""
    voice_meter(warehouse, "minutes", 60)
    warehouse.put("control.meters", {
        "meter_id": "scans", "name": "Scans", "unit": "scan", "source": "usage_metrics", "item": "scan",
        "stripe_event_name": "scans",
    }, {"meter_id": "chats", "name": "Chats", "unit": "interaction", "source": "voiceflow",
        "item": "interactions"})  # fmt: skip
    plan(warehouse, "pro", "0", "minutes", "2026-01-01")
    for meter in ("minutes", "scans", "chats"):
        warehouse.put("control.prices", {
            "plan_id": "pro", "meter_id": meter, "valid_from": "2026-01-01", "model": "per_unit", "unit_amount": "1",
        })  # fmt: skip
    for tenant in ("odd", "even"):
        warehouse.tenant(tenant, "2026-03-01", plan_id="pro")
        warehouse.attach(tenant, "usage_agent", f"{tenant}-robot", "2026-03-01")
        warehouse.attach(tenant, "vapi_phone_number", f"{tenant}-number", "2026-03-01")
        warehouse.attach(tenant, "voiceflow_project", f"{tenant}-project", "2026-03-01")
    warehouse.metrics("even", "2026-03-01", [("even-robot", "scan", 3, "0.03")])


def total(warehouse: Warehouse, tenant: str) -> Decimal:
    ((amount,),) = warehouse.rows(
        "select total from marts.fct_statements where tenant_id = %s and period_start = '2026-03-01'", tenant
    )
    return Decimal(amount)


def test_sums_beyond_what_an_integer_holds_are_exact_for_their_tenant_and_nothing_to_others(
    warehouse: Warehouse,
) -> None:
    two_tenants(warehouse)
    for day in ("2026-03-01", "2026-03-02"):
        warehouse.metrics("odd", day, [("odd-robot", "scan", LARGEST, None)] * 2)
        warehouse.interactions("odd", day, "odd-project", [("dialog-management", LARGEST)] * 2)

    warehouse.build(AS_OF)

    assert total(warehouse, "even") == 3
    assert total(warehouse, "odd") == 8 * LARGEST
    assert warehouse.rows(
        "select quantity, cumulative_quantity, overage_quantity from marts.fct_line_days"
        " where meter_id = 'scans' and tenant_id = 'odd' order by usage_date"
    ) == [(2 * LARGEST, 2 * LARGEST, 2 * LARGEST), (2 * LARGEST, 4 * LARGEST, 2 * LARGEST)]


def test_large_counts_are_forecast_simulated_explained_approved_and_offered_to_stripe(warehouse: Warehouse) -> None:
    two_tenants(warehouse)
    for day in ("2026-03-01", "2026-03-20"):
        warehouse.metrics("odd", day, [("odd-robot", "scan", LARGEST, None)] * 2)
    warehouse.connection.execute(
        "update control.tenants set stripe_customer_id = 'cus_' || tenant_id,"
        " feature_flags = '{\"stripe_posting\": true}' where not is_canary"
    )
    warehouse.build(AS_OF)

    with connect(warehouse.url, Role.BILLING, autocommit=True) as billing:
        due = [row for page in postings.due(billing, AS_OF) for row in page]
        committed = postings.commit(billing, due, datetime(2026, 4, 3, tzinfo=UTC))
    assert {row.tenant_id: row.value for row in committed} == {"even": 3, "odd": 2 * LARGEST}
    build_after_posting(warehouse.url, warehouse.home, AS_OF)
    assert warehouse.rows("select sum(ours), sum(posted) from marts.fct_reconciliation") == [(2 * LARGEST + 3, 0)]
    with connect(warehouse.url, Role.OPERATOR, autocommit=True) as operator:
        march = Month.parse("2026-03")
        price = Price("scans", date(2026, 3, 1), Model.PER_UNIT, plan_id="pro", unit_amount=Decimal(2))
        assert {row["tenant_id"]: row["simulated_amount"] for row in forecast.simulate(operator, price, march)} == {
            "even": 6, "odd": 8 * LARGEST,
        }  # fmt: skip
        assert {one.tenant_id for one in forecast.forecast(operator, AS_OF)} == {"odd", "even"}
        line = explain(operator, "odd/2026-03-01/overage/scans")
        assert (line.line["quantity"], line.faults) == (4 * LARGEST, [])
        scope = Scope(march, ["even", "odd"])
        outcomes = approve(operator, scope, "fin", today=AS_OF, override="made by hand")
        assert {one.result for one in outcomes} == {"approved"}, outcomes
        assert explain(operator, "odd/2026-03-01/overage/scans").faults == []
    assert warehouse.rows("select sum(quantity) from ledger.line_days") == [(4 * LARGEST + 3,)]


def test_a_cost_that_is_no_amount_of_money_is_unknown_and_stops_nobody(warehouse: Warehouse) -> None:
    two_tenants(warehouse)
    odd: list[dict[str, Any]] = [
        {"cost": HUGE, "costs": [{"type": "llm", "cost": HUGE}]},
        {"cost": Decimal("1E-400000")},
        {"cost": "0.5", "costs": {"type": "llm"}},
        {"cost": True, "costs": [3, None, {"cost": "x"}, {"type": None, "cost": HUGE}]},
    ]
    calls = [call(f"odd {place}", "61", phoneNumberId="odd-number", **fields) for place, fields in enumerate(odd)]
    warehouse.calls(
        "platform", "2026-03-01", [*calls, call("even", "61", phoneNumberId="even-number", cost=Decimal("0.2"))]
    )
    warehouse.metrics("odd", "2026-03-01", [("odd-robot", "scan", 1, "1e400000")])

    warehouse.build(AS_OF)

    assert (total(warehouse, "odd"), total(warehouse, "even")) == (9, 5)
    assert warehouse.rows("select distinct tenant_id, amount from marts.fct_costs_daily where source = 'vapi'") == [
        ("even", Decimal("0.2")), ("odd", None),
    ]  # fmt: skip


def test_what_a_model_made_of_a_call_stops_nobody(warehouse: Warehouse) -> None:
    two_tenants(warehouse)
    said = {"huge": HUGE, "long": int("9" * 300), "sound": 'an id 4e51234, "quoted" \\'}
    calls = [
        call(name, "61", phoneNumberId="odd-number", artifact={"structuredOutputs": {"o": {"name": "x", "result": of}}})
        for name, of in said.items()
    ]
    warehouse.calls("platform", "2026-03-01", [*calls, call("even", "61", phoneNumberId="even-number")])

    warehouse.build(AS_OF)

    assert total(warehouse, "even") == 5
    found = warehouse.rows("select call_id, outputs #>> '{o,result}' from marts.fct_call_results order by 1")
    assert found == [("even", None), ("huge", None), ("long", None), ("sound", said["sound"])]


def test_a_text_that_is_no_time_stops_nobody(warehouse: Warehouse) -> None:
    two_tenants(warehouse)
    pull_id = warehouse._publish("voiceflow_transcripts", "odd", "2026-03-01", 1, False)
    warehouse.put("raw_voiceflow.transcripts", {
        "account": "odd", "tenant_id": "odd", "usage_date": "2026-03-01", "pull_id": pull_id, "transcript_id": "t",
        "project_id": "odd-project", "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:00Z",
        "payload": '{"expiresAt": "soon", "sessionID": 4}',
    })  # fmt: skip

    warehouse.build(AS_OF)

    assert total(warehouse, "even") == 3
    assert warehouse.rows("select count(*) from staging.stg_voiceflow__transcripts") == [(1,)]
