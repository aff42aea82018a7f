"""What Vapi's answer means: types, money, conversation, what is unfinished and what is the same answer."""

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sources import vapi
from sources.errors import ContractBroken, CredentialRejected
from sources.http import ProviderClient
from sources.personal import Choices, Keep
from sources.reading import Reading
from sources.window import Window
from tests.sandbox.faults import FOREVER, ok_with, reordered, status
from tests.sandbox.server import Sandbox
from tests.sources.conftest import VAPI_KEY
from tests.sources.vapi.vapi_day import DAY, MIDNIGHT, call, read

REAL_DAY = Path(__file__).parents[3].parent / "shared/payloads/vapi/get_call_list_one_day_real.json"
CALLS, ANALYTICS = "/vapi/call", "/vapi/analytics"


def payloads(reading: Reading) -> list[dict[str, Any]]:
    return [json.loads(text, parse_float=Decimal) for text in reading.table.column("payload").to_pylist()]


def test_an_empty_day_is_a_reading_of_no_rows(vapi_client: ProviderClient, calls: list[dict[str, Any]]) -> None:
    reading = read(vapi_client)
    assert (reading.table.num_rows, reading.keys, reading.is_incomplete) == (0, frozenset(), False)
    assert reading.totals == {"calls": 0, "cost": 0, "costs": 0}
    assert reading.content_hash == read(vapi_client).content_hash


@pytest.mark.parametrize(
    ("fields", "is_incomplete"),
    [
        ({"status": "ended"}, False),
        ({"status": "not-found"}, False),
        ({"status": "deletion-failed"}, False),
        ({"status": "scheduled", "endedAt": None}, False),
        ({"status": "in-progress"}, True),
        ({"status": "queued", "endedAt": None}, True),
        ({"status": "ringing", "endedAt": None}, True),
        ({"status": "forwarding"}, True),
        ({"status": "a-status-of-tomorrow"}, True),
        ({"status": None}, False),
        ({"status": None, "endedAt": None}, True),
        ({"status": "ended", "startedAt": None, "endedAt": None}, False),
    ],
)
def test_a_day_is_incomplete_while_a_call_is_in_progress(
    vapi_client: ProviderClient, calls: list[dict[str, Any]], fields: dict[str, Any], is_incomplete: bool
) -> None:
    calls += [call(1), call(2, **fields)]
    assert read(vapi_client).is_incomplete is is_incomplete


def test_numbers_keep_every_digit_they_were_told_with(sandbox: Sandbox, vapi_client: ProviderClient) -> None:
    text = json.dumps([call(1, cost=None, costs=None)])[:-2]
    items = '{"type": "model", "cost": 0.029804249999999997000123}, {"type": "voice", "cost": 7.275e-05}'
    text += f', "cost": 0.2848, "costs": [{items}]}}]'
    sandbox.faults.script(CALLS, ok_with(text.encode()))
    reading = read(vapi_client)
    stored = reading.table.column("payload")[0].as_py()
    assert "0.029804249999999997000123" in stored
    assert "7.275e-05" in stored
    assert reading.totals["costs"] == Decimal("0.029876999999999997000123")
    assert reading.totals["cost"] == Decimal("0.2848")


ODD: list[tuple[dict[str, Any], str]] = [
    ({"cost": "0.10"}, "$.cost"),
    ({"cost": True}, "$.cost"),
    ({"costs": [{"type": "vapi", "cost": 0.1}, {"type": "model", "cost": "0.2"}]}, "$.costs[1].cost"),
    ({"costs": {"type": "vapi"}}, "$.costs"),
    ({"costs": [{"cost": 0.1}]}, "type"),
    ({"createdAt": 1771372800000}, "createdAt"),
    ({"createdAt": None}, "createdAt"),
    ({"startedAt": "yesterday"}, "startedAt"),
    ({"endedAt": "2026-02-18T00:00:00"}, "endedAt"),
    ({"status": 3}, "status"),
    ({"assistantId": {"id": "a"}}, "assistantId"),
    ({"updatedAt": None}, "updatedAt"),
]


