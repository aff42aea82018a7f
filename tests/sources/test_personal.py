"""What a tenant does not want stored is taken out wherever it is told, and nothing else is touched."""

import json
from itertools import product
from typing import Any

import msgspec
import pytest

from sources.personal import FACTS, NOBODYS, Choices, Document, Keep, minimised

NUMBER, OTHER = "+493012345678", "+1 (555) 010-4477"
FACTS_TOLD: dict[str, Any] = {
    "id": "c-1", "orgId": "org", "type": "inboundPhoneCall", "status": "ended", "phoneNumberId": "p-1",
    "createdAt": "2026-03-01T12:00:00.000Z", "cost": 0.1234500, "costs": [{"type": "transport", "cost": 0.0100}],
}  # fmt: skip
CALL: dict[str, Any] = {
    **FACTS_TOLD,
    "customer": {"number": NUMBER, "name": "Erika M.", "email": "erika@example.com", "numberE164CheckEnabled": True},
    "phoneNumber": {"number": OTHER},
    "destination": {"type": "sip", "sipUri": "sip:erika@example.com"},
    "phoneCallProviderDetails": {"sipHeader": f"From: <sip:{NUMBER}@carrier>", "attempts": 3},
    "assistantOverrides": {
        "variableValues": {
            "callerNumber": 493012345678,
            "mobile": 491512345678,
            "greeting": f"you called from {NUMBER}",
        }
    },
    "callback": 491512345678,
    "analysis": {"structuredData": {"whatsApp": 491512345678, "teeth": 3}},
    "transcript": f"User: my card is 4242 4242 4242 4242, call me on {NUMBER} or erika@example.com",
    "summary": "Erika spoke of 3 teeth",
    "messages": [{"role": "user", "message": "four two 4 2 4 2", "time": 1772366400000}],
    "recordingUrl": "https://storage.example/erika.wav",
    "artifact": {
        "transcript": "my card is 4242424242424242",
        "recording": {"stereoUrl": "https://storage.example/erika.wav"},
        "variables": {"customer": {"number": NUMBER}},
    },
    "monitor": {"listenUrl": "wss://monitor.example/erika"},
    "squadId": "s-1",
}
EVERY = [Choices(*kept) for kept in product(Keep, repeat=3)]


def reported(call: dict[str, Any]) -> Document:
    return msgspec.json.decode(json.dumps(call), type=Document)


def stored(choices: Choices) -> dict[str, Any]:
    return json.loads(msgspec.json.encode(minimised(reported(CALL), choices)))


def text(choices: Choices) -> str:
    return json.dumps(stored(choices), ensure_ascii=False)


def test_whoever_keeps_everything_has_the_answer_byte_for_byte() -> None:
    assert minimised(reported(CALL), Choices(Keep.KEPT, Keep.KEPT, Keep.KEPT)) == reported(CALL)


def test_without_a_choice_the_conversation_goes_and_the_caller_stays() -> None:
    left = stored(Choices())
    assert left.keys() == CALL.keys() - {
        "analysis", "transcript", "summary", "messages", "recordingUrl", "artifact", "monitor",
    }  # fmt: skip
    assert left["customer"] == CALL["customer"]


@pytest.mark.parametrize("choices", EVERY, ids=str)
def test_no_choice_touches_what_a_bill_is_made_of_and_each_may_be_made_twice(choices: Choices) -> None:
    once = minimised(reported(CALL), choices)
    facts = reported(FACTS_TOLD)
    assert {field: once[field] for field in facts} == facts
    assert facts.keys() <= set(FACTS)
    assert minimised(once, choices) == once


@pytest.mark.parametrize("choices", [choices for choices in EVERY if choices.phone_numbers is Keep.NEVER], ids=str)
def test_a_caller_who_is_never_stored_is_nowhere(choices: Choices) -> None:
    left = text(choices)
    assert not [word for word in ("12345678", "0104477", "010-4477", "sip:") if word in left]
    assert "customer" not in left
    assert ("Erika spoke" in left) == (choices.transcripts is not Keep.NEVER)


@pytest.mark.parametrize("choices", [choices for choices in EVERY if choices.phone_numbers is Keep.REDACTED], ids=str)
def test_a_redacted_caller_is_two_digits(choices: Choices) -> None:
    left = stored(choices)
    assert left["customer"] == {
        "number": "+••••••••••78", "name": "[redacted]", "email": "[redacted]", "numberE164CheckEnabled": True,
    }  # fmt: skip
    assert left["assistantOverrides"]["variableValues"]["callerNumber"] == "••••••••••78"
    assert left["phoneCallProviderDetails"]["attempts"] == 3
    assert left["callback"] == left["assistantOverrides"]["variableValues"]["mobile"] == "••••••••••78"
    assert "12345678" not in text(choices)


@pytest.mark.parametrize("choices", [choices for choices in EVERY if choices.transcripts is not Keep.KEPT], ids=str)
def test_spoken_numbers_are_stored_for_nobody_who_did_not_keep_transcripts(choices: Choices) -> None:
    left = text(choices)
    assert not [
        word for word in ("4242 4242", "42424242", "4 2 4 2", '"whatsApp": 4', '"whatsApp": "4') if word in left
    ]
    assert ("teeth" in left) == (choices.transcripts is Keep.REDACTED)
    assert ("1772366400000" in left) == (choices.transcripts is Keep.REDACTED)


@pytest.mark.parametrize("choices", EVERY, ids=str)
def test_recordings_go_by_their_own_choice_also_inside_the_artifact(choices: Choices) -> None:
    left = stored(choices)
    assert ("erika.wav" in text(choices)) == (choices.recordings is Keep.KEPT)
    assert ("monitor.example" in text(choices)) == (choices.recordings is Keep.KEPT)
    assert ("recordingUrl" in left) == (choices.recordings is not Keep.NEVER)
    if choices.recordings is Keep.REDACTED:
        assert left["artifact"]["recording"] == {"stereoUrl": "[recording]"}


@pytest.mark.parametrize("choices", EVERY, ids=str)
def test_a_number_that_nobody_can_read_costs_its_field_alone(choices: Choices) -> None:
    huge = {"customer": b'{"name": %s}' % (b"9" * 5000), "metadata": b'{"n": %s}' % (b"9" * 5000)}
    left = minimised(reported(CALL) | {name: msgspec.Raw(value) for name, value in huge.items()}, choices)
    assert {name: left[name] for name in FACTS_TOLD} == reported(FACTS_TOLD)
    if choices.phone_numbers is not Keep.KEPT:
        assert not left.keys() & huge.keys()


def test_a_call_of_nobody_is_stored_with_nobody_in_it() -> None:
    assert stored(NOBODYS).keys() <= {
        *FACTS, "phoneCallProviderDetails", "assistantOverrides", "squadId", "callback",
    }  # fmt: skip
