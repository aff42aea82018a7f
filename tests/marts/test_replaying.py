"""What tests send again in the place of dbt is what dbt would have sent, and dbt is asked where it would not do."""

import re
from datetime import date, timedelta

import pytest

from orchestration.marts import building
from orchestration.marts.building import BuildFailed
from tests.marts.test_builds import two_tenants_of_one_account
from tests.marts.test_first_bill import AS_OF
from tests.marts.warehouse_of_one import Warehouse, call
from tests.replaying import AS_OF as AS_OF_KEPT
from tests.replaying import INDEX, Replay, sent


def sent_by_dbt(warehouse: Warehouse, replay: Replay, as_of: date) -> dict[str, list[str]]:
    """What dbt sends for each node of a build, as of the day on which the kept one was made."""
    nodes: dict[str, list[str]] = {}
    with sent(nodes), pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "_invoke", replay.by_dbt)
        warehouse.build(as_of)
    return {node: [named_alike(sql.replace(str(as_of), AS_OF_KEPT)) for sql in each] for node, each in nodes.items()}


def named_alike(sql: str) -> str:
    """Without the time that dbt puts into the names of temporary tables and indexes."""
    return INDEX.sub('"index"', re.sub(r"(__dbt_tmp)\d+", r"\1", sql))


def kept(replay: Replay) -> dict[str, list[str]]:
    (build,) = (build for arguments, build in replay.builds.items() if building.AFTER_POSTING not in arguments)
    return {node: [named_alike(sql) for sql in each] for node, each in build.nodes.items()}


def test_dbt_sends_the_same_for_other_rows_and_another_day(warehouse: Warehouse, replay: Replay) -> None:
    two_tenants_of_one_account(warehouse)
    assert sent_by_dbt(warehouse, replay, AS_OF) == kept(replay)
    warehouse.calls("platform", "2026-03-01", [call("a", "90", phoneNumberId="one", cost=2)])
    assert sent_by_dbt(warehouse, replay, AS_OF + timedelta(days=40)) == kept(replay)
    assert sent_by_dbt(warehouse, replay, AS_OF + timedelta(days=40)) == kept(replay)


# What a data test finds: tests/money/test_balance.py.
def test_a_statement_that_fails_is_reported_by_dbt(warehouse: Warehouse) -> None:
    warehouse.connection.execute("alter table marts.fct_calls rename column outcome to other")
    with pytest.raises(BuildFailed, match="fct_calls"):
        warehouse.build(AS_OF)
