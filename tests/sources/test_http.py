import asyncio
import gzip
import logging
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import msgspec
import pytest

from sources import vapi
from sources.errors import (
    AnswerTooLarge,
    ContractBroken,
    CredentialRejected,
    ProviderDown,
    ProviderRefused,
    ProviderUnreachable,
    RateLimited,
    SourceFailure,
    TransientFailure,
)
from sources.http import ATTEMPTS, ProviderClient, characters_replaced
from sources.http.budget import Budget
from tests.sandbox.faults import FOREVER, Fault, cut_body, ok_with, redirect, slow, status, truncated_json
from tests.sandbox.server import Sandbox
from tests.sandbox.world import VapiAccount, in_memory
from tests.sources.conftest import VAPI_KEY, Clock

CALLS = "/vapi/call"
parse = msgspec.json.Decoder(list[Any]).decode


@pytest.fixture(autouse=True)
def account(sandbox: Sandbox) -> None:
    call = {
        "id": "1",
        "createdAt": "2026-02-18T00:00:00.000Z",
        "updatedAt": "2026-02-18T00:00:00.000Z",
        "text": "x" * 2000,
    }
    sandbox.world.vapi[VAPI_KEY] = VapiAccount(in_memory([call]))


def ask(client: ProviderClient) -> list[Any]:
    return client.get("/call", parse, {"limit": 1})


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (status(401), CredentialRejected),
        (status(403), CredentialRejected),
        (status(403, body=b"Forbidden"), CredentialRejected),
        (ok_with({"statusCode": 401, "message": "no"}), CredentialRejected),
    ],
    ids=["401", "403", "403 in text", "401 inside a 200"],
)
def test_a_rejected_key_is_told_at_once(
    sandbox: Sandbox, vapi_client: ProviderClient, clock: Clock, fault: Fault, expected: type[SourceFailure]
) -> None:
    sandbox.faults.script(CALLS, fault, times=FOREVER)
    with pytest.raises(expected) as failure:
        ask(vapi_client)
    assert failure.value.is_permanent
    assert len(sandbox.received) == 1
    assert clock.slept == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (status(400), ProviderRefused),
        (status(402), ProviderRefused),
        (status(404), ProviderRefused),
        (redirect("https://elsewhere.example/call"), ProviderRefused),
        (ok_with({"statusCode": 404, "message": "no"}), ProviderRefused),
        (ok_with({"rows": []}), ContractBroken),
        (ok_with(b"[" * 20_000 + b"]" * 20_000), ContractBroken),
    ],
    ids=["400", "402", "404", "redirect", "404 inside a 200", "another shape", "nested deep"],
)
def test_a_refusal_is_believed_only_when_it_is_repeated(
    sandbox: Sandbox, vapi_client: ProviderClient, fault: Fault, expected: type[SourceFailure]
) -> None:
    sandbox.faults.script(CALLS, fault)
    assert [call["id"] for call in ask(vapi_client)] == ["1"]

    sandbox.received.clear()
    sandbox.faults.script(CALLS, fault, times=FOREVER)
    with pytest.raises(expected) as failure:
        ask(vapi_client)
    assert failure.value.is_permanent
    assert len(sandbox.received) == 3


def test_json_that_is_nested_too_deep_is_said_in_words(sandbox: Sandbox, vapi_client: ProviderClient) -> None:
    sandbox.faults.script(CALLS, ok_with(b"[" * 20_000 + b"]" * 20_000), times=FOREVER)
    with pytest.raises(ContractBroken, match="nested too deep"):
        ask(vapi_client)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (status(408), ProviderDown),
        (status(409), ProviderDown),
        (status(429), RateLimited),
        (status(500), ProviderDown),
        (status(503, retry_after=1), ProviderDown),
        (status(502, body=b"<html>Bad Gateway</html>"), ProviderDown),
        (cut_body(), ProviderDown),
        (truncated_json(), ProviderDown),
        (ok_with(b"<html>One moment</html>"), ProviderDown),
        (ok_with(b"\xff\xfe[\0]\0"), ProviderDown),
        (status(204, body=b""), ProviderDown),
        (status(403, body=b"<!DOCTYPE html><title>Access denied</title>"), ProviderDown),
        (ok_with({"message": "no", "statusCode": 500}), ProviderDown),
        (ok_with({"message": "slow down", "statusCode": "429"}), RateLimited),
        (ok_with({}), ProviderDown),
        (ok_with(b"null"), ProviderDown),
        (ok_with(b""), ProviderDown),
    ],
    ids=[
        *("408", "409", "429", "500", "503", "502 html", "cut", "truncated", "200 html", "utf-16", "204"),
        *("a proxy's 403", "500 inside a 200", "429 inside a 200", "{}", "null", "nothing"),
    ],
)
def test_a_passing_failure_is_tried_again_and_not_for_ever(
    sandbox: Sandbox, vapi_client: ProviderClient, clock: Clock, fault: Fault, expected: type[SourceFailure]
) -> None:
    sandbox.faults.script(CALLS, fault)
    assert [call["id"] for call in ask(vapi_client)] == ["1"]
    assert len(sandbox.received) == 2

    sandbox.faults.script(CALLS, fault, times=FOREVER)
    with pytest.raises(expected) as failure:
        ask(vapi_client)
    assert not failure.value.is_permanent
    assert len(sandbox.received) == 2 + ATTEMPTS


