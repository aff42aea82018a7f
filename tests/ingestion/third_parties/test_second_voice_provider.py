"""A second voice provider is billed, costed, read and searched beside the first, by the contract of calls alone."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.settings import Settings
from sources.registry import all_sources
from sources.testing import Answer, Request, serving
from tests.ingestion.house import House
from tests.ingestion.house import call as call_of_vapi
from tests.marts.warehouse_of_one import opened
from tests.sources.retell.kit import OWN, answer, call
from warehouse.database.connect import Role, connect
from warehouse.privacy import personal
from warehouse.privacy.personal import Kept

DAY = datetime.now(UTC).date() - timedelta(days=1)
SEARCH = (
    "select source, call_id from marts.search_calls_of('acme', %s, '-infinity', 'infinity', 9, null, '-'"
    f"{', null' * 12})"
)


def test_calls_of_retell_stand_beside_those_of_vapi(
    house: House, dbt_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One of each bears the same id."""
    began = int(datetime(DAY.year, DAY.month, DAY.day, 9, tzinfo=UTC).timestamp() * 1000)
    times = {"start_timestamp": began, "end_timestamp": began + 61_000}
    calls = [call(1, **times, transfer_destination="+15550109999", disconnection_reason="call_transfer")]

    def told(request: Request) -> Answer:
        return answer(request, calls)

    house.tenant("acme")
    house.attach("acme", "retell_number", OWN)
    house.attach("acme", "vapi_phone_number", "number-of-vapi")
    house.credential(None, "retell", "key_of_retell_1234")
    spoken = {"messages": [{"role": "user", "message": "A plumber, please."}]}
    house.own_vapi(None, [call_of_vapi("call_1", DAY, phone_number_id="number-of-vapi", artifact=spoken)])
    for meter, source in (("minutes", "vapi"), ("retell_minutes", "retell")):
        house.execute(
            "insert into control.meters (meter_id, name, unit, source, increment_seconds, minimum_seconds)"
            " values (%s, %s, 'minute', %s, 60, 0)", meter, meter, source,
        )  # fmt: skip
    house.execute(
        "insert into control.call_rubrics values ('acme', 'retell_agent', 'agent_1', 'pass_fail'); "
        "insert into control.call_outputs values ('acme', 'user_sentiment', 'sentiment'), ('acme', 'stars', 'rating')"
    )
    with connect(house.url, Role.OPERATOR) as operator:
        personal.choose(operator, "acme", vars(Kept("kept", "kept", "kept")))
    with serving(told) as address:
        monkeypatch.setenv("MINUTEBOOK_RETELL_URL", address)
        served = House(house.url, Settings.from_environment(), house.sandbox)
        outcomes = served.pull(["acme"], [DAY], ["vapi", "retell"])
    assert {(one.source, str(one.state)) for one in outcomes} == {("vapi", "published"), ("retell", "published")}
    warehouse = opened(house.url, dbt_home)
    with warehouse.connection:
        warehouse.build(DAY + timedelta(days=1))
        (row,) = warehouse.rows(
            "select c.tenant_id, c.agent_id, c.connected_seconds, c.units::text, c.cost, c.cost_basis, c.costs::text,"
            " c.end_group, r.customer, r.transfer_to, r.evaluation_state, r.rating, r.sentiment, r.turns,"
            " r.has_recording"
            " from marts.fct_calls as c join marts.fct_call_results as r using (source, account, usage_date, call_id)"
            " where c.source = 'retell'"
        )
        assert row[:3] == ("acme", "acme-agent", Decimal(61))
        assert json.loads(row[3]) == {"retell_minutes": 2}
        assert row[4:6] == (Decimal("0.1172"), "reported_by_voice")
        assert json.loads(row[6]) == {"elevenlabs_tts": 0.0714, "gpt_4_1": 0.0458}
        assert row[7:] == ("transferred", "+15550104242", "+15550109999", "succeeded", 4, "Positive", 2, True)
        assert sorted(warehouse.rows(SEARCH, "plumber")) == [("retell", "call_1"), ("vapi", "call_1")]
        assert warehouse.rows(SEARCH, "practice") == [("retell", "call_1")]
        costs = dict(warehouse.rows("select source, sum(amount) from marts.fct_costs_daily group by source"))
        assert costs["retell"] == Decimal("0.1172")
        # The other call of that id is another tenant's now: neither exported nor forgotten with this one's.
        house.tenant("beta")
        house.attach("beta", "vapi_phone_number", "number-of-vapi", DAY)
        warehouse.build(DAY + timedelta(days=1))
        assert warehouse.rows(SEARCH, "plumber") == [("retell", "call_1")]
        exported = personal.export(house.url, all_sources().values(), "acme", tmp_path / "export")
        assert (exported["raw_retell.calls"], exported["raw_vapi.calls"]) == (1, 0)
        assert warehouse.rows("select ledger.forget_personal_data('acme', 'infinity')") == [(1,)]
        assert warehouse.rows("select count(*) from raw_vapi.calls where payload::text ~ 'plumber'") == [(1,)]
        assert warehouse.rows(SEARCH, "plumber") == []
