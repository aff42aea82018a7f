import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from sources import voiceflow
from sources.errors import AnswerMoved, CredentialRejected, PullTruncated
from sources.personal import Choices, Keep
from sources.reading import Reading
from sources.voiceflow import Project, VoiceflowClient
from tests.sandbox.faults import altered, ok_with, status
from tests.sandbox.server import Sandbox
from tests.sandbox.world import VoiceflowProject
from tests.sources.conftest import VOICEFLOW_KEY, Clock

DAY = date(2026, 2, 18)
MIDNIGHT = datetime(2026, 2, 18, tzinfo=UTC)
PROJECT = Project("62912f08e83f76001b218690")
SEARCH = f"/voiceflow/v1/transcript/project/{PROJECT.project_id}"
NUMBER = "+4915112345678"
TOKEN = "vfp_token-0123456789"
SAID = "my number is 0151 2345678"


def transcript(number: int, at: datetime = MIDNIGHT, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"t-{number:04d}",
        "sessionID": NUMBER,
        "projectID": PROJECT.project_id,
        "environmentID": "e",
        "createdAt": at.isoformat().replace("+00:00", "Z"),
        "updatedAt": at.isoformat().replace("+00:00", "Z"),
        "expiresAt": "2026-08-18T00:00:00Z",
        "endedAt": (at + timedelta(seconds=90)).isoformat().replace("+00:00", "Z"),
        "recordingURL": "https://recordings.invalid/1?signature=s",
        "properties": [{"name": "wish", "value": SAID}],
        "logs": [{"type": "action", "data": {"text": SAID}}, {"type": "trace", "data": "yes"}, {"type": "end"}],
    } | fields


@pytest.fixture
def project(sandbox: Sandbox) -> VoiceflowProject:
    held = VoiceflowProject()
    sandbox.world.voiceflow[VOICEFLOW_KEY] = {PROJECT.project_id: held}
    return held


def read(client: VoiceflowClient, choices: Choices | None = None, *projects: Project) -> Reading:
    return voiceflow.read_transcripts_day(client, DAY, projects or (PROJECT,), choices or Choices())


def payloads(reading: Reading) -> list[dict[str, Any]]:
    return [json.loads(row["payload"]) for row in reading.table.to_pylist()]