@pytest.mark.parametrize(
    ("sent", "text"),
    [(b"caf\xe9", "caf\ufffd"), (b"\xc3", "\ufffd"), (b"\xed\xa0\x80", "\ufffd" * 3), (b"\xf0\x9f\x98", "\ufffd")],
    ids=["latin-1", "a letter cut in half", "a surrogate", "three quarters of a face"],
)
def test_a_byte_that_is_no_utf_8_costs_one_character_and_is_counted(
    sandbox: Sandbox, vapi_client: ProviderClient, sent: bytes, text: str
) -> None:
    reported = b'[{"id": "1", "text": "%s"}, {"id": "2", "text": "\xef\xbf\xbd"}]' % sent
    sandbox.faults.script(CALLS, ok_with(reported))
    before = characters_replaced()
    assert ask(vapi_client) == [{"id": "1", "text": text}, {"id": "2", "text": "\ufffd"}]
    assert characters_replaced() - before == text.count("\ufffd")


def test_waits_grow_and_differ(sandbox: Sandbox, clock: Clock) -> None:
    sandbox.faults.script(CALLS, status(500), times=FOREVER)
    waits = []
    for _ in range(20):
        client = ProviderClient("Vapi", sandbox.vapi_url, {"authorization": VAPI_KEY}, clock.budget())
        with client, pytest.raises(ProviderDown):
            ask(client)
        waits.append(clock.slept[-(ATTEMPTS - 1) :])
    assert len({wait for run in waits for wait in run}) > 90
    assert sum(run[0] for run in waits) < sum(run[-1] for run in waits)
    assert all(wait <= 60 for run in waits for wait in run)


def test_retry_after_in_seconds_is_honoured(sandbox: Sandbox, vapi_client: ProviderClient, clock: Clock) -> None:
    sandbox.faults.script(CALLS, status(429, retry_after=17))
    ask(vapi_client)
    assert 17 <= clock.now - 1000 < 18


def test_retry_after_as_a_date_is_honoured(sandbox: Sandbox, vapi_client: ProviderClient, clock: Clock) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    sandbox.faults.script(CALLS, status(429, retry_after=at))
    ask(vapi_client)
    assert 90 <= clock.now - 1000 < 102


@pytest.mark.parametrize("reported", ["soon", "-5", "Thu, 99 Foo 2026 00:00:00 GMT", "nan"])
def test_a_senseless_retry_after_is_ignored(
    sandbox: Sandbox, vapi_client: ProviderClient, clock: Clock, reported: str
) -> None:
    sandbox.faults.script(CALLS, status(429, retry_after=reported))
    ask(vapi_client)
    assert clock.now - 1000 <= 1


def test_a_retry_after_of_an_hour_fails_the_read_instead_of_holding_the_run(
    sandbox: Sandbox, vapi_client: ProviderClient, clock: Clock
) -> None:
    sandbox.faults.script(CALLS, status(429, retry_after=3600))
    with pytest.raises(RateLimited) as failure:
        ask(vapi_client)
    assert failure.value.retry_after == 3600
    assert clock.slept == []


def test_a_retry_after_holds_back_the_other_threads_of_the_key() -> None:
    clock = Clock()
    budget = clock.budget()
    budget.pause(30)
    with budget.slot():
        pass
    assert clock.slept == [30]


