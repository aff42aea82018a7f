"""A field of no contract: nowhere in the database but by its name, said once, and taken out of rows that stand."""

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from orchestration.ingestion import PullState
from orchestration.privacy import cleaning
from orchestration.privacy.cleaning import clean
from tests.cli.conftest import Minutebook, minutebook  # noqa: F401 - a fixture
from tests.ingestion.conftest import house  # noqa: F401 - a fixture
from tests.ingestion.house import House, call, written
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sources.test_allowed import CANARY, SECRETS_OF_A_CALL
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.privacy import personal
from warehouse.privacy.personal import Kept
from warehouse.sources import fields

YESTERDAY = clock.today() - timedelta(days=1)
EVERYTHING = Kept("kept", "kept", "kept")
# What a bill is made of; the sandbox's own items stand for the canaries' beside it.
TOLD = {name: part for name, part in SECRETS_OF_A_CALL.items() if name not in ("costs", "name")}


@pytest.fixture
def reported(house: House) -> House:  # noqa: F811
    """A tenant that keeps everything, with a call that says every secret it could."""
    house.tenant("acme")
    house.own_vapi("acme", [call("c-1", YESTERDAY, **TOLD), call("c-2", YESTERDAY)])
    with connect(house.url, Role.OPERATOR) as operator:
        personal.choose(operator, "acme", vars(EVERYTHING))
    return house


def everything(house: House) -> str:  # noqa: F811
    """All rows of all tables that may hold something of a provider."""
    tables = house.execute(
        "select c.oid::regclass::text as name from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'm') and n.nspname ~ '^(raw_|ledger|control|marts)'"
    )
    return "\n".join(str(house.execute(f"select t::text from {table['name']} as t")) for table in tables)


def test_a_secret_is_stored_for_nobody_and_its_name_once(reported: House) -> None:
    assert {outcome.state for outcome in reported.pull(["acme"], [YESTERDAY])} == {PullState.PUBLISHED}
    reported.pull(["acme"], [YESTERDAY], is_forced=True)
    assert CANARY not in everything(reported)
    seen = reported.execute("select field, account, usage_date, pull_id from ledger.new_fields where source = 'vapi'")
    named = {row["field"]: row for row in seen}
    assert len(named) == len(seen)
    assert named["phoneNumber.twilioAuthToken"] == {
        "field": "phoneNumber.twilioAuthToken", "account": "acme", "usage_date": YESTERDAY, "pull_id": 1,
    }  # fmt: skip
    ((stored,),) = (
        row.values() for row in reported.execute("select payload from raw_vapi.calls where call_id = 'c-1' limit 1")
    )
    assert stored["transport"]["callSid"] == "CA1"


def test_a_field_that_comes_and_goes_restates_no_day(reported: House) -> None:
    reported.pull(["acme"], [YESTERDAY])
    same = {name: TOLD[name] for name in ("costBreakdown", "transport")}
    reported.own_vapi("acme", [call("c-1", YESTERDAY, **same, brandNew="x"), call("c-2", YESTERDAY)])
    assert {outcome.state for outcome in reported.pull(["acme"], [YESTERDAY])} == {PullState.UNCHANGED}
    assert reported.execute("select pull_id from ledger.new_fields where field = 'brandNew'") == [{"pull_id": 2}]


@pytest.mark.resolves("new field")
def test_doctor_names_new_fields_until_somebody_has_seen_them(minutebook: Minutebook, reported: House) -> None:  # noqa: F811
    reported.pull(["acme"], [YESTERDAY])
    assert "phoneNumber.twilioAuthToken" in minutebook("field list").stdout
    (found,) = new_fields(minutebook)
    assert "analysis.structuredData" in found["what"]
    assert CANARY not in found["what"]
    minutebook(found["fix"].removeprefix("minutebook "))
    assert new_fields(minutebook) == []
    reported.pull(["acme"], [YESTERDAY], is_forced=True)
    assert new_fields(minutebook) == []
    assert "phoneNumber.twilioAuthToken" in minutebook("field list --all").stdout
    assert "phoneNumber.twilioAuthToken" not in minutebook("field list").stdout
    minutebook("field seen nothing", code=2)


def new_fields(minutebook: Minutebook) -> list[dict[str, Any]]:  # noqa: F811
    return [one for one in doctor(minutebook) if "of no contract" in one["what"]]


def doctor(minutebook: Minutebook) -> list[dict[str, Any]]:  # noqa: F811
    found: list[dict[str, Any]] = json.loads(minutebook("doctor --json", code=1).stdout)
    return found


