"""Hints of providers whose events name no row that is listed: proven as far as they can be, and without who called."""

import base64
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest

from sources.hooks import Delivery, Method, NoMessage
from sources.twilio.hook import HOOK as TWILIO
from sources.voiceflow.hook import HOOK as VOICEFLOW

AT = datetime(2026, 11, 3, 12, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2].parent / "shared/payloads"
URL = "https://billing.example/v1/hooks/twilio/abc"
TOKEN = "12345"
SID = "CA" + "0a" * 16
CALL = {
    "CallSid": SID,
    "AccountSid": "AC" + "0b" * 16,
    "From": "+15550106543",
    "To": "+15550106110",
    "CallStatus": "completed",
    "CallDuration": "120",
    "Timestamp": "Tue, 03 Nov 2026 00:01:00 +0000",
}


def delivery(body: bytes, signature: str, url: str = URL) -> Delivery:
    return Delivery("POST", url, {"x-twilio-signature": signature}, body, AT)


def signed(url: str, fields: dict[str, str], token: str = TOKEN) -> str:
    text = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), "sha1").digest()).decode()


def genuine(body: bytes, signature: str, url: str = URL, method: Method = Method.HMAC) -> bool:
    return TWILIO.is_genuine(delivery(body, signature, url), TOKEN, method, {})


def test_a_callback_of_twilios_is_signed_over_its_address_and_form() -> None:
    body = urlencode(CALL).encode()
    with_port = URL.replace("billing.example", "billing.example:443")
    for url in (URL, with_port):
        assert genuine(body, signed(url, CALL))
    assert genuine(body, signed(URL, CALL), with_port)
    assert not genuine(body, signed(URL, CALL, "54321"))
    assert not genuine(body, signed(URL, CALL), URL + "/")
    assert not genuine(body + b"&Price=0", signed(URL, CALL)), "forged"
    assert not genuine(body[:-1], signed(URL, CALL)), "truncated"
    assert not genuine(body, "")
    assert not genuine(b"\xff", signed(URL, {}))
    assert not genuine(urlencode({f"n{number}": "" for number in range(999)}).encode(), signed(URL, {}))
    assert not genuine(body, signed(URL, CALL), method=Method.BEARER)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the published payloads are not beside this checkout")
def test_twilios_own_vector() -> None:
    vector = json.loads((SAMPLES / "twilio/webhook_signature_vector_official.json").read_text())
    body, url = urlencode(vector["params"]).encode(), vector["url"]
    assert TWILIO.is_genuine(delivery(body, vector["X-Twilio-Signature"], url), vector["auth_token"], Method.HMAC, {})
    assert not TWILIO.is_genuine(delivery(body, vector["X-Twilio-Signature"], url), "1234", Method.HMAC, {})


def test_a_callback_is_of_the_day_on_which_its_call_began() -> None:
    report = TWILIO.read(urlencode(CALL).encode()).report
    assert report is not None
    assert (report.row_id, report.created_at) == (SID, datetime(2026, 11, 2, 23, 59, tzinfo=UTC))
    assert report.cost is None
    assert "+1555" not in report.row
    assert TWILIO.read(urlencode({**CALL, "CallStatus": "ringing"}).encode()).report is None
    undated = TWILIO.read(urlencode({**CALL, "Timestamp": "lately"}).encode())
    assert (undated.report, undated.notice and undated.notice[0]) == (None, "unreadable_report")


@pytest.mark.parametrize("body", [b"", b"{}", b"CallSid=CA1&CallStatus=completed", b"\xff", b"MessageSid=SM1"])
def test_what_is_no_callback_of_a_call_is_none(body: bytes) -> None:
    with pytest.raises(NoMessage):
        TWILIO.read(body)


def event(kind: str, **data: object) -> bytes:
    known = {"userID": "+15550106543", "projectID": "p1", "startTime": 1743563467788, "metadata": {"callSid": "CA1"}}
    return json.dumps({"type": kind, "data": known | data, "time": 1743563467874}).encode()


def test_a_call_event_of_voiceflows_is_a_hint_and_does_not_say_who_called() -> None:
    report = VOICEFLOW.read(event("runtime.call.end", endTime=1743563467834)).report
    assert report is not None
    assert (report.row_id, report.status) == ("p1/1743563467788", "ended")
    assert report.created_at == datetime(2025, 4, 2, 3, 11, 7, 788_000, tzinfo=UTC)
    assert report.ended_at == datetime(2025, 4, 2, 3, 11, 7, 834_000, tzinfo=UTC)
    assert "+1555" not in report.row
    assert VOICEFLOW.read(event("runtime.turn")).report is None
    unreadable = VOICEFLOW.read(event("runtime.call.end", startTime="now"))
    assert (unreadable.report, unreadable.notice and unreadable.notice[0]) == (None, "unreadable_report")
    for body in (b"", b"[]", b"{}", b"\xff", b'{"type":"x"}'):
        with pytest.raises(NoMessage):
            VOICEFLOW.read(body)
    assert VOICEFLOW.is_genuine(delivery(b"", ""), "", Method.ADDRESS, {})
    assert not VOICEFLOW.is_genuine(delivery(b"", ""), "", Method.HMAC, {})


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the published payloads are not beside this checkout")
def test_voiceflows_own_examples() -> None:
    examples = json.loads((SAMPLES / "voiceflow/webhook_call_events_official.json").read_text())
    reports = [VOICEFLOW.read(json.dumps(one).encode()).report for one in examples]
    assert [one.status for one in reports if one] == ["started", "ended"]
    assert len({one.row_id for one in reports if one}) == 1
