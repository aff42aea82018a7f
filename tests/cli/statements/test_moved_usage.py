"""Usage of a closed month that moves to another tenant: both are blocked until the pull that is printed."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.conftest import Minutebook
from tests.marts.warehouse_of_one import Warehouse, opened
from tests.money.test_balance import CARRIED, FEBRUARY, write_plan
from tests.sandbox.story import MetricRow
from tests.sandbox.usage_database import write_usage
from warehouse import clock

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.fixture
def closed(
    minutebook: Minutebook, database_url: str, empty_database_url: str, dbt_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Warehouse:
    """Two tenants whose January is approved with nothing in its way, and whose February is over."""
    monkeypatch.setenv("MINUTEBOOK_USAGE_DATABASE_URL", empty_database_url)
    monkeypatch.setenv(clock.OFFSET, clock.offset_to(datetime(2026, 3, 3, 9, tzinfo=UTC)))
    write_usage(empty_database_url, [MetricRow("bot", "ocr", Decimal(5), None, NOON)])
    warehouse = opened(database_url, dbt_home)
    write_plan(warehouse, included=0)
    warehouse.tenant("bolt", "2026-01-01", plan_id="basic")
    warehouse.attach("bolt", "usage_agent", "robot", "2020-01-01")
    minutebook("pull --source usage_metrics --from 2026-01-01 --to 2026-02-28")
    minutebook("approve 2026-01")
    return warehouse


def blocking(minutebook: Minutebook) -> dict[str, list[tuple[str, str]]]:
    """By tenant, what blocks February and its remedy."""
    reviewed = json.loads(minutebook("review 2026-02 --json").stdout)
    return {row["tenant_id"]: [(one["what"], one["fix"]) for one in row["blockers"]] for row in reviewed}


@pytest.mark.resolves("usage_moved")
def test_what_an_agent_took_along_into_a_closed_month_blocks_both_until_it_is_pulled(
    minutebook: Minutebook, closed: Warehouse
) -> None:
    assert blocking(minutebook) == {"acme": [], "bolt": []}
    minutebook("agent attach bolt bolt-agent usage_agent bot --from 2026-01-10 --move")
    days = "--source usage_metrics --from 2026-01-10 --to 2026-01-10"
    found = (
        "unattributed: scans of usage_metrics, on 10 Jan 2026, 5 scans, in its approved period of January 2026",
        f"minutebook pull --tenant bolt {days} && minutebook pull --tenant acme {days}",
    )
    assert blocking(minutebook) == {"acme": [found], "bolt": [found]}
    assert "is blocked by unattributed" in minutebook("approve 2026-02", code=1).output
    for command in found[1].split(" && "):
        minutebook(command.removeprefix("minutebook "))
    assert blocking(minutebook) == {"acme": [], "bolt": []}
    minutebook("approve 2026-02")
    assert closed.rows(CARRIED) == [
        ("acme", FEBRUARY, "overage", -5, Decimal("-5.00")), ("bolt", FEBRUARY, "overage", 5, Decimal("5.00"))
    ]  # fmt: skip