def test_a_day_is_read_page_by_page_and_each_page_begins_with_the_last_row_of_the_former(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.transcripts = [transcript(n, MIDNIGHT + timedelta(minutes=n)) for n in range(250)]
    reading = read(voiceflow_client)
    assert len(reading.keys) == reading.table.num_rows == reading.totals["transcripts"] == 250
    asked = sandbox.asked(SEARCH)
    assert [received.params["skip"] for received in asked] == ["0", "99", "198", "249"]
    assert {(received.params["take"], received.params["order"], received.key) for received in asked} == {
        ("100", "ASC", VOICEFLOW_KEY)
    }
    assert asked[0].body == {"startDate": "2026-02-18T00:00:00.000Z", "endDate": "2026-02-19T00:00:00.000Z"}


def test_a_day_without_transcripts_is_empty_after_one_question(
    voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    reading = read(voiceflow_client)
    assert (reading.table.num_rows, reading.requests, reading.is_incomplete) == (0, 1, False)


def test_the_next_midnight_belongs_to_the_next_day(
    voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.transcripts = [transcript(1), transcript(2, MIDNIGHT + timedelta(days=1))]
    reading = read(voiceflow_client)
    assert reading.keys == {"t-0001"}
    assert reading.totals["rows_outside_window"] == 1


def test_a_transcript_of_the_last_ten_millionth_of_a_day_is_of_that_day(
    voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    last = "2026-02-18T23:59:59.9999999Z"
    project.transcripts = [transcript(1, MIDNIGHT, createdAt=last)]
    reading = read(voiceflow_client)
    assert reading.table.num_rows == 1
    assert payloads(reading)[0]["createdAt"] == last


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": "i" * 3000}, "its id is longer"),
        ({"id": "t\0"}, "its id holds a character"),
        ({"environmentID": "e" * 3000}, "environmentID is longer"),
        ({"endedAt": "9999-01-01T00:00:00Z"}, "endedAt is no plausible time"),
        ({"expiresAt": "0001-01-01T00:00:00Z"}, "expiresAt is no plausible time"),
    ],
)
def test_a_transcript_with_what_no_index_or_column_takes_is_set_aside_alone(
    voiceflow_client: VoiceflowClient, project: VoiceflowProject, fields: dict[str, Any], words: str
) -> None:
    project.transcripts = [transcript(1), transcript(2, MIDNIGHT + timedelta(minutes=1), **fields)]
    reading = read(voiceflow_client)
    (aside,) = reading.quarantined
    assert words in aside.reason
    assert len(aside.item) <= 500
    assert reading.table.column("transcript_id").to_pylist() == ["t-0001"]


def test_a_list_that_ends_before_what_it_told_is_truncated(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.transcripts = [transcript(n) for n in range(3)]
    sandbox.faults.script(SEARCH, ok_with({"transcripts": project.transcripts}), ok_with({"transcripts": []}))
    with pytest.raises(PullTruncated, match="past the first 3"):
        read(voiceflow_client)


def test_a_transcript_that_vanishes_while_pages_are_read_makes_the_day_be_read_again(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.transcripts = [transcript(n, MIDNIGHT + timedelta(minutes=n)) for n in range(150)]
    sandbox.faults.script(SEARCH, ok_with({"transcripts": [transcript(9000), *project.transcripts[:99]]}))
    with pytest.raises(AnswerMoved):
        read(voiceflow_client)


def test_what_was_said_is_neither_asked_for_nor_kept_where_it_is_never_stored(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.transcripts = [transcript(1)]
    reading = read(voiceflow_client)
    assert payloads(reading) == [
        {
            "id": "t-0001", "projectID": PROJECT.project_id, "environmentID": "e",
            "createdAt": "2026-02-18T00:00:00Z", "updatedAt": "2026-02-18T00:00:00Z",
            "expiresAt": "2026-08-18T00:00:00Z", "endedAt": "2026-02-18T00:01:30Z", "sessionID": NUMBER,
        }
    ]  # fmt: skip
    assert reading.table.column("message_count").to_pylist() == [None]
    assert reading.requests == 2


def test_what_was_said_is_kept_whole_where_a_tenant_keeps_it(
    voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.transcripts = [transcript(1)]
    reading = read(voiceflow_client, Choices(Keep.KEPT, Keep.KEPT, Keep.KEPT))
    assert payloads(reading) == project.transcripts
    assert reading.table.column("message_count").to_pylist() == [2]


def test_what_was_said_is_redacted_where_a_tenant_chose_so(
    voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.transcripts = [transcript(1)]
    reading = read(voiceflow_client, Choices(Keep.REDACTED, Keep.REDACTED, Keep.REDACTED))
    (stored,) = payloads(reading)
    assert stored["recordingURL"] == "[recording]"
    assert stored["sessionID"].endswith("78")
    assert "1234" not in stored["sessionID"]
    assert stored["logs"][0]["data"]["text"].startswith("my number is •")
    assert "2345678" not in json.dumps(stored)
    assert stored["createdAt"] == "2026-02-18T00:00:00Z"


def test_a_choice_applied_twice_changes_nothing_more(
    voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.transcripts = [transcript(1)]
    chosen = Choices(Keep.REDACTED, Keep.REDACTED, Keep.NEVER)
    (text,) = read(voiceflow_client, chosen).table.column("payload").to_pylist()
    document = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    assert voiceflow.kept_of(document, chosen) == document


def test_a_new_signature_of_a_recording_is_no_change_and_a_later_end_is_one(
    voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.transcripts = [transcript(1)]
    before = read(voiceflow_client).content_hash
    project.transcripts = [transcript(1, recordingURL="https://recordings.invalid/1?signature=t")]
    assert read(voiceflow_client).content_hash == before
    project.transcripts = [transcript(1, endedAt="2026-02-18T01:00:00Z")]
    assert read(voiceflow_client).content_hash != before


def test_a_transcript_that_is_found_and_not_told_makes_the_day_be_read_again(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.transcripts = [transcript(1)]
    sandbox.faults.script("/voiceflow/v1/transcript/t-0001", status(404), times=3)
    with pytest.raises(AnswerMoved, match="t-0001"):
        read(voiceflow_client, Choices(transcripts=Keep.KEPT))


@pytest.mark.parametrize("kept", [Keep.NEVER, Keep.KEPT])
def test_a_transcript_of_another_shape_is_set_aside_without_a_word_of_it(
    voiceflow_client: VoiceflowClient, project: VoiceflowProject, kept: Keep
) -> None:
    project.transcripts = [transcript(1), transcript(2, id=7)]
    reading = read(voiceflow_client, Choices(transcripts=kept))
    (odd,) = reading.quarantined
    assert (odd.item, reading.keys) == ("7", {"t-0001", "7"})
    assert SAID not in str(odd)


def test_a_key_without_permission_is_rejected(sandbox: Sandbox, voiceflow_client: VoiceflowClient) -> None:
    with pytest.raises(CredentialRejected):
        read(voiceflow_client)


@pytest.mark.parametrize("kept", [Keep.NEVER, Keep.KEPT])
def test_the_newer_generation_tells_the_same_with_its_own_key(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject, clock: Clock, kept: Keep
) -> None:
    project.transcripts = [transcript(n, MIDNIGHT + timedelta(minutes=n)) for n in range(150)]
    sandbox.world.voiceflow[f"Bearer {TOKEN}"] = sandbox.world.voiceflow[VOICEFLOW_KEY]
    older = read(voiceflow_client, Choices(transcripts=kept))
    with voiceflow.client(TOKEN, sandbox.voiceflow_url, clock.budget(), generation="stable") as client:
        newer = read(client, Choices(transcripts=kept))
    assert (newer.keys, newer.requests) == (older.keys, older.requests)
    assert len(newer.keys) == 150
    for column in ("created_at", "ended_at", "message_count"):
        reported = [sorted(map(str, one.table.column(column).to_pylist())) for one in (newer, older)]
        assert reported[0] == reported[1], column
    assert set(newer.table.column("environment_id").to_pylist()) == {"production"}
    assert {one["version"] for one in payloads(newer)} == {"published"}
    assert any(SAID in json.dumps(one) for one in payloads(newer)) is (kept is Keep.KEPT)


def test_transcripts_of_another_project_are_not_taken_for_its_own(
    sandbox: Sandbox, voiceflow_client: VoiceflowClient, project: VoiceflowProject
) -> None:
    project.transcripts = [transcript(1)]
    sandbox.faults.script(SEARCH, altered(lambda page: {"transcripts": [transcript(1, projectID="other")]}))
    reading = read(voiceflow_client)
    assert [odd.reason for odd in reading.quarantined] == [f"it is not of project {PROJECT.project_id}"]
    assert reading.table.num_rows == 0
