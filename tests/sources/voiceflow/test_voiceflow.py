import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sources import voiceflow
from sources.errors import AnswerMoved, ContractBroken, CredentialRejected, ProviderRefused, PullTruncated
from sources.reading import Reading
from sources.voiceflow import Project, VoiceflowClient
from tests.sandbox.faults import FOREVER, Fault, altered, ok_with, reordered, repeated_cursor, status
from tests.sandbox.server import Sandbox
from tests.sandbox.voiceflow.chat import DEVELOPMENT, LIVE, PRODUCTION, PROTOTYPE
from tests.sandbox.world import Received, VoiceflowProject
from tests.sources.conftest import VOICEFLOW_KEY

DAY = date(2026, 2, 18)
PROJECT = Project("62912f08e83f76001b218690")
USAGE = "/voiceflow/v2/query/usage"


def interactions(period: str, count: int, kind: str = LIVE, environment: str = PRODUCTION) -> dict[str, Any]:
    return {
        "period": period,
        "projectID": PROJECT.project_id,
        "environmentID": environment,
        "type": kind,
        "count": count,
    }


@pytest.fixture
def project(sandbox: Sandbox) -> VoiceflowProject:
    """What Voiceflow holds: no rows yet, two environments."""
    held = VoiceflowProject({"production": PRODUCTION, "development": DEVELOPMENT})
    held.rows["interactions"] = []
    sandbox.world.voiceflow[VOICEFLOW_KEY] = {PROJECT.project_id: held}
    return held


def read(client: VoiceflowClient, *projects: Project) -> Reading:
    return voiceflow.read_day(client, DAY, projects or (PROJECT,))


def rows(reading: Reading, metric: str = "interactions") -> list[dict[str, Any]]:
    return [row for row in reading.table.to_pylist() if row["metric"] == metric]


def is_of(metric: str) -> Any:
    def applies(received: Received) -> bool:
        return bool(received.body["data"]["name"] == metric)

    return applies


# What is asked.


