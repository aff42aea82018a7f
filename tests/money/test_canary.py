"""The known-answer tenant: right as built, in no total; wrong as soon as what rates it changes, and then nothing is
posted."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from orchestration.defs.marts.checks import canary_check
from orchestration.defs.stripe.assets import postings
from orchestration.remedies import word
from orchestration.resources import Minutebook
from tests.marts.warehouse_of_one import Warehouse
from tests.sandbox.stripe import StripeSandbox
from tests.stripe_billing.scene import KEY, Scene
from warehouse.control.errors import Refused
from warehouse.database.connect import Role, connect
from warehouse.statements import canary

NEW_YEAR = date(2026, 1, 1)
TOTALS = [
    "fct_statements", "fct_statement_lines", "fct_margin_daily", "fct_margin_monthly", "fct_usage_daily",
    "fct_costs_daily", "fct_unbilled_usage", "fct_overages_daily", "fct_line_days", "fct_tenant_day_status",
    "dim_tenants", "dim_agents",
]  # fmt: skip


def test_its_statement_is_as_it_was_worked_out_by_hand_and_stands_in_no_total(warehouse: Warehouse) -> None:
    assert canary.install(warehouse.url, "tests")
    assert not canary.install(warehouse.url, "tests")
    warehouse.tenant("acme", "2024-02-01")
    warehouse.put("control.fixed_costs", {"fixed_cost_id": "hosting", "name": "Hosting", "monthly_amount": 29,
                                          "currency": "USD", "valid_from": "2024-02-01"})  # fmt: skip
    warehouse.calls("acme", "2024-02-20", [])
    warehouse.put("control.meters", {"meter_id": "minutes", "name": "Minutes", "unit": "minute", "source": "vapi",
                                     "increment_seconds": 60, "minimum_seconds": 0})  # fmt: skip
    warehouse.build(NEW_YEAR)
    with connect(warehouse.url, Role.TRANSFORMER, autocommit=True) as reader:
        assert canary.differences(reader) == []
        assert canary.verdict(reader).finding is None
    assert warehouse.rows("select sum(amount) from marts.fct_canary_lines") == [(Decimal("648.28"),)]
    for table in TOTALS:
        assert not warehouse.rows(f"select 1 from marts.{table} where tenant_id = 'canary'"), table
    # Shared costs fall on who is billed, and no call of the canary's is counted by another's meter.
    assert warehouse.rows(
        "select distinct amount from marts.fct_costs_daily where usage_date between '2024-02-20' and '2024-02-29'"
    ) == [(Decimal(1),)]
    assert warehouse.rows(
        "select distinct units ? 'canary_half_minutes' from marts.fct_calls where account = 'canary'"
    ) == [(True,)]


def test_a_tenant_of_that_name_is_billed_like_any_other(warehouse: Warehouse) -> None:
    warehouse.tenant("canary", "2026-01-01")
    with pytest.raises(Refused, match="there is a tenant 'canary'"):
        canary.install(warehouse.url, "tests")
    warehouse.build(NEW_YEAR)
    assert warehouse.rows("select tenant_id from marts.dim_tenants") == [("canary",)]
    with connect(warehouse.url, Role.TRANSFORMER) as reader:
        assert not canary.is_installed(reader)
        assert canary.verdict(reader).finding is None


@pytest.fixture
def billed(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Scene]:
    """A tenant whose overage of yesterday is due, by its own marts and in a Stripe set up for it."""
    with StripeSandbox() as stripe, psycopg.connect(warehouse.url, autocommit=True) as owner:
        scene = Scene(warehouse.url, stripe, owner)
        monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path))
        monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", scene.url)
        monkeypatch.setenv("MINUTEBOOK_STRIPE_URL", stripe.url)
        monkeypatch.setenv("MINUTEBOOK_STRIPE_API_KEY", KEY)
        monkeypatch.setenv("MINUTEBOOK_STRIPE_GRACE_HOURS", "72")
        yield scene


def check_and_post(instance: dg.DagsterInstance) -> tuple[dg.AssetCheckResult, bool]:
    """The check's result, and whether a posting run ended well."""
    result = canary_check(Minutebook())
    assert isinstance(result, dg.AssetCheckResult)
    run = dg.materialize([postings], instance=instance, resources={"minutebook": Minutebook()}, raise_on_error=False)
    return result, run.success


def test_a_wrong_canary_turns_the_check_red_and_nothing_is_posted_until_it_is_right(
    warehouse: Warehouse, billed: Scene
) -> None:
    yesterday = billed.today - timedelta(days=1)
    billed.meter()
    billed.tenant("acme")
    warehouse.put("control.plans", {"plan_id": "basic", "name": "Basic", "currency": "USD"})
    warehouse.put("control.tenant_plans", {"tenant_id": "acme", "valid_from": "2020-01-01", "plan_id": "basic"})
    warehouse.put("control.prices", {"plan_id": "basic", "meter_id": "voice", "model": "per_unit", "unit_amount": 1,
                                     "valid_from": "2020-01-01"})  # fmt: skip
    warehouse.put("control.agents", {"agent_id": "acme-agent", "tenant_id": "acme", "name": "acme"})
    warehouse.attach("acme", "usage_agent", "bot", f"{yesterday}")
    warehouse.metrics("acme", f"{yesterday}", [("bot", "voice", 7, None)])
    canary.install(warehouse.url, "tests")
    warehouse.build(billed.today)
    warehouse.connection.execute("update control.prices set unit_amount = 0.045 where meter_id = 'canary_half_minutes'")
    warehouse.build(billed.today)
    with dg.DagsterInstance.ephemeral() as instance:
        red, posted = check_and_post(instance)
        assert not red.passed
        assert "2 lines of the known-answer tenant are wrong, first minimum: 7.58" in str(red.description)
        assert "minutebook canary check, and docs/runbooks/the-canary-is-red.md" in str(red.description)
        assert not posted
        assert billed.sent() == 0
        assert not warehouse.rows("select 1 from ledger.postings")
        warehouse.connection.execute(
            "update control.prices set unit_amount = 0.0045 where meter_id = 'canary_half_minutes'"
        )
        warehouse.build(billed.today)
        green, posted = check_and_post(instance)
    assert green.passed
    assert posted
    assert warehouse.rows("select tenant_id, value from ledger.postings") == [("acme", 7)]


def test_a_canary_the_marts_do_not_hold_yet_stops_posting_and_asks_for_a_build(warehouse: Warehouse) -> None:
    warehouse.build(NEW_YEAR)
    canary.install(warehouse.url, "tests")
    with connect(warehouse.url, Role.TRANSFORMER) as reader:
        finding = canary.verdict(reader).finding
    assert finding is not None
    assert word(finding).fix == "minutebook build"
