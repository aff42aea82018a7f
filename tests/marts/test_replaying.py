"""What tests send again in the place of dbt is what dbt would have sent, and dbt is asked where it would not do."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from orchestration.marts import building
from orchestration.marts.building import BuildFailed
from tests.conftest import BUILDING
from tests.marts.test_builds import two_tenants_of_one_account
from tests.marts.test_first_bill import AS_OF
from tests.marts.warehouse_of_one import Warehouse
from tests.replaying import INDEX, Replay, dated, sent


def named_alike(nodes: dict[str, list[str]]) -> dict[str, list[str]]:
    """Without the time that dbt puts into the names of temporary tables and indexes."""
    return {name: [INDEX.sub('"index"', re.sub(r"(__dbt_tmp)\d+", r"\1", sql)) for sql in each]
            for name, each in nodes.items()}  # fmt: skip


@pytest.mark.parametrize("full_refresh", [False, True], ids=["of what changed", "from scratch"])
def test_dbt_sends_the_same_for_other_rows_and_another_day(
    warehouse: Warehouse, replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_refresh: bool
) -> None:
    first = Replay(replay.by_dbt, BUILDING, str(make_url(warehouse.url).port), tmp_path)
    monkeypatch.setattr(building, "_invoke", first)
    warehouse.build(AS_OF, full_refresh=full_refresh)
    (kept,) = first.builds.values()
    two_tenants_of_one_account(warehouse)
    later, nodes = AS_OF + timedelta(days=40), dict[str, list[str]]()
    monkeypatch.setattr(building, "_invoke", replay.by_dbt)
    with sent(nodes):
        warehouse.build(later, full_refresh=full_refresh)
    as_kept = {name: [dated(sql, kept.as_of, str(later)) for sql in each] for name, each in kept.nodes.items()}
    assert named_alike(nodes) == named_alike(as_kept)


# What a data test finds: tests/money/test_balance.py.
def test_a_statement_that_fails_is_reported_by_dbt(warehouse: Warehouse) -> None:
    warehouse.connection.execute("alter table marts.fct_calls rename column outcome to other")
    with pytest.raises(BuildFailed, match="fct_calls"):
        warehouse.build(AS_OF)
