"""Usage that is on no statement although its tenant is known is shown in review, with what happens to it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Minutebook
from tests.marts.warehouse_of_one import Warehouse, opened
from warehouse.clock import today


@pytest.fixture
def warehouse(database_url: str, dbt_home: Path) -> Iterator[Warehouse]:
    found = opened(database_url, dbt_home)
    with found.connection:
        yield found


def test_what_was_used_during_a_pause_is_shown_with_what_happens_to_it(
    minutebook: Minutebook, warehouse: Warehouse
) -> None:
    warehouse.put("control.plans", {"plan_id": "one", "name": "One", "currency": "USD"})
    warehouse.put("control.plan_terms", {"plan_id": "one", "valid_from": "2026-01-01", "subscription_fee": 100})
    warehouse.put("control.meters", {
        "meter_id": "scans", "name": "Scans", "unit": "scan", "source": "usage_metrics", "item": "ocr",
    })  # fmt: skip
    warehouse.put("control.prices", {
        "plan_id": "one", "valid_from": "2026-01-01", "meter_id": "scans", "model": "per_unit", "unit_amount": 1,
    })  # fmt: skip
    warehouse.tenant("acme", "2026-01-01", plan_id="one")
    warehouse.attach("acme", "usage_agent", "bot", "2026-01-01")
    warehouse.put(
        "control.tenant_statuses",
        {"tenant_id": "acme", "valid_from": "2026-01-10", "status": "paused"},
        {"tenant_id": "acme", "valid_from": "2026-01-20", "status": "active"},
    )
    for day, count in (("2026-01-05", 3), ("2026-01-12", 5), ("2026-01-14", 2), ("2026-01-21", 4)):
        warehouse.metrics("acme", day, [("bot", "ocr", count, None)])
    warehouse.build(today())
    (row,) = json.loads(minutebook("review 2026-01 --json").stdout)
    assert (row["overage"], len(row["not_billed"])) == ("7.00", 1)
    (one,) = row["not_billed"]
    assert one["what"] == "paused: 7 scans of scans (usage_metrics) from 12 Jan 2026 to 14 Jan 2026"
    assert one["then"].startswith("nothing to do")
    reported = minutebook("review 2026-01").stdout
    assert "Used, and on no statement" in reported
    # As is said: what is used from the day on which the pause ends is billed.
    minutebook("tenant resume acme --on 2026-01-14")
    (row,) = json.loads(minutebook("review 2026-01 --json").stdout)
    assert row["overage"] == "9.00"
    assert row["not_billed"][0]["what"] == "paused: 5 scans of scans (usage_metrics) on 12 Jan 2026"
