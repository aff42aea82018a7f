import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sources import voiceflow
from sources.errors import AnswerMoved, CredentialRejected
from sources.reading import Reading
from sources.voiceflow import Project, VoiceflowClient
from tests.sandbox.faults import ok_with
from tests.sandbox.server import Sandbox
from tests.sandbox.world import StableRow, VoiceflowProject
from tests.sources.conftest import VOICEFLOW_KEY, Clock

DAY = date(2026, 2, 18)
TOKEN = "vfp_personal-access-token-0123456789"
PROJECT = Project("62912f08e83f76001b218690")
QUERY = "/voiceflow/v1/stable/analytics/query"
START = f"{DAY}T00:00:00.000Z"


def asked_path(metric: str) -> str:
    return f"{QUERY}/{metric}/project/{PROJECT.project_id}"


@pytest.fixture
def client(sandbox: Sandbox, clock: Clock) -> Iterator[VoiceflowClient]:
    with voiceflow.client(TOKEN, sandbox.voiceflow_url, clock.budget(), generation="stable") as client:
        yield client


@pytest.fixture
def project(sandbox: Sandbox) -> VoiceflowProject:
    """A day of calls and chats: production as published and as a draft, and development."""
    day = {"intervalStartDate": START}
    held = VoiceflowProject()
    held.stable = {
        "interaction-count": [
            StableRow({**day, "count": 20, "averageLatencyMS": 900.5}),
            StableRow({**day, "count": 3, "averageLatencyMS": 800.0}, version="draft"),
            StableRow({**day, "count": 4, "averageLatencyMS": 700.0}, environment="development"),
        ],
        "call-count": [StableRow({**day, "count": 2, "durationMS": 61_000})],
        "call-duration": [StableRow({**day, "durationMS": 55_500.5})],
        "token-usage": [
            StableRow({**day, "model": "gpt-x", "count": 1000}),
            StableRow({**day, "model": None, "count": 7}),
            StableRow({**day, "model": "gpt-x", "count": 10}, version="draft"),
        ],
        "transcript-cost": [
            StableRow({**day, "transcriptCount": 5, "cost": 0.125}),
            StableRow({**day, "transcriptCount": 1, "cost": 0.5}, version="draft"),
        ],
    }
    sandbox.world.voiceflow[f"Bearer {TOKEN}"] = {PROJECT.project_id: held}
    return held


def read(client: VoiceflowClient) -> Reading:
    return voiceflow.read_day(client, DAY, [PROJECT])


def quantities(reading: Reading) -> dict[tuple[str, str | None, str | None], int]:
    return {
        (row["metric"], row["environment_id"], row["usage_type"]): row["quantity"] for row in reading.table.to_pylist()
    }


def test_what_is_published_in_the_projects_environment_is_told_apart_from_the_rest(
    client: VoiceflowClient, project: VoiceflowProject
) -> None:
    assert quantities(read(client)) == {
        ("interactions", "production", "published"): 20,
        ("interactions", None, None): 7,
        ("calls", "production", "published"): 2,
        ("call_milliseconds", "production", "published"): 61_000,
        ("talk_milliseconds", "production", "published"): 55_500,
        ("tokens", "production", "gpt-x"): 1000,
        ("tokens", "production", "unknown"): 7,
        ("tokens", None, "gpt-x"): 10,
        ("transcript_cost", None, None): 6,
    }


def test_costs_are_read_digit_for_digit_drafts_among_them(client: VoiceflowClient, project: VoiceflowProject) -> None:
    reading = read(client)
    (reported,) = [row for row in reading.table.to_pylist() if row["metric"] == "transcript_cost"]
    assert json.loads(reported["payload"], parse_float=Decimal)["cost"] == Decimal("0.625")
    assert reading.totals["cost"] == Decimal("0.625")


