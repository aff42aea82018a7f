"""Invariants 1, 2, 3 and 5: what a pull may and may not do, from the provider's HTTP to the marts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestration.marts.building import build
from tests.ingestion.conftest import house  # noqa: F401 - a fixture
from tests.ingestion.house import House, call, states
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sandbox.world import VapiAccount, in_memory

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
# A database that loses one row of a package without saying so.
LOSE_A_ROW = """
create function public.lose() returns trigger language plpgsql as
$$ begin return case when new.call_id = 'c2' then null else new end; end $$;
create trigger lose before insert on raw_vapi.calls for each row execute function public.lose();
"""


def test_01_a_pull_is_published_whole_or_not_at_all(house: House) -> None:  # noqa: F811
    house.tenant("acme")
    house.own_vapi("acme", [call(f"c{n}", YESTERDAY) for n in range(5)])
    house.execute(LOSE_A_ROW)
    (outcome,) = house.pull(["acme"], [YESTERDAY])
    assert outcome.is_failed
    assert house.current_calls() == set()
    house.execute("drop trigger lose on raw_vapi.calls")
    (outcome,) = house.pull(["acme"], [YESTERDAY])
    assert not outcome.is_failed
    assert house.current_calls() == {f"c{n}" for n in range(5)}


def test_02_repulling_an_unchanged_day_changes_nothing(house: House) -> None:  # noqa: F811
    house.tenant("acme")
    house.own_vapi("acme", [call("c1", YESTERDAY), call("c2", YESTERDAY)])
    house.pull(["acme"], [YESTERDAY])
    before = house.execute("select * from raw_vapi.calls order by call_id")
    (published,) = house.ledger()
    (outcome,) = house.pull(["acme"], [YESTERDAY])
    assert outcome.state == "unchanged"
    assert house.execute("select * from raw_vapi.calls order by call_id") == before
    still, confirming = house.ledger()
    assert still == published
    assert confirming["confirms_pull_id"] == published["pull_id"]


def test_03_a_day_that_becomes_empty_becomes_empty_in_the_marts(house: House, dbt_home: Path) -> None:  # noqa: F811
    house.tenant("acme")
    key = house.own_vapi("acme", [call("c1", YESTERDAY), call("c2", YESTERDAY)])
    house.pull(["acme"], [YESTERDAY])
    build(house.url, dbt_home, TODAY)
    assert house.execute("select count(*) as calls from marts.fct_calls") == [{"calls": 2}]
    house.sandbox.world.vapi[key] = VapiAccount(in_memory([]))
    house.pull(["acme"], [YESTERDAY])
    build(house.url, dbt_home, TODAY)
    assert house.execute("select count(*) as calls from marts.fct_calls") == [{"calls": 0}]
    status = "select status from marts.fct_tenant_day_status where tenant_id = 'acme' and usage_date = %s"
    assert house.execute(status, YESTERDAY) == [{"status": "no usage"}]


def test_05_a_failure_of_one_tenant_touches_no_other(house: House) -> None:  # noqa: F811
    for tenant in ("acme", "beta", "gamma"):
        house.tenant(tenant)
        house.own_vapi(tenant, [call(f"{tenant}-call", YESTERDAY)], is_rejected=tenant == "beta")
    outcomes = house.pull(["acme", "beta", "gamma"], [YESTERDAY])
    assert states(outcomes) == {
        ("acme", YESTERDAY): "published",
        ("beta", YESTERDAY): "failed",
        ("gamma", YESTERDAY): "published",
    }
    assert house.current_calls() == {"acme-call", "gamma-call"}
