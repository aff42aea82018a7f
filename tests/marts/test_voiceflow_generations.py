"""Both generations of Voiceflow's API, from their HTTP to usage and costs in the marts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from orchestration.marts.building import build
from tests.ingestion.conftest import house  # noqa: F401 - a fixture
from tests.ingestion.house import LONG_AGO, House
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sandbox.voiceflow.chat import LIVE, PRODUCTION
from tests.sandbox.world import StableRow, VoiceflowProject
from warehouse.database.connect import Role, connect
from warehouse.database.queries import rows

TODAY = datetime.now(UTC).date()
DAY = TODAY - timedelta(days=1)
TOKEN, KEY = "vfp_personal-access-token-of-acme", "VF.DM.project-key-of-acme"


def store(house: House, secret: str, settings: Mapping[str, str]) -> None:  # noqa: F811
    with connect(house.url, Role.OPERATOR) as connection:
        house.settings.vault().set_credential(connection, "acme", "voiceflow", secret, settings, LONG_AGO)


def test_a_day_read_in_the_newer_generation_replaces_what_v2_said_of_it(house: House, dbt_home: Path) -> None:  # noqa: F811
    house.tenant("acme")
    house.execute(
        "insert into control.agent_attachments (kind, value, tenant_id, agent_id, valid_from)"
        " values ('voiceflow_project', 'p1', 'acme', 'acme-agent', %s)",
        LONG_AGO,
    )
    house.execute(
        "insert into control.meters (meter_id, name, unit, source, item)"
        " values ('chats', 'Chats', 'chat', 'voiceflow', 'interactions')"
    )
    place = {"period": f"{DAY}T09:00:00.000Z", "projectID": "p1", "environmentID": PRODUCTION}
    old = VoiceflowProject({"production": PRODUCTION}, {"interactions": [{**place, "type": LIVE, "count": 10}]})
    day = {"intervalStartDate": f"{DAY}T00:00:00.000Z"}
    new = VoiceflowProject(
        stable={
            "interaction-count": [
                StableRow({**day, "count": 11, "averageLatencyMS": 1.5}),
                StableRow({**day, "count": 4, "averageLatencyMS": 1.5}, version="draft"),
            ],
            "call-count": [StableRow({**day, "count": 2, "durationMS": 61_000})],
            "token-usage": [StableRow({**day, "model": "gpt-x", "count": 1000})],
            "transcript-cost": [StableRow({**day, "transcriptCount": 5, "cost": 0.125})],
        }
    )
    house.sandbox.world.voiceflow = {KEY: {"p1": old}, f"Bearer {TOKEN}": {"p1": new}}
    store(house, KEY, {})
    house.pull(["acme"], [DAY], ["voiceflow"])
    build(house.url, dbt_home, TODAY)
    usage = "select quantity from marts.fct_usage_daily where meter_id = 'chats'"
    costs = "select component, basis, amount from marts.fct_costs_daily where source = 'voiceflow'"
    assert house.execute(usage) == [{"quantity": 10}]
    assert house.execute(costs) == [{"component": "chats", "basis": "unknown", "amount": None}]
    store(house, TOKEN, {"generation": "stable"})
    (outcome,) = house.pull(["acme"], [DAY], ["voiceflow"])
    assert outcome.state == "published", outcome
    build(house.url, dbt_home, TODAY)
    assert house.execute(usage) == [{"quantity": 11}]
    assert house.execute(costs) == [
        {"component": "transcript_cost", "basis": "reported_by_provider", "amount": Decimal("0.125")}
    ]
    shown = house.execute(
        "select item, reason, quantity, is_blocking from marts.fct_unbilled_usage"
        " where source = 'voiceflow' and reason <> 'unpriced' order by item"
    )
    assert [tuple(row.values()) for row in shown] == [
        ("call_milliseconds", "no meter", 61_000, False),
        ("calls", "no meter", 2, False),
        ("chats", "prototype", 4, False),
        ("tokens", "no meter", 1000, False),
        ("transcript_cost", "no meter", 5, False),
    ]
    with connect(house.url, Role.TRANSFORMER) as connection:
        red = rows(connection, "marts/checks", "no_usage_is_unpriced")
        beside = rows(connection, "marts/checks", "usage_that_no_price_is_for")
    assert {(row["item"], row["reason"]) for row in red} == {("chats", "unpriced")}
    assert [(row["item"], row["tenants"]) for row in beside] == [
        ("call_milliseconds", 1), ("calls", 1), ("tokens", 1), ("transcript_cost", 1)
    ]  # fmt: skip