@pytest.mark.parametrize(("fields", "path"), ODD)
def test_one_odd_call_is_set_aside_by_itself_and_named(
    sandbox: Sandbox, vapi_client: ProviderClient, fields: dict[str, Any], path: str
) -> None:
    said = {"phoneNumberId": "p-2", "squadId": "s-2", "customer": {"number": "+15550001111"}, **CONVERSATION}
    sandbox.faults.script(CALLS, ok_with([call(1), call(2, **said, **fields), call(3)]), times=FOREVER)
    sandbox.faults.script(ANALYTICS, status(500), times=FOREVER)
    reading = read(vapi_client)
    (odd,) = reading.quarantined
    assert reading.table.column("call_id").to_pylist() == ["call-1", "call-3"]
    assert odd.item == "call-2"
    assert path in odd.reason
    assert odd.scopes["vapi_phone_number"] == "p-2"
    assert odd.scopes["vapi_squad"] == "s-2"
    assert reading.totals["calls"] == 3
    assert reading.totals["cost"] == (Decimal("0.3") if "cost" not in fields else Decimal("0.2"))
    assert "spoken" not in str(odd.payload)
    assert "+1555" not in str(odd.payload)
    assert reading.keys == {"call-1", "call-2", "call-3"}
    assert reading.content_hash == read(vapi_client).content_hash
    sandbox.faults.clear()


@pytest.mark.parametrize("row", [{}, {"countId": None}, {"countId": "NaN"}, {"countId": ""}, {"countId": False}])
def test_a_total_that_counts_nothing_does_not_say_that_there_was_nothing(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]], row: dict[str, Any]
) -> None:
    sandbox.faults.script(ANALYTICS, ok_with([{"name": "control-totals", "result": [row]}]), times=FOREVER)
    assert read(vapi_client).provider_totals is None


def test_a_number_for_an_id_and_ids_that_are_empty_name_their_calls_apart(
    sandbox: Sandbox, vapi_client: ProviderClient
) -> None:
    numbered, empty, also_empty = call(1, id=4711), call(2, 5, id=""), call(3, 5, id="")
    sandbox.faults.script(CALLS, ok_with([call(4), numbered, empty, also_empty]), times=FOREVER)
    odd = read(vapi_client).quarantined
    assert odd[0].item == "4711"
    assert len({row.item for row in odd}) == 3
    assert [row.item for row in odd] == [row.item for row in read(vapi_client).quarantined]


