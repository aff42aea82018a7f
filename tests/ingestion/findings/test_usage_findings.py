"""Usage that no price, meter or tenant is known for is billed by exactly what is printed; amounts are a person's."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.ingestion.conftest import Minutebook
from tests.ingestion.findings.test_findings import follow
from tests.ingestion.house import House, call
from tests.sandbox.story import MetricRow
from tests.sandbox.usage_database import write_usage
from warehouse.blocker import Blocker
from warehouse.clock import OFFSET, offset_to
from warehouse.costs.unknown_costs import UnknownCost

DAY = date(2026, 10, 5)
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
NOVEMBER_3, DECEMBER_2 = datetime(2026, 11, 3, 12, tzinfo=UTC), datetime(2026, 12, 2, 12, tzinfo=UTC)
ALL_OCTOBER = "--from 2026-10-01 --to 2026-10-31"

OF_USAGE = {code for code in Blocker if code.is_usage}


@pytest.fixture
def acme(house: House, empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> House:
    """A tenant on a plan that has a fee and nothing else, with calls, scans, and scans of an agent that is nobody's."""
    monkeypatch.setenv("MINUTEBOOK_USAGE_DATABASE_URL", empty_database_url)
    scan = MetricRow("bot", "Scan (A4)", Decimal(3), Decimal(0), NOON)
    write_usage(empty_database_url, [scan, MetricRow("stranger", "Scan (A4)", Decimal(4), Decimal(0), NOON)])
    for tenant in ("acme", "beta"):
        house.tenant(tenant, since=date(2026, 10, 1))
    house.attach("acme", "usage_agent", "bot", date(2026, 10, 1))
    house.attach("acme", "vapi_phone_number", "number", date(2026, 10, 1))
    house.own_vapi(None, [call("c1", DAY, phone_number_id="number", cost=None, costs=None, costBreakdown=None)])
    house.execute("insert into control.plans (plan_id, name, currency) values ('plan', 'Plan', 'USD')")
    house.execute(
        "insert into control.plan_terms (plan_id, valid_from, subscription_fee, setup_fee)"
        " values ('plan', '2026-10-01', 1, 2)"
    )
    for tenant in ("acme", "beta"):
        house.execute("insert into control.tenant_plans values (%s, '2026-10-01', 'plan')", tenant)
    return house


def reviewed(minutebook: Minutebook, month: str, tenant: str) -> tuple[dict[str, str], dict[str, str]]:
    """What blocks a tenant's month, and which of its costs are unknown: words to commands."""
    (found,) = json.loads(minutebook(f"review {month} --tenant {tenant} --json"))
    blocking = {f"{one['code']}: {one['what']}": one["fix"] for one in found["blockers"]}
    return blocking, {one["code"]: one["fix"] for one in found["unknown_costs"]}


@pytest.mark.resolves("usage_without_meter")
@pytest.mark.resolves("usage_unpriced")
@pytest.mark.resolves("scopes_of_nobody")
@pytest.mark.resolves("no_meter")
@pytest.mark.resolves("total_moved")
def test_usage_of_no_meter_price_or_tenant_is_billed_by_what_is_printed(
    acme: House, minutebook: Minutebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutebook(f"pull --tenant acme {ALL_OCTOBER}")
    minutebook("build")
    seen: list[str] = []
    for _ in range(4):
        blocking, unknown = reviewed(minutebook, "2026-10", "acme")
        found = {what: fix for what, fix in blocking.items() if what.partition(":")[0] in OF_USAGE} | unknown
        if not found:
            break
        for what, fix in found.items():
            seen.append(what)
            assert "--help" not in fix
            assert "PLAN" not in fix
            for command in fix.replace("AMOUNT", "0.25").split(" && "):
                if command != "minutebook build":  # once for all
                    minutebook(command)
        minutebook("build")
    assert not found
    said = "\n".join(seen)
    for words in (
        "no meter: Scan (A4) of usage_metrics, on 5 Oct 2026, 3 units",
        "no meter: voice of vapi",
        "unattributed: Scan (A4) of usage_metrics, on 5 Oct 2026, 4 units; usage agent stranger (4)",
        "unpriced: scan_a4 of usage_metrics",
        "unpriced: voice_minutes of vapi",
        UnknownCost.NO_METER,
        UnknownCost.NO_UNIT_COST,
    ):
        assert words in said
    (terms,) = acme.execute("select subscription_fee, setup_fee, voice_meter_id from control.plan_terms")
    assert terms == {"subscription_fee": 1, "setup_fee": 2, "voice_meter_id": "voice_minutes"}
    minutebook("approve 2026-10 --tenant acme")
    billed = acme.execute("select meter_id, quantity, amount from ledger.statement_lines where line_kind = 'overage'")
    assert {(row["meter_id"], row["quantity"], row["amount"]) for row in billed} == {
        ("scan_a4", 7, Decimal("1.75")), ("voice_minutes", 2, Decimal("0.50")),
    }  # fmt: skip

    monkeypatch.setenv(OFFSET, offset_to(DECEMBER_2))
    minutebook("pull --tenant acme --from 2026-11-01 --to 2026-11-30")
    minutebook("build")
    (moved,) = reviewed(minutebook, "2026-11", "acme")[0].items()
    assert moved[0].startswith("total_moved: moved from 3.25 to 1.00 USD (-69 %)")
    follow(minutebook, moved[1])
    assert reviewed(minutebook, "2026-11", "acme")[0] == {}


@pytest.mark.resolves("period_running")
def test_a_period_that_runs_is_approved_by_what_is_printed_once_it_is_over(
    acme: House, minutebook: Minutebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutebook("build")
    minutebook("approve 2026-10 --tenant beta")
    (running,) = reviewed(minutebook, "2026-11", "beta")[0].items()
    assert running[0] == "period_running: runs until the end of 30 Nov 2026 (UTC); it is approved from then on"
    minutebook(running[1], code=1)
    monkeypatch.setenv(OFFSET, offset_to(DECEMBER_2))
    minutebook("build")
    follow(minutebook, running[1])
    assert reviewed(minutebook, "2026-11", "beta")[0] == {}
