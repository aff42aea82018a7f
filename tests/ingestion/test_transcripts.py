"""Voiceflow's transcripts as rows: read where a credential says so, kept as the tenant chose, and in nobody's bill."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from orchestration.marts.building import build
from orchestration.privacy.minimising import apply_choices
from sources.registry import all_sources, horizons
from tests.ingestion.house import LONG_AGO, House, states
from tests.sandbox.faults import FOREVER, status
from tests.sandbox.world import VoiceflowProject
from warehouse.blocker import Blocker
from warehouse.database.connect import Role, connect
from warehouse.ingestion import retry_schedule
from warehouse.ingestion.day_status import days_needing_attention
from warehouse.privacy import personal
from warehouse.privacy.personal import Kept
from warehouse.sources import retention
from warehouse.statements.blocking import blockers

TODAY = datetime.now(UTC).date()
DAY = TODAY - timedelta(days=2)
SOURCES = ["voiceflow_transcripts"]
SAID = "the word that was said"
EVERYTHING = Kept("kept", "kept", "kept")
NOTHING = Kept("never", "never", "never")


def transcript(tenant: str, number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"{tenant}-{number}",
        "sessionID": "+4915112345678",
        "projectID": f"project-{tenant}",
        "createdAt": f"{DAY}T09:00:00.000Z",
        "updatedAt": f"{DAY}T09:01:00.000Z",
        "endedAt": f"{DAY}T09:01:00.000Z",
        "logs": [{"type": "action", "data": SAID}, {"type": "end"}],
    } | fields


def served(
    house: House, tenant: str, *transcripts: dict[str, Any], settings: Mapping[str, str] | None = None
) -> VoiceflowProject:
    """A tenant with a project that holds these; its credential asks for transcripts unless told otherwise."""
    house.tenant(tenant)
    house.execute(
        "insert into control.agent_attachments (kind, value, tenant_id, agent_id, valid_from)"
        " values ('voiceflow_project', %s, %s, %s, %s)",
        f"project-{tenant}", tenant, f"{tenant}-agent", LONG_AGO,
    )  # fmt: skip
    project = VoiceflowProject(transcripts=list(transcripts))
    key = f"VF.DM.key-of-{tenant}"
    house.sandbox.world.voiceflow[key] = {f"project-{tenant}": project}
    with connect(house.url, Role.OPERATOR) as operator:
        wanted = {"transcripts": "yes"} if settings is None else settings
        house.settings.vault().set_credential(operator, tenant, "voiceflow", key, wanted, LONG_AGO)
    return project


def choose(house: House, tenant: str, kept: Kept) -> None:
    with connect(house.url, Role.OPERATOR) as operator:
        personal.choose(operator, tenant, vars(kept))


def pulled(house: House, *tenants: str, **options: Any) -> list[str]:
    return [outcome.state.value for outcome in house.pull(tenants, [DAY], SOURCES, **options)]


def current(house: House) -> list[tuple[str, str, int | None]]:
    found = house.execute(
        "select t.tenant_id, t.transcript_id, t.message_count from raw_voiceflow.transcripts as t"
        " join ledger.pulls as p using (pull_id) where p.state = 'published' order by 1, 2"
    )
    return [(row["tenant_id"], row["transcript_id"], row["message_count"]) for row in found]


def holds(house: House, word: str) -> set[str]:
    found = house.execute("select tenant_id, payload::text as payload from raw_voiceflow.transcripts")
    return {row["tenant_id"] for row in found if word in row["payload"]}


def test_transcripts_of_two_tenants_land_each_under_its_own_and_as_it_chose(house: House) -> None:
    served(house, "acme", transcript("acme", 1), transcript("acme", 2))
    served(house, "beta", transcript("beta", 1))
    choose(house, "acme", EVERYTHING)
    assert pulled(house, "acme", "beta") == ["published", "published"]
    assert current(house) == [("acme", "acme-1", 1), ("acme", "acme-2", 1), ("beta", "beta-1", None)]
    assert holds(house, SAID) == {"acme"}


@pytest.mark.parametrize("settings", [{}, {"transcripts": "no"}])
def test_nobody_is_asked_for_transcripts_it_did_not_ask_to_be_read(house: House, settings: dict[str, str]) -> None:
    served(house, "acme", transcript("acme", 1), settings=settings)
    assert pulled(house, "acme") == ["not used"]
    assert house.ledger() == []


def test_a_re_pull_that_tells_the_same_writes_nothing_and_restatements_reach_the_rows(house: House) -> None:
    project = served(house, "acme", transcript("acme", 1))
    assert pulled(house, "acme") + pulled(house, "acme") == ["published", "unchanged"]
    assert len(house.execute("select pull_id from raw_voiceflow.transcripts")) == 1
    project.transcripts.append(transcript("acme", 2))
    assert pulled(house, "acme") == ["published"]
    assert len(current(house)) == 2
    project.transcripts.clear()
    assert pulled(house, "acme") == ["published"]
    assert current(house) == []


def test_a_day_older_than_voiceflow_remembers_keeps_what_it_had(house: House) -> None:
    project = served(house, "acme", transcript("acme", 1))
    pulled(house, "acme")
    project.transcripts.clear()
    (outcome,) = house.pull(["acme"], [DAY], SOURCES, today=TODAY + timedelta(days=200))
    assert (outcome.state.value, outcome.cause_code) == ("failed", "rows_lost")
    assert len(current(house)) == 1


def test_a_later_choice_is_applied_to_transcripts_that_stand(house: House) -> None:
    served(house, "acme", transcript("acme", 1))
    served(house, "beta", transcript("beta", 1))
    for tenant in ("acme", "beta"):
        choose(house, tenant, EVERYTHING)
    pulled(house, "acme", "beta")
    apply_choices(house.url, "night")
    choose(house, "acme", NOTHING)
    assert apply_choices(house.url, "night")["acme"].rows_changed == 1
    assert holds(house, SAID) == holds(house, "12345678") == {"beta"}
    (row,) = house.execute("select ctid::text as row_id from raw_voiceflow.transcripts where tenant_id = 'beta'")
    with connect(house.url, Role.LOADER) as loader, pytest.raises(psycopg.Error, match="a fact of voiceflow_tran"):
        personal.minimise(loader, all_sources()["voiceflow_transcripts"], [(row["row_id"], '{"id": "other"}')])


def test_an_export_holds_a_tenants_transcripts_and_forgetting_leaves_when_they_were(
    house: House, tmp_path: Path, dbt_home: Path
) -> None:
    for tenant in ("acme", "beta"):
        served(house, tenant, transcript(tenant, 1))
        choose(house, tenant, EVERYTHING)
    pulled(house, "acme", "beta")
    build(house.url, dbt_home, TODAY)
    assert (
        personal.export(house.url, all_sources().values(), "acme", tmp_path / "export")["raw_voiceflow.transcripts"]
        == 1
    )
    assert "beta" not in (tmp_path / "export" / "raw_voiceflow.transcripts.jsonl").read_text()
    staged = "select session_id, duration_seconds from staging.stg_voiceflow__transcripts where tenant_id = 'acme'"
    assert house.execute(staged) == [{"session_id": "+4915112345678", "duration_seconds": 60}]
    with connect(house.url, Role.OPERATOR, autocommit=True) as operator:
        personal.retain(operator, "acme", 1)
        assert personal.expire(operator, TODAY) == {"acme": 1}
        assert personal.expire(operator, TODAY) == {"acme": 0}
    assert holds(house, SAID) == holds(house, "12345678") == {"beta"}
    assert house.execute(staged) == [{"session_id": None, "duration_seconds": 60}]


def test_superseded_transcripts_are_purged_and_current_ones_are_not(house: House) -> None:
    project = served(house, "acme", transcript("acme", 1))
    pulled(house, "acme")
    project.transcripts.append(transcript("acme", 2))
    pulled(house, "acme")
    house.execute("update ledger.pulls set closed_at = closed_at - interval '40 days'")
    with connect(house.url, Role.OPERATOR, autocommit=True) as operator:
        gone = retention.purge(operator, datetime.now(UTC) - timedelta(days=35))
    assert {one.source: one.raw_rows for one in gone if one.raw_rows} == {"voiceflow_transcripts": 1}
    assert len(house.execute("select pull_id from raw_voiceflow.transcripts")) == 2


def test_a_failed_transcript_day_is_seen_and_keeps_no_money_waiting(house: House, dbt_home: Path) -> None:
    served(house, "acme", transcript("acme", 1))
    house.sandbox.faults.script("/voiceflow/v1/transcript/project/project-acme", status(401), times=FOREVER)
    (outcome,) = house.pull(["acme"], [DAY], SOURCES)
    assert (outcome.state.value, outcome.cause_code) == ("failed", "credential_rejected")
    assert states(house.pull(["acme"], [DAY], ["voiceflow"])) == {("acme", DAY): "published"}
    build(house.url, dbt_home, TODAY)
    shown = house.execute(
        "select source, status from marts.fct_tenant_day_status where usage_date = %s order by source", DAY
    )
    assert [tuple(row.values()) for row in shown] == [("voiceflow", "no usage"), ("voiceflow_transcripts", "failed")]
    tomorrow = DAY + timedelta(days=1)
    period = {"tenant_id": "acme", "period_start": DAY, "period_end": tomorrow, "ends_on": tomorrow}
    with connect(house.url, Role.OPERATOR) as operator:
        assert {one.code for one in blockers(operator, [period], TODAY)} == {Blocker.EARLIER}
        needing = days_needing_attention(operator, DAY, DAY)
    assert [(day["source"], day["status"]) for day in needing] == [("voiceflow_transcripts", "failed")]


def test_a_rejected_transcript_day_comes_back_when_the_credential_is_replaced(house: House) -> None:
    served(house, "acme", transcript("acme", 1))
    house.sandbox.faults.script("/voiceflow/v1/transcript/project/project-acme", status(401))
    assert pulled(house, "acme") == ["failed"]

    def comes_back() -> bool:
        """By now, and not only after the wait for what a person has to fix."""
        now = datetime.now(UTC)
        with connect(house.url, Role.LOADER) as loader:
            found = [day for day in retry_schedule.account_days(loader, now, horizons()) if day.due_at <= now]
        return ("voiceflow_transcripts", DAY) in {(day.key.source, day.key.usage_date) for day in found}

    assert not comes_back()
    with connect(house.url, Role.OPERATOR) as operator:
        house.settings.vault().set_credential(
            operator, "acme", "voiceflow", "VF.DM.another", {"transcripts": "yes"}, LONG_AGO
        )
    assert comes_back()