@pytest.mark.parametrize(
    "text", [b'{"id": "deep", "x": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", b'{"id": "nan", "cost": NaN}', b"null"]
)
def test_a_call_that_is_no_json_of_a_call_spoils_no_other(
    sandbox: Sandbox, vapi_client: ProviderClient, text: bytes
) -> None:
    whole = b"[%s, %s, %s]" % (json.dumps(call(1)).encode(), text, json.dumps(call(2, note='a "]," in it')).encode())
    sandbox.faults.script(CALLS, ok_with(whole), times=FOREVER)
    reading = read(vapi_client)
    assert reading.table.column("call_id").to_pylist() == ["call-1", "call-2"]
    (odd,) = reading.quarantined
    assert odd.item.startswith("row-")
    assert ("nested too deep" in odd.reason) == (b"deep" in text)


def test_an_answer_of_odd_calls_is_of_another_contract(sandbox: Sandbox, vapi_client: ProviderClient) -> None:
    sandbox.faults.script(CALLS, ok_with([call(n, cost="0.1") for n in range(6)]), times=FOREVER)
    with pytest.raises(ContractBroken, match="6 of 6 rows are not as documented, the first of them call-0"):
        read(vapi_client)


def test_an_odd_call_of_another_day_is_not_of_this_one(sandbox: Sandbox, vapi_client: ProviderClient) -> None:
    sandbox.faults.script(CALLS, ok_with([call(1), call(2, 86_400_000, cost="0.1")]))
    reading = read(vapi_client)
    assert (reading.quarantined, reading.totals["calls_outside_window"]) == ((), 1)


@pytest.mark.parametrize("body", [{"message": "Service busy"}, {"results": []}, "[]", 7, ["call"]])
def test_anything_but_a_bare_array_of_calls_breaks_the_contract(
    sandbox: Sandbox, vapi_client: ProviderClient, body: object
) -> None:
    content = json.dumps(body).encode()
    sandbox.faults.script(CALLS, ok_with(content), times=FOREVER)
    with pytest.raises(ContractBroken):
        read(vapi_client)


def test_an_unknown_field_is_reported_by_its_name_and_not_stored(
    vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls.append(call(1, squadId="s-1", somethingNew={"deep": "value"}, transport={"callToken": "value"}))
    reading = read(vapi_client)
    (payload,) = payloads(reading)
    assert payload["squadId"] == "s-1"
    assert reading.new_fields == {"somethingNew", "transport.callToken"}
    assert "value" not in json.dumps(payload, default=str)


BY_CARRIER = {"provider": "twilio", "accountSid": "AC" + "a" * 32, "callSid": "CA" + "4c6793d069ef42f4ccad69a0957451ec"}


@pytest.mark.parametrize("keep", [Keep.KEPT, Keep.NEVER])
def test_the_carriers_id_of_a_call_is_kept_whatever_a_tenant_chose_and_changes_the_day(
    vapi_client: ProviderClient, calls: list[dict[str, Any]], keep: Keep
) -> None:
    def read_as_chosen() -> Reading:
        return vapi.read_day(vapi_client, DAY, choices_of=lambda scopes: Choices(keep, keep, keep))

    calls.append(call(1))
    before = read_as_chosen()
    calls[:] = [call(1, transport=BY_CARRIER | {"callToken": "a token"})]
    reading = read_as_chosen()
    (payload,) = payloads(reading)
    assert payload["transport"] == BY_CARRIER
    assert reading.content_hash != before.content_hash
    calls[:] = [call(1, phoneCallProvider="twilio", phoneCallProviderId=BY_CARRIER["callSid"])]
    (payload,) = payloads(read_as_chosen())
    assert payload["phoneCallProviderId"] == BY_CARRIER["callSid"]
    # Of another shape it is nothing to join by, and no reason to set the call aside.
    calls[:] = [call(1, transport=["odd"], phoneCallProviderId=7)]
    assert not read_as_chosen().quarantined


CONVERSATION: dict[str, Any] = {
    "transcript": "spoken",
    "messages": ["spoken"],
    "messagesOpenAIFormatted": ["spoken"],
    "summary": "spoken",
    "recordingUrl": "spoken",
    "stereoRecordingUrl": "spoken",
    "videoRecordingUrl": "spoken",
    "analysis": {"summary": "spoken"},
    "artifact": {"transcript": "spoken"},
    "monitor": {"listenUrl": "spoken"},
}


def test_what_was_said_is_kept_only_for_the_tenant_that_chose_so(
    vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls += [
        call(1, phoneNumberId="p-1", assistantId="a-1", **CONVERSATION),
        call(2, phoneNumberId="p-2", **CONVERSATION),
        call(3, **CONVERSATION),
    ]
    reported: list[Mapping[str, str]] = []

    def keeps_first(scopes: Mapping[str, str]) -> Choices:
        reported.append(scopes)
        is_first = scopes.get("vapi_phone_number") == "p-1"
        return Choices(transcripts=Keep.KEPT, recordings=Keep.KEPT) if is_first else Choices()

    reading = vapi.read_day(vapi_client, DAY, choices_of=keeps_first)
    kept = {payload["id"]: payload for payload in payloads(reading)}
    assert list(reported[0].items()) == [
        ("vapi_call", "call-1"),
        ("vapi_phone_number", "p-1"),
        ("vapi_assistant", "a-1"),
    ]
    assert reported[1:] == [{"vapi_call": "call-2", "vapi_phone_number": "p-2"}, {"vapi_call": "call-3"}]
    assert kept["call-1"].keys() >= CONVERSATION.keys() - {"monitor"}  # it leads into a live call: for nobody
    assert "spoken" not in json.dumps([kept["call-2"], kept["call-3"]], default=str)
    assert kept["call-2"]["costs"] == [{"type": "vapi", "cost": Decimal("0.1")}]


@pytest.mark.parametrize("digits", ["9999999", "999999999", "9999999999999"])
def test_what_is_finer_than_a_microsecond_is_cut_off_and_never_rounded_into_another_day(
    sandbox: Sandbox, vapi_client: ProviderClient, digits: str
) -> None:
    last = f"2026-02-18T23:59:59.{digits}"
    reported = call(1, createdAt=f"{last}Z", startedAt=f"{last}+00:00", endedAt=f"2026-02-19T00:00:59.{digits}Z")
    sandbox.faults.script(CALLS, ok_with([reported]))
    reading = read(vapi_client)
    (row,) = reading.table.to_pylist()
    assert row["created_at"] == row["started_at"] == MIDNIGHT + timedelta(days=1) - timedelta(microseconds=1)
    assert row["ended_at"] - row["started_at"] == timedelta(minutes=1)
    assert json.loads(row["payload"])["createdAt"] == f"{last}Z"
    assert "calls_outside_window" not in reading.totals


# What is the same answer.


def test_the_hash_ignores_order_presigned_urls_and_later_updates(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls += [call(number, number) for number in range(20)]
    before = read(vapi_client).content_hash
    for held in calls:
        held |= {"recordingUrl": "https://storage.example/?signature=other", "updatedAt": "2026-02-20T00:00:00.000Z"}
    sandbox.faults.script(CALLS, reordered())
    assert read(vapi_client).content_hash == before


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other"},
        {"createdAt": "2026-02-18T00:00:00.001Z"},
        {"startedAt": None},
        {"endedAt": "2026-02-18T00:02:00.000Z"},
        {"status": "in-progress"},
        {"type": "webCall"},
        {"endedReason": "x"},
        {"assistantId": "x"},
        {"phoneNumberId": "x"},
        {"squadId": "x"},
        {"workflowId": "x"},
        {"cost": 0.2},
        {"costs": [{"type": "vapi", "cost": 0.1000000000000000001}, {"type": "model", "cost": 0}]},
        {"costs": [{"type": "model", "cost": 0.1}]},
        {"costs": [{"type": "vapi", "cost": 0.1, "minutes": 1.5}]},
        {"costBreakdown": {"total": 0.1}},
    ],
)
def test_the_hash_changes_with_whatever_a_bill_depends_on(
    vapi_client: ProviderClient, calls: list[dict[str, Any]], change: dict[str, Any]
) -> None:
    calls.append(call(1))
    before = read(vapi_client).content_hash
    calls[0] = {name: value for name, value in (calls[0] | change).items() if value is not None}
    assert read(vapi_client).content_hash != before


# Vapi's own totals, and the key.


@pytest.mark.parametrize("counts_end", [False, True])
def test_the_providers_own_count_and_cost_stand_beside_ours(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]], counts_end: bool
) -> None:
    sandbox.world.vapi[VAPI_KEY].counts_end = counts_end
    calls += [call(1), call(2, 86_399_999, cost=0.25), call(3, 86_400_000)]
    reading = read(vapi_client)
    assert reading.provider_totals == {"calls": 2, "cost": Decimal("0.35")}
    assert reading.totals["calls"] == 2
    ranges = [asked.body["queries"][0]["timeRange"] for asked in sandbox.asked(ANALYTICS)]
    assert (ranges[0]["start"], ranges[0]["end"]) == ("2026-02-18T00:00:00.000Z", "2026-02-19T00:00:00.000Z")
    assert [asked["end"] for asked in ranges[1:]] == ["2026-02-18T23:59:59.999Z"] * counts_end


