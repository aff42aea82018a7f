"""Retell's calls as rows of the contract: lengths, costs, ends, and results as far as their tenant keeps them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from sources.day import Access
from sources.errors import AnswerMoved, ContractBroken, PullTruncated
from sources.personal import Choices, Keep
from sources.reading import Reading
from sources.retell import connect
from sources.retell.calls import recording_of
from sources.testing import KEPT, NEVER, SECRET, Answer, Request, read, serving
from tests.sources.retell.kit import CUSTOMER, KITS, OWN, SAID, START, answer, call

KIT = KITS["retell"]


def rows(reading: Reading) -> list[dict[str, Any]]:
    return [{**row, "payload": msgspec.json.decode(row["payload"])} for row in reading.table.to_pylist()]


def of(calls: list[Any], choices: Choices = KEPT) -> Reading:
    return read(KIT, lambda request: answer(request, calls), choices)


def test_a_call_is_billed_at_its_length_and_costs_what_its_products_do() -> None:
    (row,) = rows(of([call(1)]))
    began = datetime.fromtimestamp(START / 1000 + 60, UTC)
    assert row["created_at"] == row["started_at"] == began
    assert (row["ended_at"] - row["started_at"]).total_seconds() == 61
    assert (Decimal(row["cost"]), row["currency"]) == (Decimal("0.1172"), "USD")
    parts = msgspec.json.decode(row["cost_items"], type=list[dict[str, Any]])
    assert [(part["component"], part["cost"]) for part in parts] == [("elevenlabs_tts", 0.0714), ("gpt_4_1", 0.0458)]
    assert msgspec.json.decode(row["scopes"]) == {"retell_number": OWN, "retell_agent": "agent_1"}
    assert (row["state"], row["direction"], row["end_group"]) == ("ended", "inbound", "customer hung up")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        (
            {"call_status": "ongoing", "end_timestamp": None, "duration_ms": None},
            {"state": "in progress", "ended_at": None},
        ),
        (
            {"call_status": "error", "duration_ms": 0, "disconnection_reason": "error_asr"},
            {"started_at": None, "end_group": "failed at provider"},
        ),
        ({"call_type": "web_call", "direction": None, "from_number": None, "to_number": None}, {"direction": "web"}),
        ({"direction": "outbound", "from_number": OWN, "to_number": CUSTOMER}, {"direction": "outbound"}),
        ({"disconnection_reason": "call_transfer", "transfer_destination": "+1555"}, {"end_group": "transferred"}),
        ({"disconnection_reason": "of a new kind"}, {"end_group": None, "ended_reason": "of a new kind"}),
        ({"call_cost": None}, {"cost": None, "currency": None}),
        ({"batch_call_id": "batch_1"}, {"campaign_ref": "batch_1"}),
    ],
)  # fmt: skip
def test_what_else_a_call_can_be(fields: dict[str, Any], wanted: dict[str, Any]) -> None:
    (row,) = rows(of([call(1, **fields)]))
    assert {name: row[name] for name in wanted} == wanted


def test_nobody_who_did_not_answer_was_connected() -> None:
    (row,) = rows(of([call(2, None)]))
    assert (row["started_at"], row["ended_at"], row["end_group"]) == (None, None, "no answer")


def test_a_result_is_stored_as_its_tenant_chose_and_a_transcript_is_asked_for_only_then() -> None:
    asked: list[str] = []

    def noted(request: Request) -> Answer:
        asked.append(request.path)
        return answer(request, [call(1), call(2, None)])

    (kept, _) = rows(read(KIT, noted, KEPT))
    assert kept["payload"]["customer"] == CUSTOMER
    assert kept["payload"]["analysis"] == {
        "summary": "They asked for a plumber.", "evaluation": "true",
        "outputs": {
            "stars": {"name": "stars", "result": 4},
            "user_sentiment": {"name": "user_sentiment", "result": "Positive"},
        },
    }  # fmt: skip
    assert [turn["text"] for turn in kept["payload"]["transcript"]] == [turn["content"] for turn in SAID]
    assert kept["payload"]["transcript"][0]["seconds"] == 0.4
    assert kept["payload"]["recording"] is True
    assert asked == ["/v3/list-calls", "/v2/get-call/call_1"]  # nobody speaks in a call that nobody answered
    asked.clear()
    (never, _) = rows(read(KIT, noted, NEVER))
    assert never["payload"].keys().isdisjoint({"customer", "analysis", "transcript", "recording"})
    assert asked == ["/v3/list-calls"]


def test_a_summary_that_comes_late_bills_nothing_again() -> None:
    late = of([call(1, call_analysis=None)])
    first = of([call(1)])
    assert late.content_hash == first.content_hash
    assert late.results_hash != first.results_hash
    assert of([call(1)], NEVER).results_hash is None
    assert of([call(1)], Choices(Keep.NEVER, Keep.NEVER, Keep.KEPT)).results_hash is not None


def test_a_list_that_loses_or_repeats_calls_is_no_day() -> None:
    def fewer(request: Request) -> Answer:
        status, body = answer(request, [call(1)])
        return status, msgspec.json.encode(msgspec.json.decode(body) | {"total": 2})

    with pytest.raises(AnswerMoved, match="counts 2 calls and lists 1"):
        read(KIT, fewer)

    def endless(request: Request) -> Answer:
        return 200, msgspec.json.encode({"items": [call(1)], "has_more": True, "pagination_key": "again"})

    with pytest.raises(ContractBroken, match="no key that leads there"):
        read(KIT, endless)


def test_a_list_without_an_end_is_no_day(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = iter(range(1_000))
    monkeypatch.setattr("sources.retell.calls.MOST_PAGES", 5)
    endless = lambda _: (200, msgspec.json.encode({"items": [], "has_more": True, "pagination_key": str(next(keys))}))  # noqa: E731
    with pytest.raises(PullTruncated):
        read(KIT, endless, KEPT)
    assert next(keys) == 6


def test_a_call_of_the_day_before_is_left_to_it() -> None:
    before = call(1, start_timestamp=START - 1)
    assert [row["call_id"] for row in rows(of([before, call(2)]))] == ["call_2"]


def test_where_a_recording_is_comes_from_the_call_itself() -> None:
    def told(request: Request) -> Answer:
        return answer(request, [call(1), call(3, recording_url=None)])

    with serving(told) as address, connect(Access(SECRET, {}, address)) as client:
        assert recording_of(client, "call_1") == "https://storage.retell.example/call_1.wav"
        assert recording_of(client, "call_3") is None
        assert recording_of(client, "call_9") is None