def stand_uncleaned(reported: House) -> None:
    """Rows as they landed before contracts held what is stored, and no word of a cleaning."""
    reported.pull(["acme"], [YESTERDAY])
    (row,) = reported.execute("select payload from raw_vapi.calls where call_id = 'c-1'")
    reported.execute(
        "update raw_vapi.calls set payload = %s where call_id = 'c-1'",
        written(row["payload"] | {name: part for name, part in TOLD.items() if name != "costBreakdown"}),
    )
    stamps = "account, tenant_id, usage_date, pull_id"
    for table, columns, values, payload in (
        ("raw_voiceflow.usage", "project_id, metric, quantity", "'p', 'interactions', 3",
         {"projectID": "p", "count": 3, "apiKey": CANARY}),
        ("raw_voiceflow.transcripts", "transcript_id, project_id, created_at", "'t', 'p', now()",
         {"id": "t", "createdAt": "x", "logs": [{"type": "trace", "data": {"token": CANARY}}]}),
        ("raw_usage_metrics.metrics", "usage_agent_id, metric_type, quantity, recorded_at", "'a', 'scan', 1, now()",
         {"agent_id": "a", "quantity": 1, "cost_usd": 0.0750, "metadata": {"secret": CANARY, "by": "us"}}),
    ):  # fmt: skip
        reported.execute(
            f"insert into {table} ({stamps}, {columns}, payload)"
            f" select {stamps}, {values}, %s from raw_vapi.calls limit 1",
            written(payload),
        )
    reported.execute("delete from ledger.cleanings")


def money(reported: House) -> list[dict[str, Any]]:
    return reported.execute(
        "select call_id, payload ->> 'cost' as cost, payload ->> 'costs' as costs, payload ->> 'costBreakdown' as parts"
        " from raw_vapi.calls order by call_id"
    )


@pytest.mark.resolves("payloads not cleaned")
def test_rows_that_stand_are_cleaned_by_what_doctor_prints(minutebook: Minutebook, reported: House) -> None:  # noqa: F811
    stand_uncleaned(reported)
    before = money(reported)
    assert CANARY in everything(reported)
    (found,) = [one for one in doctor(minutebook) if one["fix"] == "minutebook field clean"]
    assert "secrets" in found["what"]
    said = minutebook(found["fix"].removeprefix("minutebook ")).stdout
    assert "vapi: 1 row cleaned" in said
    assert "usage_metrics: 1 row cleaned" in said
    assert CANARY not in everything(reported)
    assert money(reported) == before
    assert [one for one in doctor(minutebook) if one["fix"] == "minutebook field clean"] == []
    assert set(clean(reported.url, "again").values()) == {0}
    recorded = reported.execute(
        "select actor, after ->> 'rows_changed' as rows from ledger.audit_log"
        " where object_table = 'ledger.cleanings' and action = 'insert' order by entry_id desc limit 2"
    )
    assert [row["rows"] for row in recorded] == ["0", "4"]
    assert recorded[0]["actor"] == "again"


def test_a_cleaning_that_is_interrupted_goes_on_and_says_how_far_it_is(
    reported: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_uncleaned(reported)
    monkeypatch.setattr(cleaning, "_BATCH", 1)
    progress: list[tuple[str, int, int]] = []

    def stop(source: str, rows: int, changed: int) -> None:
        progress.append((source, rows, changed))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clean(reported.url, "one", stop)
    assert progress[0][1] == 1
    with connect(reported.url, Role.OPERATOR) as operator:
        assert fields.is_cleaning_due(operator)
    assert sum(clean(reported.url, "two").values()) == 4 - progress[0][2]
    assert CANARY not in everything(reported)


def test_the_warehouse_refuses_to_clean_away_or_change_a_fact(reported: House) -> None:
    reported.pull(["acme"], [YESTERDAY])
    (row,) = reported.execute(
        "select ctid::text as row_id, payload, payload::text as standing from raw_vapi.calls where call_id = 'c-2'"
    )
    payload = row["payload"]
    cheaper = [payload["costs"][0] | {"cost": 0}, *payload["costs"][1:]]
    with connect(reported.url, Role.LOADER, autocommit=True) as loader:
        for changed in (
            payload | {"cost": 0},
            payload | {"costs": cheaper},
            payload | {"costs": payload["costs"][1:]},
            payload | {"invented": 1},
            {name: part for name, part in payload.items() if name != "endedAt"},
        ):
            with pytest.raises(psycopg.errors.RaiseException, match="a fact of vapi would change"):
                fields.clean(loader, "vapi", [(row["row_id"], written(changed))])
        with pytest.raises(psycopg.errors.RaiseException, match="no source"):
            fields.clean(loader, "nobody", [(row["row_id"], row["standing"])])