def test_a_count_that_agrees_in_neither_reading_stays_as_first_told(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls += [call(1), call(2)]
    sandbox.faults.script(CALLS, ok_with([call(1)]))
    assert (read(vapi_client).provider_totals or {})["calls"] == 2
    assert len(sandbox.asked(ANALYTICS)) == 2


@pytest.mark.parametrize(
    "fault",
    [
        status(403),
        status(500),
        status(429, retry_after=60),
        ok_with([]),
        ok_with({}),
        ok_with([{"result": [{"countId": "many"}]}]),
    ],
)
def test_a_day_is_read_without_its_second_opinion(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]], fault: Any
) -> None:
    calls.append(call(1))
    sandbox.faults.script(ANALYTICS, fault, times=FOREVER)
    reading = read(vapi_client)
    assert reading.provider_totals is None
    assert reading.table.num_rows == len(sandbox.asked(ANALYTICS)) == 1


def test_a_key_is_verified_by_one_question_that_lists_nothing(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls.append(call(1))
    vapi.verify(vapi_client)
    (asked,) = sandbox.received
    assert asked.params["limit"] == "1"
    assert asked.params["createdAtLt"] < "2023"


def test_a_wrong_key_is_rejected_clearly(sandbox: Sandbox) -> None:
    with (
        vapi.client("another-key", sandbox.vapi_url) as client,
        pytest.raises(CredentialRejected, match="401: Invalid Key"),
    ):
        vapi.verify(client)


# The real thing.


@pytest.mark.skipif(not REAL_DAY.exists(), reason="the published real day is not beside this checkout")
def test_a_real_day_reads_as_52_calls(vapi_client: ProviderClient, calls: list[dict[str, Any]]) -> None:
    calls += json.loads(REAL_DAY.read_text())
    reading = read(vapi_client)
    assert reading.table.num_rows == len(reading.keys) == 52
    assert reading.totals["cost"] == Decimal("2.8886")
    assert reading.table.column("started_at").null_count == 7
    assert not reading.is_incomplete
    assert "[text removed" not in "".join(reading.table.column("payload").to_pylist())
    reported = {call["id"]: call for call in json.loads(REAL_DAY.read_text(), parse_float=Decimal)}
    for payload in payloads(reading):
        assert payload.get("costs") == reported[payload["id"]].get("costs")
    assert reading.windows == (Window.of_day(DAY),)
