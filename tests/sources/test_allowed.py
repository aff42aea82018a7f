"""What is in no contract is not stored, wherever it stands, and its name is told; what stays, stays digit for digit."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.checks.allowed import ANY_NAME, LEFT_OUT, OPEN, Allowed, fields, is_secret
from sources.personal import Document
from sources.usage_metrics.rows import ROW
from sources.vapi.contract import CALL
from sources.voiceflow.contract import TRANSCRIPT, USAGE

CANARY = "canary-7c1f"
PAYLOADS = Path(__file__).parents[2].parent / "shared/payloads"
# Every place of Vapi's schema of a call that may hold what gives somebody a right.
SECRETS_OF_A_CALL: dict[str, Any] = {
    "phoneNumber": {"id": "p", "twilioAuthToken": CANARY, "twilioApiKey": CANARY, "twilioApiSecret": CANARY,
                    "authentication": {"username": CANARY, "password": CANARY},
                    "server": {"url": "https://x.example", "secret": CANARY, "headers": {"x-any": CANARY}},
                    "hooks": [{"do": [{"headers": {"authorization": CANARY}}]}]},
    "assistant": {"name": "a", "credentials": [{"provider": "openai", "apiKey": CANARY}],
                  "server": {"secret": CANARY, "headers": {"X-Vapi-Secret": CANARY}, "backoffPlan": {}},
                  "serverUrlSecret": CANARY,
                  "model": {"provider": "openai", "model": "gpt", "headers": {"x": CANARY},
                            "messages": [{"role": "system", "content": CANARY}],
                            "tools": [{"server": {"secret": CANARY}, "function": {"name": CANARY}}]},
                  "voice": {"provider": "11labs", "voiceId": "v", "server": {"secret": CANARY}},
                  "transcriber": {"provider": "deepgram", "server": {"headers": {"a": CANARY}}},
                  "artifactPlan": {"recordingPath": CANARY}, "metadata": {"api_key": CANARY}},
    "assistantOverrides": {"credentials": [{"apiKey": CANARY}], "variableValues": {"Api-Key": CANARY, "name": "Eva"},
                           "server": {"secret": CANARY}, "tools:append": [{"apiKey": CANARY}]},
    "squad": {"name": "s", "members": [{"assistant": {"credentials": [{"apiKey": CANARY}]}}],
              "membersOverrides": {"server": {"secret": CANARY}}},
    "workflow": {"nodes": [{"tool": {"server": {"secret": CANARY}}}], "credentials": [{"authToken": CANARY}],
                 "globalPrompt": CANARY},
    "transport": {"provider": "twilio", "callSid": "CA1", "accountSid": "AC1", "callToken": CANARY,
                  "callUrl": CANARY},
    "customer": {"number": "+1", "assistantOverrides": {"server": {"secret": CANARY}, "credentials": [CANARY]}},
    "destination": {"type": "sip", "sipUri": "sip:x", "sipHeaders": {"x-auth": CANARY},
                    "transferPlan": {"sipHeadersInReferTo": {"a": CANARY}}},
    "phoneCallProviderDetails": {"sbcCallId": "s", "sip": {"Proxy-Authorization": CANARY}, "authToken": CANARY},
    "metadata": {"nested": [{"deep": {"access_token": CANARY, "ACCESSTOKEN": CANARY, "client-secret": CANARY}}],
                 "pairs": [{"name": "Authorization", "value": CANARY}, {"key": "x-api-key", "value": CANARY}],
                 "passwords": [CANARY], "text": json.dumps({"refresh_token": CANARY}), "cookie": CANARY,
                 "p\u0061ssword": CANARY},
    "artifact": {"presignedRecordingUrl": CANARY, "presignedTranscriptUrl": CANARY, "nodes": [CANARY],
                 "variables": {"apiKey": CANARY}, "variableValues": {"x": {"privateKey": CANARY}},
                 "messages": [{"role": "tool_calls", "toolCalls": [
                     {"id": "1", "function": {"name": "f", "arguments": json.dumps({"apiKey": CANARY})}}]},
                     {"role": "tool_call_result", "result": {"secret": CANARY}, "metadata": CANARY}],
                 "structuredOutputs": {"o-1": {"name": "n", "result": {"token": CANARY}, "schema": CANARY}}},
    "analysis": {"structuredData": {"userPassword": CANARY}},
    "monitor": {"listenUrl": CANARY, "controlUrl": CANARY},
    "webCallUrl": CANARY,
    "costs": [{"type": "model", "cost": 0.1, "model": {"provider": "openai", "apiKey": CANARY}, "apiKey": CANARY}],
    "costBreakdown": {"total": 0.1, "analysisCostBreakdown": {"summary": 0, "key": CANARY}},
    "name": {"secret": CANARY},
    "campaign": {"secret": CANARY},
}  # fmt: skip
SAID_BY_VOICEFLOW = {
    "id": "t", "sessionID": "s", "apiKey": CANARY,
    "properties": [{"name": "authToken", "value": CANARY}, {"name": "wish", "value": "a table"}],
    "logs": [{"type": "trace", "data": {"payload": {"headers": {"authorization": CANARY}}, "token": CANARY}},
             {"type": "action", "data": {"text": "hello"}, "credentials": CANARY}],
    "evaluations": [{"name": "e", "cost": 0.10, "prompt": CANARY}],
}  # fmt: skip


def document(of: dict[str, Any]) -> Document:
    return msgspec.json.decode(json.dumps(of), type=Document)


def kept(contract: Allowed, of: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    new: set[str] = set()
    once = contract.kept(document(of), new)
    assert contract.kept(once, set()) == once
    return json.loads(msgspec.json.encode(once), parse_float=Decimal), new


def test_no_secret_that_vapis_schema_allows_is_stored_and_its_name_is_told() -> None:
    stored, new = kept(CALL, SECRETS_OF_A_CALL)
    assert CANARY not in json.dumps(stored, default=str)
    assert CANARY not in str(new)
    assert {
        "phoneNumber.twilioAuthToken", "assistant.credentials", "assistant.server", "assistant.model.tools",
        "transport.callToken", "squad.members", "workflow.credentials", "customer.assistantOverrides.credentials",
        "metadata.*", "artifact.presignedRecordingUrl", "artifact.structuredOutputs.*.schema", "costs[].apiKey",
        "costs[].model.apiKey", "costBreakdown.analysisCostBreakdown.key", "name", "campaign",
        "artifact.messages[].metadata", "artifact.messages[].toolCalls[].function.arguments.*",
        "assistantOverrides.(a name that is not told)",
    } <= new  # fmt: skip
    assert stored["transport"] == {"provider": "twilio", "callSid": "CA1", "accountSid": "AC1"}
    assert stored["assistantOverrides"] == {"variableValues": {"name": "Eva"}}
    assert stored["metadata"]["pairs"] == [{"name": "Authorization"}, {"key": "x-api-key"}]
    assert not {"monitor", "webCallUrl", "name"} & stored.keys()


def test_no_secret_in_a_transcript_a_count_or_a_metric_is_stored() -> None:
    stored, new = kept(TRANSCRIPT, SAID_BY_VOICEFLOW)
    assert CANARY not in json.dumps(stored, default=str)
    assert new == {"apiKey", "properties[].value.*", "logs[].data.*", "logs[].credentials", "evaluations[].prompt"}
    assert stored["properties"][1] == {"name": "wish", "value": "a table"}
    counted, new = kept(USAGE, {"count": 3, "type": "x", "apiKey": CANARY, "model": {"secret": CANARY}})
    assert (counted, new) == ({"count": 3, "type": "x"}, {"apiKey", "model"})
    metric, new = kept(ROW, {"quantity": 1, "cost_usd": 0.0750, "metadata": {"ApiKey": CANARY, "by": "us"}})
    assert metric["metadata"] == {"by": "us"}
    assert new == {"metadata.*"}


def test_what_came_for_is_not_taken_for_a_secret() -> None:
    for name in ("token_type", "promptTokens", "cachedPromptTokens", "max_tokens", "api_key_id", "keyword", "monkeys"):
        assert not is_secret(name), name
    for name in ("authToken", "call_token", "ACCESS_TOKEN", "refreshToken", "clientSecret", "x-api-key", "apikey",
                 "Authorization", "userPassword", "credentials", "secret", "api key"):  # fmt: skip
        assert is_secret(name), name


def test_numbers_that_stay_keep_every_digit_whether_something_beside_them_goes_or_not() -> None:
    item = b'{"type":"model","cost":0.029804249999999997000123,"promptTokens":123456789012345678901,"minutes":7.275e-05'
    for costs in (b"[" + item + b"}]", b"[" + item + b',"unknown":{"a":1}}]'):
        left = CALL.kept({"costs": msgspec.Raw(costs), "cost": msgspec.Raw(b"0.10000")}, set())
        assert bytes(left["costs"]) == b"[" + item + b"}]"
        assert bytes(left["cost"]) == b"0.10000"


def test_a_member_that_is_reported_twice_or_in_escapes_hides_nothing() -> None:
    for hidden in (b'"provider":{"secret":"canary-7c1f"}', b'"metadata":{"a":{"x":1,"\\u0061piKey":"canary-7c1f"}}'):
        twice = b"{" + hidden + b',"provider":"twilio"}'
        for field in ("transport", "metadata", "assistant"):
            stored = msgspec.json.encode(CALL.kept({field: msgspec.Raw(twice)}, set()))
            assert CANARY.encode() not in stored


def test_a_name_that_is_no_name_is_not_told_either() -> None:
    _, new = kept(CALL, {f"{CANARY} of Eva": 1, "customer": {f"x{'y' * 60}": 1}})
    assert new == {"(a name that is not told)", "customer.(a name that is not told)"}


def test_what_is_nested_deeper_than_anyone_reads_is_left_out() -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    new: set[str] = set()
    assert CALL.kept({"metadata": msgspec.Raw(deep), "id": msgspec.Raw(b'"c"')}, new).keys() == {"id"}
    assert new == {"metadata.*"}


SHAPES = st.recursive(
    st.sampled_from(["plain", "open", "out"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=1), st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    ),
    max_leaves=6,
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["x", CANARY])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "c", "e", "authToken"]), inner, max_size=3),
    ),
    max_leaves=10,
)


def shape_of(drawn: Any) -> Any:
    leaves = {"plain": fields("x")["x"], "open": OPEN, "out": LEFT_OUT}
    if isinstance(drawn, list):
        return [shape_of(drawn[0])]
    return {name: shape_of(part) for name, part in drawn.items()} if isinstance(drawn, dict) else leaves[drawn]


def by_hand(shape: Any, value: Any) -> Any:
    """The same rule, written for one who reads it; Ellipsis is nothing."""
    if shape is LEFT_OUT or shape is None:
        return ...
    if shape is OPEN:
        if isinstance(value, dict):
            return {name: by_hand(OPEN, part) for name, part in value.items() if name != "authToken"}
        return [by_hand(OPEN, part) for part in value] if isinstance(value, list) else value
    if value is None:
        return None
    if isinstance(shape, list):
        return left_in([by_hand(shape[0], part) for part in value]) if isinstance(value, list) else ...
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return ...
        left = {name: by_hand(shape.get(name), part) for name, part in value.items()}
        return {name: part for name, part in left.items() if part is not ...}
    return ... if isinstance(value, dict | list) else value


def left_in(items: list[Any]) -> list[Any]:
    return [item for item in items if item is not ...]


@given(
    drawn=st.dictionaries(st.sampled_from("abcd"), SHAPES, max_size=4),
    value=st.dictionaries(st.sampled_from(["a", "b", "c", "e", "authToken"]), VALUES, max_size=4),
)
def test_any_answer_is_kept_as_far_as_any_contract_goes(drawn: Any, value: dict[str, Any]) -> None:
    shape = shape_of(drawn)
    assert kept(Allowed(shape), value)[0] == by_hand(shape, value)


def test_any_name_of_a_map_is_of_the_contract() -> None:
    stored, new = kept(Allowed({"m": {ANY_NAME: fields("a")}}), {"m": {"x": {"a": 1}, "y": {"a": 2, "b": CANARY}}})
    assert (stored, new) == ({"m": {"x": {"a": 1}, "y": {"a": 2}}}, {"m.*.b"})


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the published payloads are not beside this checkout")
def test_a_real_day_keeps_all_that_it_told_but_the_way_into_a_live_call() -> None:
    for call in json.loads((PAYLOADS / "vapi/get_call_list_one_day_real.json").read_text(), parse_float=str):
        reported = {name: part for name, part in call.items() if name != "monitor"}
        stored, new = kept(CALL, call)
        assert new == set()
        assert json.loads(json.dumps(stored, default=str)).keys() == reported.keys()
        for name in ("costs", "costBreakdown", "customer", "transport", "analysis"):
            assert stored.get(name) == reported.get(name)