def test_no_more_requests_are_in_flight_than_the_budget_allows() -> None:
    budget, together, most, lock = Budget(3), 0, 0, threading.Lock()
    all_in = threading.Barrier(3)

    def work(number: int) -> None:
        nonlocal together, most
        with budget.slot():
            with lock:
                together += 1
                most = max(most, together)
            if number < 3:
                all_in.wait(timeout=10)
            with lock:
                together -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(24)))
    assert most == 3


def test_requests_are_spaced_when_a_rate_is_given() -> None:
    clock = Clock()
    budget = clock.budget(per_second=5)
    for _ in range(6):
        with budget.slot():
            pass
    assert clock.now - 1000 == pytest.approx(1.0)


def test_an_answer_larger_than_we_take_is_refused(sandbox: Sandbox, clock: Clock) -> None:
    headers = {"authorization": f"Bearer {VAPI_KEY}"}
    client = ProviderClient("Vapi", sandbox.vapi_url, headers, clock.budget(), largest_answer=1000)
    with client, pytest.raises(AnswerTooLarge):
        ask(client)
    assert len(sandbox.received) == 1


@pytest.mark.parametrize("coding", ["gzip, gzip", "deflate", "br"])
def test_an_answer_is_unpacked_once_and_as_asked_for(
    sandbox: Sandbox, vapi_client: ProviderClient, coding: str
) -> None:
    packed = gzip.compress(gzip.compress(bytes(10**6)))
    sandbox.faults.script(CALLS, Fault(answer=(200, {"content-encoding": coding}, packed)), times=3)
    with pytest.raises(ContractBroken, match=f"encoded as {coding}, which was not asked for"):
        ask(vapi_client)
    sandbox.faults.script(CALLS, Fault(answer=(200, {"content-encoding": "gzip"}, gzip.compress(b"[]"))))
    assert len(ask(vapi_client)) == 0


def test_a_provider_that_does_not_answer_in_time_is_down(sandbox: Sandbox, clock: Clock) -> None:
    sandbox.faults.script(CALLS, slow(lambda: asyncio.sleep(30)), times=FOREVER)
    headers, patience = {"authorization": f"Bearer {VAPI_KEY}"}, httpx.Timeout(0.05)
    client = ProviderClient("Vapi", sandbox.vapi_url, headers, clock.budget(), timeout=patience)
    with client, pytest.raises(ProviderDown):
        client.get("/call", parse, {}, attempts=1)


def test_a_provider_that_is_not_there_is_unreachable(unused_port: int, clock: Clock) -> None:
    client = ProviderClient("Vapi", f"http://127.0.0.1:{unused_port}", {"authorization": "x"}, clock.budget())
    with client, pytest.raises(ProviderUnreachable):
        ask(client)
    assert len(clock.slept) == ATTEMPTS - 1


def test_a_redirect_does_not_carry_the_key_anywhere(sandbox: Sandbox, vapi_client: ProviderClient) -> None:
    elsewhere = redirect(f"{sandbox.url.replace('127.0.0.1', 'localhost')}/vapi/call")
    sandbox.faults.script(CALLS, elsewhere, times=FOREVER)
    with pytest.raises(ProviderRefused):
        ask(vapi_client)
    assert len(sandbox.received) == ProviderRefused.most_attempts


@pytest.mark.parametrize(
    "base_url",
    [
        "ftp://api.vapi.ai",
        "file:///etc/passwd",
        "api.vapi.ai",
        "",
        "https://",
        "https://me:secret@api.vapi.ai",
        "http://[::1",
    ],
)
def test_only_plain_http_addresses_are_asked(base_url: str, clock: Clock) -> None:
    with pytest.raises(ValueError, match="base URL") as refused:
        ProviderClient("Vapi", base_url, {"authorization": "x"}, clock.budget())
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("key", ["with\nnewline", "with\x00nul", "ключ", " padded ", ""])
def test_a_key_no_header_can_carry_is_rejected_without_being_told(key: str, clock: Clock) -> None:
    with pytest.raises(CredentialRejected) as rejected:
        ProviderClient("Voiceflow", "http://127.0.0.1:1", {"authorization": key}, clock.budget())
    assert not key.strip() or key.strip() not in str(rejected.value)


