"""The public test kit, run for every source that a package may take as its example; and it fails where it must."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from sources import vapi
from sources.day import Day
from sources.personal import Choices
from sources.reading import Reading
from sources.registry import all_sources
from sources.rows import moment, reading
from sources.testing import DAY, FAULTS, KEPT, TENANT, Answer, Kit, Request
from tests.sources import toy
from tests.sources.anthropic import kit as anthropic
from tests.sources.azure import kit as azure
from tests.sources.cartesia import kit as cartesia
from tests.sources.deepgram import kit as deepgram
from tests.sources.elevenlabs import kit as elevenlabs
from tests.sources.openai import kit as openai
from tests.sources.openrouter import kit as openrouter
from tests.sources.retell import kit as retell
from tests.sources.toy import usage
from tests.sources.twilio import kit as twilio

JSON = msgspec.json.encode
AT = f"{DAY}T10:00:00.000Z"


def toy_answer(request: Request, rows: list[Any]) -> Answer:
    page = int(parse_qs(request.query)["page"][0])
    more = str(page + 1) if page * 2 < len(rows) else None
    return 200, JSON({"rows": rows[page * 2 - 2 : page * 2], "next": more})


def toy_call(number: int, dollars: object = "0.10") -> dict[str, object]:
    times = dict.fromkeys(("created", "started", "ended"), AT)
    named = {"id": f"c{number}", "number": "n1", "state": "done", "parts": [], "caller": "+15550001234"}
    return named | times | {"dollars": dollars}


def line(what: str, dollars: object = "0.10") -> dict[str, object]:
    return {"workspace": "w1", "what": what, "dollars": dollars}


def tokens(count: object, hour: int) -> dict[str, object]:
    at = AT.replace("T10", f"T{hour}")
    return {
        "key": "k1",
        "what": "token",
        "model": f"m{hour}",
        "count": count,
        "at": at,
        "cents": None,
        "user": "+15550001234",
    }


def vapi_answer(request: Request, rows: list[Any]) -> Answer:
    if request.path == "/analytics":
        return 200, JSON([{"result": [{"countId": len(rows), "sumCost": 0}]}])
    return 200, JSON(rows)


def vapi_call(number: int, cost: object = 0.1) -> dict[str, object]:
    times = dict.fromkeys(("createdAt", "updatedAt", "startedAt", "endedAt"), AT)
    return {"id": f"c{number}", "status": "ended", "cost": cost, "customer": {"number": "+15550001234"}} | times


KITS: Mapping[str, Kit] = {
    "toy_calls": Kit(
        source=toy.VOICE,
        answer=toy_answer,
        day=[toy_call(1), toy_call(2), toy_call(3)],
        changed=[toy_call(1), toy_call(2), toy_call(3, "0.11")],
        wrong=toy_call(9, "dear"),
        personal="+15550001234",
    ),
    "toymodel": Kit(
        source=usage.MODELS,
        answer=toy_answer,
        day=[tokens("1", 10), tokens("2", 11), tokens("3", 12)],
        changed=[tokens("1", 10), tokens("2", 11), tokens("4", 12)],
        wrong=tokens("0.5", 13),
        personal="+15550001234",
    ),
    "toy_bill": Kit(
        source=toy.BILL,
        answer=toy_answer,
        day=[line("in"), line("out"), line("seats")],
        changed=[line("in"), line("out"), line("seats", "9.00")],
        wrong=line("other", None),
    ),
    "vapi": Kit(
        source=vapi.CALLS,
        answer=vapi_answer,
        day=[vapi_call(1), vapi_call(2), vapi_call(3)],
        changed=[vapi_call(1), vapi_call(2), vapi_call(3, 0.2)],
        wrong=vapi_call(9, "dear"),
        personal="+15550001234",
    ),
    **openai.KITS,
    **anthropic.KITS,
    **azure.KITS,
    **openrouter.KITS,
    **twilio.KITS,
    **deepgram.KITS,
    **elevenlabs.KITS,
    **cartesia.KITS,
    **retell.KITS,
}
# Tables of a database; tests/sources/ and tests/intake/test_source.py hold each to the same by itself.
WITHOUT_HTTP = {"usage_metrics", "langgraph", "events"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", KITS)
def test_a_source_withstands(name: str, fault: str) -> None:
    FAULTS[fault](KITS[name])


def test_the_kit_fails_a_source_that_takes_an_answer_of_nothing_for_an_empty_day() -> None:
    def careless(client: Any, day: Any) -> Any:
        answer = client.get("/calls", msgspec.json.decode, {"day": "x", "page": "1"})
        return toy.reading(toy.VOICE, map(toy.call, answer.get("rows", [])), day)

    with pytest.raises(AssertionError, match="a day was read where the provider failed"):
        FAULTS["transport"](replace(KITS["toy_calls"], source=replace(toy.VOICE, read=careless)))


def test_every_registered_source_has_its_kit() -> None:
    without = set(all_sources()) - KITS.keys() - WITHOUT_HTTP
    assert without == {"voiceflow", "voiceflow_transcripts"}, "held to the same in tests/sources/test_voiceflow*.py"


def of_toy(*others: Mapping[str, Any]) -> Reading:
    """A bill of Toy's, a line for each of these values beside its own."""
    one = toy.line(ROW)
    return reading(toy.BILL, [replace(one, values={**one.values, **other}) for other in others], Day(DAY, TENANT))


ROW = line("in")


def test_two_currencies_have_no_sum() -> None:
    assert of_toy({}, {"line_item": "out"}).totals == {"rows": 2, "amount": Decimal("0.20")}
    mixed = of_toy({}, {"line_item": "out", "currency": "JPY"}).totals
    assert mixed == {"rows": 2, "amount_USD": Decimal("0.10"), "amount_JPY": Decimal("0.10")}


def test_when_a_bill_was_made_up_is_no_other_content() -> None:
    at = {"as_of": moment(AT), "final_after": moment(AT)}
    assert of_toy(at).content_hash == of_toy({}).content_hash
    assert of_toy(at).table["as_of"].to_pylist() == [moment(AT)]


def test_of_a_shared_bill_whoever_its_scope_belongs_to_chose_what_is_stored() -> None:
    asked: list[Mapping[str, str]] = []

    def choices_of(scopes: Mapping[str, str]) -> Choices:
        asked.append(scopes)
        return KEPT

    reading(toy.BILL, [toy.line(ROW)], Day(DAY, choices_of=choices_of))
    assert asked == [{"toy_workspace": "w1"}]
