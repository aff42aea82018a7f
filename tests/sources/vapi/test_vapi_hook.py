"""What Vapi tells a hook: proven in each documented form and no other, read without what is secret or personal."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sources.hooks import Delivery, Method, NoMessage, is_fresh
from sources.vapi.hook import AWAITING, HOOK
from tests.sources.test_allowed import CANARY, SECRETS_OF_A_CALL

SECRET = "c2VjcmV0LW9mLXRoaXMtaG9vaw=="
AT = datetime(2026, 2, 18, 12, 45, 55, tzinfo=UTC)
STAMP = str(int(AT.timestamp()))
URL = "https://billing.example/v1/hooks/vapi/abc"
SAMPLES = Path(__file__).parents[3].parent / "shared/payloads/vapi"
CALL = {
    "id": "019c70c6-3912-7441-94f0-9a77e9ac2a42",
    "orgId": "org",
    "createdAt": "2026-02-17T23:59:59.999Z",
    "updatedAt": "2026-02-17T23:59:59.999Z",
    "type": "inboundPhoneCall",
    "status": "queued",
    "cost": 0,
    "assistantId": "assistant-1",
    "phoneNumberId": "number-1",
    "customer": {"number": "+15550106767"},
}
ENDED = {
    "type": "end-of-call-report",
    "timestamp": 1771418755491,
    "startedAt": "2026-02-18T00:00:01.000Z",
    "endedAt": "2026-02-18T00:01:02.000Z",
    "endedReason": "customer-ended-call",
    "costs": [{"type": "vapi", "cost": 0.050000000000000000001, "minutes": 1.0166}],
    "artifact": {"transcript": "my number is +15550106767", "recordingUrl": "https://example.invalid/r.wav"},
    "analysis": {"summary": "a call"},
    "call": CALL,
}


def body(message: Mapping[str, Any]) -> bytes:
    return json.dumps({"message": message}).encode()


def delivery(sent: bytes, headers: Mapping[str, str], at: datetime = AT) -> Delivery:
    return Delivery("POST", URL, {name.lower(): value for name, value in headers.items()}, sent, at)


def signed(signed_text: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(SECRET.encode(), signed_text, algorithm).hexdigest()


def genuine(sent: bytes, headers: Mapping[str, str], method: Method, at: datetime = AT, **settings: str) -> bool:
    return HOOK.is_genuine(delivery(sent, headers, at), SECRET, method, settings)


BODY = body(ENDED)
BASE64 = base64.b64encode(hmac.digest(SECRET.encode(), STAMP.encode() + b"." + BODY, "sha512")).decode()
FORMS: dict[str, tuple[Method, dict[str, str], dict[str, str]]] = {
    "bearer": (Method.BEARER, {"Authorization": f"Bearer {SECRET}"}, {}),
    "bearer, as it was": (Method.BEARER, {"X-Vapi-Secret": SECRET}, {}),
    "bearer in a header of its own": (Method.BEARER, {"X-Token": SECRET}, {"header": "X-Token", "prefix": "none"}),
    "hmac": (
        Method.HMAC,
        {"x-signature": signed(STAMP.encode() + b"." + BODY), "x-timestamp": STAMP},
        {},
    ),
    "hmac in milliseconds": (
        Method.HMAC,
        {"X-Signature": signed(STAMP.encode() + b"000." + BODY).upper(), "X-Timestamp": STAMP + "000"},
        {},
    ),
    "hmac of the body alone": (
        Method.HMAC,
        {"x-hub-signature-256": f"sha256={signed(BODY)}"},
        {"header": "x-hub-signature-256", "prefix": "sha256=", "payload": "{body}"},
    ),
    "hmac in base 64": (
        Method.HMAC,
        {"x-signature": BASE64, "x-timestamp": STAMP},
        {"encoding": "base64", "algorithm": "sha512"},
    ),
    "hmac of all that there is": (
        Method.HMAC,
        {
            "x-signature": signed(f"id-1.{STAMP}.POST|{URL}|".encode() + BODY, "sha1"),
            "x-timestamp": STAMP,
            "svix-id": "id-1",
        },
        {"payload": "{svix-id}.{timestamp}.{method}|{url}|{body}", "algorithm": "sha1"},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_documented_form_proves_a_delivery_and_nothing_else_does(form: str) -> None:
    method, headers, settings = FORMS[form]
    assert HOOK.fault_of_settings(settings) is None
    assert genuine(BODY, headers, method, **settings)
    other = Method.HMAC if method is Method.BEARER else Method.BEARER
    assert not genuine(BODY, headers, other)
    assert not genuine(BODY, {}, method, **settings)
    name, value = next(iter(headers.items()))
    for forged in (value[:-1], value + "0", value.replace(value[-6], "_"), "", "ü" + value[1:]):
        assert not genuine(BODY, {**headers, name: forged}, method, **settings), forged
    if method is Method.HMAC:
        assert not genuine(BODY.replace(b"0.05", b"0.06"), headers, method, **settings), "forged"
        assert not genuine(BODY[:-1], headers, method, **settings), "truncated"
        assert not genuine(BODY + b" ", headers, method, **settings)


@pytest.mark.parametrize(("seconds", "is_taken"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_a_signed_delivery_is_good_for_five_minutes(seconds: int, is_taken: bool) -> None:
    _, headers, _ = FORMS["hmac"]
    assert genuine(BODY, headers, Method.HMAC, AT + timedelta(seconds=seconds)) == is_taken
    _, headers, _ = FORMS["hmac in milliseconds"]
    assert genuine(BODY, headers, Method.HMAC, AT + timedelta(seconds=seconds)) == is_taken


@pytest.mark.parametrize("stamp", ["", "now", "177141875", "17714187555", "١٧٧١٤١٨٧٥٥", "-771418755", STAMP + ".0"])
def test_what_is_no_time_is_not_fresh(stamp: str) -> None:
    assert not is_fresh(stamp, AT)


def test_a_secret_in_base_64_is_used_as_what_it_stands_for() -> None:
    key = base64.b64decode(SECRET)
    headers = {"x-signature": hmac.new(key, BODY, hashlib.sha256).hexdigest()}
    settings = {"payload": "{body}", "secret_is_base64": "yes"}
    assert genuine(BODY, headers, Method.HMAC, **settings)
    assert not genuine(BODY, headers, Method.HMAC, payload="{body}")


def test_a_body_is_no_pattern() -> None:
    sent = b'{"message":{"type":"{timestamp}{method}"}}'
    headers = {"x-signature": signed(STAMP.encode() + b"." + sent), "x-timestamp": STAMP}
    assert genuine(sent, headers, Method.HMAC)


@pytest.mark.parametrize(
    "settings", [{"algorithm": "md5"}, {"payload": "{secret}"}, {"header": "a b"}, {"encoding": "hex\n"}, {"x": "y"}]
)
def test_a_setting_that_is_none_is_refused(settings: dict[str, str]) -> None:
    assert HOOK.fault_of_settings(settings)


def test_a_report_is_of_its_calls_day_with_the_figures_of_the_message_and_no_secret_or_person() -> None:
    secrets = json.loads(json.dumps(SECRETS_OF_A_CALL))
    told = {**ENDED, "cost": 0.05, "call": {**secrets, **CALL}, "assistant": secrets, "phoneNumber": {"token": CANARY}}
    sent = body(told).replace(b"0.05}", b"0.050000000000000000001}")
    report = HOOK.read(sent).report
    assert report is not None
    assert report.created_at.date().isoformat() == "2026-02-17", "not the day on which it ended"
    assert (report.row_id, report.kind, report.status) == (CALL["id"], "end-of-call-report", "ended")
    assert (report.is_final, report.is_gone) == (True, False)
    assert report.ended_at == datetime(2026, 2, 18, 0, 1, 2, tzinfo=UTC)
    assert report.cost == Decimal("0.05"), "not the snapshot's 0"
    row = json.loads(report.row)
    assert (row["status"], row["endedReason"], row["phoneNumberId"]) == ("ended", "customer-ended-call", "number-1")
    for word in (CANARY, "+1555", "my number", "example.invalid", "a call"):
        assert word not in report.row


def test_the_same_told_again_is_the_same_and_other_figures_are_not() -> None:
    def hashed(**changes: Any) -> bytes:
        report = HOOK.read(body({**ENDED, **changes})).report
        assert report is not None
        return report.hash

    links = {"artifact": {"recordingUrl": "https://example.invalid/other.wav"}}
    assert hashed() == hashed(timestamp=1771418999999) == hashed(**links)
    assert (
        len({hashed(), hashed(cost=1), hashed(endedAt="2026-02-18T00:01:03.000Z"), hashed(type="status-update")}) == 4
    )


@pytest.mark.parametrize("kind", sorted(AWAITING))
def test_what_waits_for_an_answer_is_somebodys_to_know(kind: str) -> None:
    message = HOOK.read(body({"type": kind, "call": CALL}))
    assert (message.report, message.notice) == (None, ("awaits_answer", f"{kind} of assistant assistant-1"))
    of_number = HOOK.read(body({"type": kind, "phoneNumber": {"id": "n-1"}}))
    assert of_number.notice == ("awaits_answer", f"{kind} of phone number n-1")


@pytest.mark.parametrize("kind", ["hang", "conversation-update", "transcript", "chat.created", "assistant.started"])
def test_what_is_of_no_use_says_nothing(kind: str) -> None:
    message = HOOK.read(body({"type": kind, "call": CALL}))
    assert (message.kind, message.report, message.notice) == (kind, None, None)


def test_a_deleted_call_is_told_as_gone_and_a_change_of_state_by_its_state() -> None:
    gone = HOOK.read(body({"type": "call.deleted", "call": CALL})).report
    assert gone is not None
    assert (gone.is_gone, gone.is_final) == (True, False)
    ringing, ended = (
        HOOK.read(body({"type": "status-update", "status": status, "call": CALL})).report
        for status in ("ringing", "ended")
    )
    assert ringing is not None
    assert ended is not None
    assert (ringing.status, ringing.is_final, ended.status, ended.is_final) == ("ringing", False, "ended", True)
    assert ringing.cost is None, "the snapshot's cost is none"


@pytest.mark.parametrize(
    "changes",
    [
        {"call": {name: value for name, value in CALL.items() if name != "createdAt"}},
        {"call": {**CALL, "createdAt": "yesterday"}},
        {"cost": "much"},
        {"endedAt": "2026-02-19T00:00:00Z", "startedAt": "2026-02-18T00:00:00Z"},
        {"call": {**CALL, "id": "x" * 9_999}},
    ],
)
def test_a_report_that_cannot_be_read_is_somebodys_to_know(changes: dict[str, Any]) -> None:
    message = HOOK.read(body({**ENDED, **changes}))
    assert message.report is None
    assert message.notice is not None
    assert message.notice[0] == "unreadable_report"


def test_a_number_beyond_all_numbers_is_somebodys_to_know() -> None:
    sent = body({**ENDED, "cost": 7.25}).replace(b"7.25", b"1e9999999999999999999999")
    notice = HOOK.read(sent).notice
    assert notice is not None
    assert "it is no number but text" in notice[1]


@pytest.mark.parametrize(
    "sent", [b"", b"{", b"[]", b'{"type":"hang"}', b'{"message":[]}', b'{"message":{"type":7}}', b"\xff", b"[" * 99_999]
)
def test_what_is_no_message_is_none(sent: bytes) -> None:
    with pytest.raises(NoMessage):
        HOOK.read(sent)


def test_a_report_of_no_call_is_kept_nowhere() -> None:
    assert HOOK.read(body({"type": "end-of-call-report", "call": {}})).report is None
    assert HOOK.read(body({"type": "status-update", "status": "ended"})).report is None


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the published payloads are not beside this checkout")
def test_published_messages_and_signatures() -> None:
    sample = json.loads((SAMPLES / "webhook_signed_built.json").read_text())
    sent = sample["body"].encode()
    at = datetime.fromtimestamp(1771418755, UTC)
    github = {"header": "x-hub-signature-256", "prefix": "sha256=", "payload": "{body}"}
    for name, method, settings in (
        ("bearer", Method.BEARER, {}),
        ("bearer_legacy", Method.BEARER, {}),
        ("hmac_default", Method.HMAC, {}),
        ("hmac_default_ms", Method.HMAC, {}),
        ("hmac_github_style", Method.HMAC, github),
    ):
        secret = sample["secret_bearer" if method is Method.BEARER else "secret_hmac"]
        assert HOOK.is_genuine(delivery(sent, sample[name], at), secret, method, settings), name
        assert not HOOK.is_genuine(delivery(sent, sample[name], at), secret + "0", method, settings), name
    report = HOOK.read(sent).report
    assert report is not None
    assert (report.cost, report.created_at.date().isoformat()) == (Decimal("0.2848"), "2026-02-18")
    assert json.loads(report.row)["campaignId"] == "00000000-0000-4000-8000-00000000ca01"
    assert "CANARY" not in report.row
    assert "+1555" not in report.row
    for name in ("webhook_end_of_call_report_webcall_2025_real", "webhook_status_update_2025_real"):
        told = HOOK.read((SAMPLES / f"{name}.json").read_bytes()).report
        assert told is not None
        assert told.created_at.year == 2025
    skeletons = json.loads((SAMPLES / "server_messages_official.json").read_text())
    assert [HOOK.read(json.dumps(one).encode()).report for one in skeletons] == [None] * len(skeletons)
