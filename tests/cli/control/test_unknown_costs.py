"""A margin of which a cost is not known: no number, the reason, and the command that gives it one."""

import json
import shlex
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Minutebook
from tests.marts.warehouse_of_one import Warehouse, call, opened
from warehouse.clock import today
from warehouse.control import costs as control_costs
from warehouse.control.errors import PeriodApproved
from warehouse.database.connect import Role, connect


@pytest.fixture
def warehouse(database_url: str, dbt_home: Path) -> Iterator[Warehouse]:
    found = opened(database_url, dbt_home)
    with found.connection:
        yield found


def write_scene(warehouse: Warehouse) -> None:
    """euro is billed in EUR; keys is on the platform's Vapi account, owner in one of its own."""
    for currency, plan in (("EUR", "europe"), ("USD", "america")):
        since = {"plan_id": plan, "valid_from": "2026-01-01"}
        warehouse.put("control.plans", {"plan_id": plan, "name": plan, "currency": currency})
        warehouse.put("control.plan_terms", {**since, "subscription_fee": 100})
    warehouse.put("control.meters", {
        "meter_id": "scans", "name": "Scans", "unit": "scan", "source": "usage_metrics", "item": "ocr",
    })  # fmt: skip
    for plan in ("europe", "america"):
        warehouse.put("control.prices", {
            "plan_id": plan, "valid_from": "2026-01-01", "meter_id": "scans", "model": "per_unit", "unit_amount": 1,
        })  # fmt: skip
    warehouse.tenant("euro", "2026-01-01", currency="EUR", plan_id="europe")
    warehouse.attach("euro", "usage_agent", "bot", "2026-01-01")
    for tenant in ("keys", "owner"):
        warehouse.tenant(tenant, "2026-01-01", plan_id="america")
    warehouse.attach("keys", "vapi_phone_number", "one", "2026-01-01")
    warehouse.own_account("owner")
    warehouse.metrics("euro", "2026-01-05", [("bot", "ocr", 2, "0.50"), ("bot", "ocr", 4, None)])
    bring_your_own = [
        {"type": "model", "cost": 0, "promptTokens": 812, "completionTokens": 20},
        {"type": "knowledge-base", "cost": 0, "promptTokens": 0},
        {"type": "vapi", "cost": Decimal("0.05"), "minutes": Decimal("1.0")},
    ]
    warehouse.calls("platform", "2026-01-06", [
        call("byok", "60", phoneNumberId="one", cost=Decimal("0.05"), costs=bring_your_own),
        call("differs", "60", phoneNumberId="one", cost=Decimal("0.30"), costs=[
            {"type": "voice", "cost": Decimal("0.05")}, {"type": "vapi", "cost": Decimal("0.05")},
        ]),
        call("at once", "0", phoneNumberId="one", cost=Decimal("0.2225"), costs=[
            {"type": "vapi", "cost": Decimal("0.2225"), "minutes": Decimal("4.45")},
        ]),
    ])  # fmt: skip
    warehouse.calls("owner", "2026-01-06", [call("own", "60", cost=Decimal("0.05"), costs=bring_your_own)])


def reviewed(minutebook: Minutebook) -> dict[str, Any]:
    return {row["tenant_id"]: row for row in json.loads(minutebook("review 2026-01 --json").stdout)}


