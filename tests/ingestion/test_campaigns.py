"""What a provider counts of its campaigns is held against what was read; a difference is named, and no more."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.cli.doctor.pulls import campaigns_counted_otherwise
from tests.ingestion.house import House, call
from tests.marts.test_call_results import money
from tests.marts.warehouse_of_one import Warehouse, opened
from tests.sandbox.world import VapiAccount, in_memory
from warehouse.calls import call_results
from warehouse.database.connect import Role, connect

TODAY = datetime.now(UTC).date()
DAY = TODAY - timedelta(days=1)
CAMPAIGNS = (
    "select tenant_id, campaign_id, name, calls, provider_calls, provider_connected_calls, count_state"
    " from marts.dim_campaigns order by campaign_id, tenant_id"
)
EVER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
ASKED = "/vapi/v2/campaign"


def campaign(campaign_id: str, name: str, dialed: object, connected: object = None, status: str = "ended") -> Any:
    counted = {"callMetrics": {"dialed": dialed, "connected": connected}}
    return {"id": campaign_id, "name": name, "status": status, "customers": [{"number": "+4930123"}], **counted}


@pytest.fixture
def account(house: House) -> VapiAccount:
    """The platform's account, whose campaigns called for two tenants, one of them for both."""
    for tenant in ("acme", "beta"):
        house.tenant(tenant)
        house.attach(tenant, "vapi_phone_number", f"number-{tenant}")
    made = [
        call("one", DAY, phone_number_id="number-acme", campaignId="spring"),
        call("two", DAY, phone_number_id="number-acme", campaignId="spring", endedReason="voicemail"),
        call("not", DAY, phone_number_id="number-acme", campaignId="spring", seconds=None),
        call("its", DAY, phone_number_id="number-acme", campaignId="shared"),
        call("too", DAY, phone_number_id="number-beta", campaignId="shared"),
        call("new", DAY, phone_number_id="number-beta", campaignId="unlisted"),
        call("now", DAY, phone_number_id="number-beta", campaignId="running"),
        call("odd", DAY, phone_number_id="number-beta", campaignId={"id": "odd"}),
    ]
    account = house.sandbox.world.vapi[house.own_vapi(None, made)]
    account.campaigns = [
        campaign("spring", "Spring recall", 3, 1),
        campaign("shared", "Of beta and acme", 2, 2),
        campaign("running", "Runs", 5, 2, "in-progress"),
        campaign("of nobody", "Never called", 0, 0),
    ]
    return account


def built(house: House, dbt_home: Path) -> Warehouse:
    return opened(house.url, dbt_home)


def test_campaigns_are_named_and_counted_beside_what_was_read(
    house: House, account: VapiAccount, dbt_home: Path
) -> None:
    house.pull(["acme", "beta"], [DAY])
    warehouse = built(house, dbt_home)
    with warehouse.connection:
        warehouse.build(TODAY)
        assert warehouse.rows(CAMPAIGNS) == [
            ("beta", "running", "Runs", 1, 5, 2, "still counting"),
            ("acme", "shared", None, 1, 2, 2, "agrees"),
            ("beta", "shared", None, 1, 2, 2, "agrees"),
            ("acme", "spring", "Spring recall", 3, 3, 1, "agrees"),
            ("beta", "unlisted", None, 1, None, None, "not counted"),
        ]
        with connect(house.url, Role.OPERATOR) as operator:
            assert call_results.campaigns(operator, "acme") == {"shared": "", "spring": "Spring recall"}
            assert list(campaigns_counted_otherwise(operator)) == []
        assert warehouse.rows("select count(*) from marts.fct_calls where campaign_id is not null") == [(7,)]
        assert "+4930123" not in str(warehouse.rows("select * from ledger.campaigns")), "whom it calls is not read"


def test_a_difference_is_named_once_the_campaign_is_over_and_moves_no_money(
    house: House, account: VapiAccount, dbt_home: Path
) -> None:
    house.pull(["acme", "beta"], [DAY])
    warehouse = built(house, dbt_home)
    states = "select distinct campaign_id, count_state from marts.dim_campaigns order by 1"
    with warehouse.connection:
        warehouse.build(TODAY)
        before = {table: rows for table, rows in money(warehouse).items() if table != "dim_campaigns"}
        account.campaigns = [
            campaign("spring", "Spring recall", 4, 1),
            campaign("shared", "Of beta and acme", 2, 9),
            campaign("running", "Runs", 0, 0, "in-progress"),
        ]
        house.pull(["acme", "beta"], [DAY])
        warehouse.build(TODAY)
        # What it may have called today is read by the next night; that it connected more than it called by none.
        assert warehouse.rows(states) == [
            ("running", "differs"), ("shared", "still counting"), ("spring", "still counting"),
            ("unlisted", "not counted"),
        ]  # fmt: skip
        house.execute("update ledger.campaigns set over_since = over_since - interval '1 day'")
        house.pull(["acme", "beta"], [DAY])
        warehouse.build(TODAY)
        assert dict(warehouse.rows(states)) == {
            "running": "differs", "shared": "differs", "spring": "differs", "unlisted": "not counted",
        }  # fmt: skip
        with connect(house.url, Role.OPERATOR) as operator:
            said = {one.what: one.fix for one in campaigns_counted_otherwise(operator)}
        assert len(said) == 3
        what, fix = next((what, fix) for what, fix in said.items() if "spring" in what)
        assert what == (
            "vapi counts 4 calls, 1 of them connected, of campaign spring of platform; 3 were read, 2 of them"
            " connected, and are what is billed"
        )
        assert fix == f"minutebook pull --source vapi --from {DAY} --to {DAY}"
        after = {table: rows for table, rows in money(warehouse).items() if table != "dim_campaigns"}
        assert after == before
        # And it is over when the provider lists the call that was not read.
        late = call("late", DAY, phone_number_id="number-acme", campaignId="spring", seconds=None)
        account.calls_between = in_memory([*account.calls_between(*EVER), late])
        house.pull(["acme", "beta"], [DAY])
        warehouse.build(TODAY)
        assert dict(warehouse.rows(states))["spring"] == "agrees"


def test_an_account_without_campaigns_is_not_asked_and_one_that_does_not_answer_fails_no_day(
    house: House, account: VapiAccount, caplog: pytest.LogCaptureFixture
) -> None:
    house.tenant("own")
    house.attach("own", "vapi_phone_number", "number-own")
    house.own_vapi("own", [call("plain", DAY, phone_number_id="number-own")])
    assert [str(one.state) for one in house.pull(["own"], [DAY])] == ["published"]
    assert house.sandbox.asked(ASKED) == []
    account.campaigns = [{"id": 7}]
    assert {str(one.state) for one in house.pull(["acme"], [DAY])} == {"published"}
    assert house.sandbox.asked(ASKED)
    assert "campaigns were not counted" in caplog.text
    assert house.execute("select * from ledger.campaigns") == []
