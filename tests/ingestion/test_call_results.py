"""What is said of calls after they were billed is pulled as far as each tenant keeps it, and of others is nowhere."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.privacy.minimising import apply_choices
from tests.ingestion.house import House, call
from tests.marts.test_call_results import CANARY, SAID
from tests.marts.warehouse_of_one import Warehouse, opened
from warehouse.database.connect import Role, connect
from warehouse.privacy import personal
from warehouse.privacy.personal import Kept

DAY = datetime.now(UTC).date() - timedelta(days=1)


def places_of(warehouse: Warehouse, word: str) -> set[str]:
    """Tables of any schema that hold a word."""
    tables = warehouse.rows(
        "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables"
        " where schemaname !~ '^(pg_|information_schema)'"
    )
    like = f"%{word}%"
    return {
        table
        for (table,) in tables
        if warehouse.rows(f"select 1 from {table} as t where t::text ilike %s limit 1", like)
    }


@pytest.fixture
def kept(house: House) -> list[dict[str, Any]]:
    """Calls of a tenant that keeps all, and of one that keeps nothing of what is said."""
    for tenant, choice in (("acme", Kept("kept", "kept", "kept")), ("beta", Kept("kept", "never", "never"))):
        house.tenant(tenant)
        house.attach(tenant, "vapi_phone_number", f"number-{tenant}")
        with connect(house.url, Role.OPERATOR) as operator:
            personal.choose(operator, tenant, choice)
    calls = [call(f"c-{tenant}", DAY, phone_number_id=f"number-{tenant}") for tenant in ("acme", "beta")]
    house.own_vapi(None, calls)
    return calls


def test_a_pull_that_only_says_more_of_calls_confirms_the_current_one(
    house: House, kept: list[dict[str, Any]], dbt_home: Path
) -> None:
    def pulled() -> str:
        return str(house.pull(["acme"], [DAY])[0].state)

    assert [pulled(), pulled()] == ["published", "unchanged"]
    for reported in kept:
        reported |= SAID
    assert [pulled(), pulled()] == ["unchanged", "unchanged"]
    pulls = house.execute("select state, holds_results, row_count from ledger.pulls order by pull_id")
    assert [(pull["state"], pull["holds_results"]) for pull in pulls] == [
        ("published", False), ("unchanged", False), ("unchanged", True), ("unchanged", False),
    ]  # fmt: skip
    assert house.execute("select count(*) from raw_vapi.calls") == [{"count": 4}]
    warehouse = opened(house.url, dbt_home)
    with warehouse.connection:
        warehouse.build(DAY + timedelta(days=1))
        said = warehouse.rows("select call_id, summary is not null, customer from marts.fct_call_results order by 1")
        assert said == [("c-acme", True, "+49 30 1234567"), ("c-beta", False, "+49 30 1234567")]
        # What nobody reads any more is purged; what results are read from is not.
        house.execute("update ledger.pulls set closed_at = closed_at - interval '40 days'")
        house.execute("select ledger.purge_raw(now() - interval '30 days', 1000)")
        assert house.execute("select count(*) from raw_vapi.calls") == [{"count": 4}]


def test_a_word_said_to_a_tenant_that_keeps_none_is_nowhere(
    house: House, kept: list[dict[str, Any]], dbt_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept[1] |= SAID
    house.pull(["acme"], [DAY])
    warehouse = opened(house.url, dbt_home)
    with warehouse.connection:
        warehouse.build(DAY + timedelta(days=1))
        assert places_of(warehouse, CANARY) == set()
        assert CANARY not in caplog.text
        kept[0] |= SAID
        house.pull(["acme"], [DAY])
        warehouse.build(DAY + timedelta(days=1))
        kept_in = {"raw_vapi.calls", "marts.fct_call_results", "marts.fct_call_texts"}
        assert places_of(warehouse, CANARY) == kept_in
        with connect(house.url, Role.OPERATOR) as operator:
            personal.choose(operator, "acme", Kept("kept", "never", "never"))
        apply_choices(house.url, "test")
        assert places_of(warehouse, CANARY) == set()
        warehouse.build(DAY + timedelta(days=1), full_refresh=True)
        assert places_of(warehouse, CANARY) == set()