@pytest.mark.resolves("no_rate")
@pytest.mark.resolves("no_unit_cost")
def test_a_cost_without_a_rate_or_unit_cost_leaves_no_margin_until_what_is_printed_was_done(
    minutebook: Minutebook, warehouse: Warehouse
) -> None:
    write_scene(warehouse)
    warehouse.build(today())

    euro = reviewed(minutebook)["euro"]
    assert (euro["cost"], euro["margin"], euro["margin_percent"]) == (None, None, None)
    unknown = {one["code"]: one for one in euro["unknown_costs"]}
    assert set(unknown) == {"no_rate", "no_unit_cost"}
    assert unknown["no_rate"]["what"] == "no exchange rate USD to EUR on 5 Jan 2026"
    assert unknown["no_rate"]["fix"] == "minutebook rate set USD EUR RATE --from 2026-01-05"
    printed = minutebook("margin 2026-01 --tenant euro").stdout
    assert "rate set USD EUR RATE" in printed
    assert "100.00" not in minutebook("review 2026-01 --tenant euro").stdout.split("Why a margin")[0].split("106.00")[1]
    for by in ("agent", "meter", "day"):
        rows = json.loads(minutebook(f"margin 2026-01 --tenant euro --by {by} --json").stdout)
        assert any(row["margin"] is None and row["completeness"] == "costs missing" for row in rows)

    for code, number in (("no_unit_cost", "0.10"), ("no_rate", "0.9")):
        line = unknown[code]["fix"].removeprefix("minutebook ").replace("RATE", number).replace("AMOUNT", number)
        minutebook(line)
    minutebook("build")
    euro = reviewed(minutebook)["euro"]
    assert euro["unknown_costs"] == []
    assert (Decimal(euro["cost"]), Decimal(euro["margin"])) == (Decimal("0.81"), Decimal("105.19"))

    with connect(warehouse.url, Role.OPERATOR) as operator:
        warehouse.put("ledger.periods", {
            "tenant_id": "euro", "period_start": "2026-02-01", "period_end": "2026-03-01", "state": "approved",
            "manifest_hash": "-",
        })  # fmt: skip
        day = today().replace(year=2026, month=2, day=3)
        with pytest.raises(PeriodApproved, match="February 2026 of tenant euro"):
            control_costs.put_rate(operator, "USD", "EUR", day, Decimal("0.8"))
        control_costs.put_rate(operator, "EUR", "USD", day, Decimal("1.1"))


def test_what_a_provider_reports_as_0_though_it_was_used_is_unknown_or_the_tenants_own(
    minutebook: Minutebook, warehouse: Warehouse
) -> None:
    write_scene(warehouse)
    warehouse.build(today())

    assert warehouse.rows(
        "select tenant_id, component, basis, amount, unknown_reason from marts.fct_costs_daily"
        " where source = 'vapi' order by 1, 2, 3"
    ) == [
        ("keys", "difference", "unknown", None, "totals_differ"),
        ("keys", "knowledge-base", "reported_by_voice", Decimal(0), None),
        ("keys", "model", "unknown", None, "billed_as_0"),
        ("keys", "vapi", "reported_by_voice", Decimal("0.3225"), None),
        ("keys", "voice", "reported_by_voice", Decimal("0.05"), None),
        ("owner", "knowledge-base", "billed_elsewhere", Decimal(0), None),
        ("owner", "model", "billed_elsewhere", Decimal(0), None),
        ("owner", "vapi", "billed_elsewhere", Decimal("0.05"), None),
    ]
    found = reviewed(minutebook)
    assert found["keys"]["margin"] is None
    assert {one["code"] for one in found["keys"]["unknown_costs"]} == {"billed_as_0", "totals_differ"}
    assert (found["owner"]["margin"], found["owner"]["completeness"]) == ("100.00", "days missing")
    reported = {one["what"] for one in found["keys"]["blockers"]}
    assert "call differs of 6 Jan 2026: its cost is 0.3 USD, its costs come to 0.1 USD" in reported
    assert "call at once of 6 Jan 2026: 4.45 minutes charged, 0 minutes connected" in reported
    assert warehouse.rows("select sum(quantity) from marts.fct_usage_daily where tenant_id = 'keys'") == [(None,)]


@pytest.mark.resolves("billed_as_0")
def test_what_another_account_paid_is_billed_elsewhere_once_what_is_printed_was_done(
    minutebook: Minutebook, warehouse: Warehouse
) -> None:
    write_scene(warehouse)
    warehouse.build(today())
    (as_0,) = [one for one in reviewed(minutebook)["keys"]["unknown_costs"] if one["code"] == "billed_as_0"]
    line = shlex.split(as_0["fix"])
    assert line[:5] == ["minutebook", "cost", "elsewhere", "keys", "model"]
    minutebook(" ".join(line[1:-1]), line[-1])
    minutebook("build")
    assert [one["code"] for one in reviewed(minutebook)["keys"]["unknown_costs"]] == ["totals_differ"]
    assert warehouse.rows(
        "select basis, amount, unknown_reason from marts.fct_costs_daily"
        " where tenant_id = 'keys' and component = 'model'"
    ) == [("billed_elsewhere", Decimal(0), None)]
    assert warehouse.rows(
        "select after ->> 'reason' from ledger.audit_log where object_table = 'ledger.acceptances'"
    ) == [("paid by a key of the tenant's own",)]