def test_each_metric_is_asked_for_the_day_with_the_highest_limit_and_a_bare_key(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    read(voiceflow_client)
    asked = sandbox.asked(USAGE)
    assert [received.body["data"]["name"] for received in asked] == [
        "interactions", "unique_users", "credit_usage", "function_usage",
        "api_calls", "kb_documents", "integrations", "top_intents",
    ]  # fmt: skip
    for received in asked:
        assert received.key == VOICEFLOW_KEY
        assert received.body["data"]["filter"] == {
            "projectID": PROJECT.project_id,
            "startTime": "2026-02-18T00:00:00.000Z",
            "endTime": "2026-02-19T00:00:00.000Z",
            "limit": 500,
        }


def test_cursors_are_followed_past_short_pages_to_an_empty_one(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.rows["interactions"] = [
        interactions(f"2026-02-18T{n % 24:02d}:00:00.000Z", 1, f"type-{n}", "production") for n in range(1203)
    ]
    reading = read(voiceflow_client)
    assert reading.totals["interactions"] == len(rows(reading)) == 1203
    cursors = [asked.body["data"]["filter"].get("cursor") for asked in sandbox.asked(USAGE)[:5]]
    assert cursors == [None, 127_369_500, 127_370_000, 127_370_203, None]


def test_a_page_without_a_cursor_is_the_last(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    row = interactions("2026-02-18T01:00:00.000Z", 3, environment="production")
    sandbox.faults.script(USAGE, ok_with({"result": {"items": [row]}}))
    assert read(voiceflow_client).totals["interactions"] == 3
    assert len([1 for asked in sandbox.asked(USAGE) if is_of("interactions")(asked)]) == 1


def test_a_cursor_that_comes_again_is_a_truncated_pull(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.rows["interactions"].append(interactions("2026-02-18T01:00:00.000Z", 3))
    same_page = {"result": {"items": project.rows["interactions"]}}
    sandbox.faults.script(USAGE, altered(lambda _: same_page | repeated(same_page)), times=FOREVER)
    with pytest.raises(PullTruncated, match="4711"):
        read(voiceflow_client)
    assert len(sandbox.asked(USAGE)) == 2


def repeated(page: dict[str, Any]) -> dict[str, Any]:
    fault = repeated_cursor(4711)
    assert fault.change is not None
    answer: dict[str, Any] = json.loads(fault.change(json.dumps(page).encode()))
    return answer


# What belongs to the day.


def test_rows_of_other_hours_are_left_out_whatever_their_order(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.rows["interactions"] = [
        interactions("2026-02-19T00:00:00.000Z", 1000),  # the sandbox counts the end in, as Voiceflow may
        interactions("2026-02-18T23:00:00.000Z", 5),
        interactions("2026-02-17T23:00:00.000Z", 100),
        interactions("2026-02-18T00:00:00.000Z", 7),
    ]
    sandbox.faults.script(USAGE, reordered())
    reading = read(voiceflow_client)
    assert sorted(row["quantity"] for row in rows(reading)) == [5, 7]
    assert reading.totals["interactions"] == 12
    assert reading.totals["rows_outside_window"] >= 1


def test_an_hour_finer_than_a_microsecond_is_cut_off_and_not_rounded_into_the_next_day(
    voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.rows["interactions"] = [interactions("2026-02-18T23:59:59.9999999Z", 5)]
    reading = read(voiceflow_client)
    assert reading.totals["interactions"] == 5
    assert "rows_outside_window" not in reading.totals


def test_a_row_told_on_two_pages_counts_once(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.rows["interactions"] = [interactions(f"2026-02-18T{n:02d}:00:00.000Z", n + 1) for n in range(3)]
    page = {"result": {"cursor": 127_369_000, "items": project.rows["interactions"][:2]}}
    sandbox.faults.script(USAGE, ok_with(page))
    assert read(voiceflow_client).totals["interactions"] == 6


def test_a_row_that_changes_between_pages_is_read_again_later(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    row = interactions("2026-02-18T01:00:00.000Z", 3)
    sandbox.faults.script(USAGE, ok_with({"result": {"items": [row, row | {"count": 4}]}}))
    with pytest.raises(AnswerMoved) as moved:
        read(voiceflow_client)
    assert not moved.value.is_permanent


def test_every_environment_is_loaded_and_the_billed_one_carries_its_alias(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.rows["interactions"] = [
        interactions("2026-02-18T08:00:00.000Z", 10),
        interactions("2026-02-18T08:00:00.000Z", 3, PROTOTYPE),
        interactions("2026-02-18T08:00:00.000Z", 5, LIVE, DEVELOPMENT),
    ]
    project.rows["unique_users"] = [
        {key: value for key, value in interactions("2026-02-18T08:00:00.000Z", 2).items() if key != "type"}
    ]
    reading = read(voiceflow_client)
    assert {(row["environment_id"], row["usage_type"], row["quantity"]) for row in rows(reading)} == {
        ("production", LIVE, 10),
        ("production", PROTOTYPE, 3),
        (DEVELOPMENT, LIVE, 5),
    }
    assert [row["environment_id"] for row in rows(reading, "unique_users")] == ["production"]
    assert {json.loads(row["payload"])["environmentID"] for row in rows(reading)} == {PRODUCTION, DEVELOPMENT}
    by_alias = [asked.body["data"]["filter"].get("projectEnvironmentIDOrAlias") for asked in sandbox.asked(USAGE)]
    assert [alias for alias in by_alias if alias] == ["production"] * 2


def test_an_environment_configured_by_its_id_needs_no_second_question(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.rows["interactions"] = [interactions("2026-02-18T08:00:00.000Z", 10)]
    reading = read(voiceflow_client, Project(PROJECT.project_id, PRODUCTION))
    assert [row["environment_id"] for row in rows(reading)] == [PRODUCTION]
    assert not [
        asked for asked in sandbox.asked(USAGE) if "projectEnvironmentIDOrAlias" in asked.body["data"]["filter"]
    ]


def test_all_metrics_land_in_the_columns_of_the_raw_table(
    voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    place = {
        "period": "2026-02-18T08:00:00.000Z",
        "projectID": PROJECT.project_id,
        "environmentID": "production",
        "count": 4,
    }
    node = {"diagramID": "", "nodeID": "", "model": "gpt-4o-mini"}
    project.rows |= {
        "interactions": [place | {"type": LIVE}],
        "unique_users": [place],
        "credit_usage": [place | node | {"type": "llm-input"}, place | node | {"type": "llm-output", "count": 9}],
        "function_usage": [place | {"functionID": "f", "name": "n", "successCount": 1}],
        "api_calls": [place | {"apiToolID": "t", "name": "n", "successCount": 1}],
        "kb_documents": [place | {"documentID": "d"}],
        "integrations": [place | {"integrationToolName": "i", "successCount": 1}],
    }
    project.intents = [{"name": "opening_hours", "count": 152}]
    reading = read(voiceflow_client)
    assert reading.table.column_names == [
        "project_id", "environment_id", "metric", "period_at", "usage_type", "quantity", "payload",
    ]  # fmt: skip
    assert len(reading.keys) == reading.table.num_rows == 9
    (intent,) = rows(reading, "top_intents")
    assert (intent["period_at"], intent["environment_id"], intent["quantity"]) == (None, None, 152)
    assert {row["usage_type"] for row in rows(reading, "credit_usage")} == {"llm-input", "llm-output"}
    assert reading.totals == {"rows": Decimal(9), "interactions": Decimal(4)}


def test_several_projects_are_one_reading(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    second = VoiceflowProject({"production": PRODUCTION})
    second.rows["interactions"] = [interactions("2026-02-18T08:00:00.000Z", 5) | {"projectID": "second"}]
    project.rows["interactions"] = [interactions("2026-02-18T08:00:00.000Z", 10)]
    sandbox.world.voiceflow[VOICEFLOW_KEY]["second"] = second
    reading = read(voiceflow_client, PROJECT, Project("second"))
    assert {(row["project_id"], row["quantity"]) for row in rows(reading)} == {(PROJECT.project_id, 10), ("second", 5)}


# What breaks.


@pytest.mark.parametrize(
    "change",
    [
        {"count": "3"}, {"count": 3.5}, {"count": -1}, {"count": 2**63}, {"period": "today"}, {"period": 1771372800},
        {"environmentID": None}, {"projectID": "of somebody else"}, {"type": 7},
    ],
)  # fmt: skip
def test_a_row_unlike_the_documented_is_set_aside_by_itself(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject, change: dict[str, Any]
) -> None:
    good = interactions("2026-02-18T01:00:00.000Z", 3)
    sandbox.faults.script(USAGE, ok_with({"result": {"items": [good, good | change]}}))
    reading = read(voiceflow_client)
    (odd,) = reading.quarantined
    assert odd.item.startswith("interactions/row-")
    assert reading.totals["interactions"] == 3


def test_a_row_without_the_field_that_tells_it_apart_is_set_aside(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.rows["kb_documents"] = [interactions("2026-02-18T01:00:00.000Z", 3)]
    (odd,) = read(voiceflow_client).quarantined
    assert odd.reason == "it lacks 'documentID'"


@pytest.mark.parametrize("body", [{"error": "oops"}, {"result": None}, {"result": {}}, {"result": {"intents": []}}, []])
def test_another_envelope_breaks_the_contract(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject, body: object
) -> None:
    sandbox.faults.script(USAGE, ok_with(body), times=3)
    with pytest.raises(ContractBroken):
        read(voiceflow_client)


def test_an_answer_of_odd_rows_is_of_another_contract(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    rows = [interactions(f"2026-02-18T{hour:02d}:00:00.000Z", hour) | {"count": str(hour)} for hour in range(12)]
    sandbox.faults.script(USAGE, ok_with({"result": {"items": rows}}))
    with pytest.raises(ContractBroken, match="12 of 12 rows are not as documented"):
        read(voiceflow_client)


@pytest.mark.parametrize("fault", [status(500), status(429, retry_after=3), ok_with(b"<html>")])
def test_a_failure_in_the_middle_of_the_pages_is_overcome(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject, fault: Fault
) -> None:
    project.rows["interactions"] = [
        interactions(f"2026-02-18T{n % 24:02d}:00:00.000Z", 1, f"type-{n}") for n in range(700)
    ]
    sandbox.faults.script(USAGE, fault, when=lambda received: "cursor" in received.body["data"]["filter"])
    assert read(voiceflow_client).totals["interactions"] == 700


def test_the_hash_ignores_order_and_sees_every_count(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.rows["interactions"] = [interactions(f"2026-02-18T{n:02d}:00:00.000Z", n) for n in range(12)]
    before = read(voiceflow_client).content_hash
    project.rows["interactions"].reverse()
    assert read(voiceflow_client).content_hash == before
    project.rows["interactions"][3]["count"] += 1
    assert read(voiceflow_client).content_hash != before


# The key.


def test_a_key_is_verified_against_each_project(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    voiceflow.verify(voiceflow_client, [PROJECT])
    assert len(sandbox.received) == 1
    with pytest.raises(CredentialRejected, match="does not have permissions"):
        voiceflow.verify(voiceflow_client, [PROJECT, Project("of-somebody-else")])


def test_a_key_without_a_project_cannot_be_verified(voiceflow_client: VoiceflowClient) -> None:
    with pytest.raises(ProviderRefused, match="none yet"):
        voiceflow.verify(voiceflow_client, [])


def test_an_unknown_generation_is_refused() -> None:
    with pytest.raises(ProviderRefused, match="there is v2, stable"):
        voiceflow.client(VOICEFLOW_KEY, generation="v9")