def test_each_question_is_of_the_utc_day_with_a_bearer_token_and_no_field_it_does_not_know(
    sandbox: Sandbox, client: VoiceflowClient, project: VoiceflowProject
) -> None:
    reading = read(client)
    day = {"startDate": START, "endDate": "2026-02-19T00:00:00.000Z", "interval": "day", "timezone": "UTC"}
    narrowed = day | {"version": "published", "environmentAlias": "production"}
    assert [received.body for received in sandbox.asked(asked_path("call-count"))] == [narrowed, day]
    assert [received.body for received in sandbox.asked(asked_path("transcript-cost"))] == [day]
    assert {received.key for received in sandbox.received} == {f"Bearer {TOKEN}"}
    assert reading.requests == len(sandbox.received) == 9


def test_a_start_finer_than_a_microsecond_is_cut_off(client: VoiceflowClient, project: VoiceflowProject) -> None:
    row = {"intervalStartDate": "2026-02-18T23:59:59.99999999Z", "count": 9, "averageLatencyMS": 1.0}
    project.stable["interaction-count"] = [StableRow(row)]
    reading = read(client)
    assert quantities(reading)["interactions", "production", "published"] == 9
    assert "rows_outside_window" not in reading.totals


def test_a_row_of_the_next_day_is_left_to_that_day(client: VoiceflowClient, project: VoiceflowProject) -> None:
    project.stable["interaction-count"].append(
        StableRow({"intervalStartDate": "2026-02-19T00:00:00.000Z", "count": 9, "averageLatencyMS": 1.0})
    )
    reading = read(client)
    assert quantities(reading)["interactions", "production", "published"] == 20
    assert reading.totals["rows_outside_window"] == 2


def test_a_changed_cost_alone_is_a_change_and_the_same_day_again_is_none(
    client: VoiceflowClient, project: VoiceflowProject
) -> None:
    before = read(client)
    assert read(client).content_hash == before.content_hash
    project.stable["transcript-cost"][0].row["cost"] = 0.25
    assert read(client).content_hash != before.content_hash


def test_more_published_than_in_all_is_an_answer_that_moved(
    sandbox: Sandbox, client: VoiceflowClient, project: VoiceflowProject
) -> None:
    fewer = {"rows": [{"intervalStartDate": START, "count": 19, "averageLatencyMS": 1}]}
    sandbox.faults.script(
        asked_path("interaction-count"), ok_with(fewer), when=lambda received: "version" not in received.body
    )
    with pytest.raises(AnswerMoved, match=r"20 of .* are published, and 19 are all"):
        read(client)


@pytest.mark.parametrize(
    ("metric", "row", "problem"),
    [
        ("call-count", {"count": 1}, "lacks durationMS"),
        ("call-count", {"count": 1.5, "durationMS": 1}, "its count is no whole number"),
        ("call-count", {"count": -1, "durationMS": 1}, "its count is no count"),
        ("token-usage", {"count": 1, "model": 7}, "its model is no text"),
        ("transcript-cost", {"transcriptCount": 1, "cost": "0.1"}, "its cost is no number"),
    ],
)
def test_a_row_that_is_not_as_documented_is_set_aside_with_its_reason(
    metric: str, row: dict[str, Any], problem: str, sandbox: Sandbox, client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.stable = {metric: [StableRow({"intervalStartDate": START, **row})]}
    reading = read(client)
    (odd,) = reading.quarantined
    assert problem in odd.reason
    assert reading.table.num_rows == 0


def test_a_project_key_of_v2_does_not_open_it(sandbox: Sandbox, clock: Clock, project: VoiceflowProject) -> None:
    with (
        voiceflow.client(VOICEFLOW_KEY, sandbox.voiceflow_url, clock.budget(), generation="stable") as wrong,
        pytest.raises(CredentialRejected),
    ):
        voiceflow.verify(wrong, [PROJECT])


def test_a_token_is_verified_against_each_project(client: VoiceflowClient, project: VoiceflowProject) -> None:
    voiceflow.verify(client, [PROJECT])
    with pytest.raises(CredentialRejected):
        voiceflow.verify(client, [PROJECT, Project("another")])