@pytest.mark.parametrize(
    "fault",
    [
        status(401, body={"message": f"Invalid key {VAPI_KEY}"}),
        status(500, body=f"Bearer {VAPI_KEY} broke us".encode()),
        ok_with({"echo": VAPI_KEY}),
        ok_with(f"not json {VAPI_KEY}".encode()),
        cut_body(),
    ],
)
def test_the_key_is_in_no_error_no_log_and_no_repr(
    sandbox: Sandbox, vapi_client: ProviderClient, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    caplog.set_level(logging.DEBUG, logger="httpx")
    caplog.set_level(logging.INFO, logger="sources")
    sandbox.faults.script(CALLS, fault, times=FOREVER)
    with pytest.raises(SourceFailure) as failure:
        ask(vapi_client)
    reported = (
        "".join(traceback.format_exception(failure.value)) + caplog.text + repr(vapi_client) + repr(failure.value)
    )
    assert VAPI_KEY not in reported


def test_the_providers_own_words_are_in_the_error(sandbox: Sandbox, vapi_client: ProviderClient) -> None:
    refusal = status(400, body={"message": ["limit must be a number", "page is unknown"]})
    sandbox.faults.script(CALLS, refusal, times=FOREVER)
    with pytest.raises(ProviderRefused, match="answered 400: limit must be a number, page is unknown"):
        ask(vapi_client)


def test_what_postgres_cannot_store_does_not_reach_it(sandbox: Sandbox, vapi_client: ProviderClient) -> None:
    reported = rb'["a\u0000b", "\\u0000", "\ud800x", "\udc00", "\ud83d\ude00", "\u00e9", "\\\ud800"]'
    sandbox.faults.script(CALLS, ok_with(reported))
    assert ask(vapi_client) == ["a�b", r"\u0000", "�x", "�", "😀", "é", "\\�"]


def test_every_failure_has_a_code_of_its_own() -> None:
    def below(kind: type[SourceFailure]) -> list[type[SourceFailure]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    kinds = [kind for kind in below(SourceFailure) if kind not in (SourceFailure, TransientFailure)]
    assert len({kind.code for kind in kinds}) == len(kinds)


def test_an_answer_of_another_shape_is_described_and_not_quoted(
    vapi_client: ProviderClient, sandbox: Sandbox, calls: list[dict[str, Any]]
) -> None:
    reported = {"results": [{"phoneNumber": {"twilioAuthToken": "canary-7c1f"}}], "metadata": {}}
    sandbox.faults.script("/vapi/call", ok_with(reported), times=FOREVER)
    with pytest.raises(ContractBroken, match="an object with metadata, results") as broken:
        vapi.verify(vapi_client)
    assert "canary" not in str(broken.value)


def test_escape_sequences_of_a_refusal_end_at_the_door(sandbox: Sandbox, vapi_client: ProviderClient) -> None:
    body = b'{"message": "no\\u001b[2J\\u001b]0;x\\u0007 such\\u009b31m key"}'
    sandbox.faults.script(CALLS, status(401, body=body), times=FOREVER)
    with pytest.raises(CredentialRejected) as refused:
        ask(vapi_client)
    assert "no such key" in str(refused.value)
    assert str(refused.value).isprintable()


def test_an_address_that_carries_its_query_is_sent_as_it_stands_and_named_without_it(
    sandbox: Sandbox, vapi_client: ProviderClient
) -> None:
    vapi_client.get("/call?limit=1&createdAtGe=2026-02-18T00%3A00%3A00Z", parse, None)
    (asked,) = sandbox.asked(CALLS)
    assert asked.params == {"limit": "1", "createdAtGe": "2026-02-18T00:00:00Z"}
    with pytest.raises(ProviderRefused) as refused:
        vapi_client.get("/call?phone=%2B15550101000", parse, None)
    assert "15550101000" not in str(refused.value)


def test_a_refusal_says_what_it_means_where_its_provider_knows(sandbox: Sandbox, clock: Clock) -> None:
    class Knowing(ProviderClient):
        def meaning_of(self, status: int, answer: Any) -> str | None:
            return f"ask {answer['message']} for the permission" if status == 403 else None

    with Knowing("Vapi", sandbox.vapi_url, {"authorization": f"Bearer {VAPI_KEY}"}, clock.budget()) as client:
        sandbox.faults.script(CALLS, status(403, body={"message": "an owner"}))
        with pytest.raises(CredentialRejected, match="403: an owner; ask an owner for the permission"):
            ask(client)
        sandbox.faults.script(CALLS, status(404, body={"message": "gone"}), times=FOREVER)
        with pytest.raises(ProviderRefused, match=r"404: gone$"):
            ask(client)
