"""A service that answers with our key, without end or with another address gets no further than its own error."""

import dataclasses
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stripe

from orchestration import answers
from orchestration.metabase.client import MetabaseRefused, opened
from orchestration.settings import Settings
from orchestration.stripe_billing.api.calls import StripeApi
from orchestration.stripe_billing.api.errors import StripeRefused
from orchestration.stripe_billing.api.transport import Transport
from orchestration.stripe_billing.posting.outcomes import failure_of

STRIPE_KEY, METABASE_KEY = "sk_test_canaryEcho41aa", "mb_canary/Echo+41="


class Service(ThreadingHTTPServer):
    """Answers every path with what it is told to, and counts what reaches /elsewhere."""

    status, body, location, elsewhere = 200, b"", "", 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def service() -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        server: Service

        def _do(self) -> None:
            self.server.elsewhere += self.path == "/elsewhere"
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(self.server.status)
            if self.server.location:
                self.send_header("location", self.server.location)
            self.send_header("content-length", str(len(self.server.body)))
            self.end_headers()
            self.wfile.write(self.server.body)

        do_GET = do_POST = _do  # noqa: N815  the names http.server calls

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = Service(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def metabase(service: Service, key: str = METABASE_KEY) -> str:
    """What is told of asking a Metabase that refuses."""
    settings = dataclasses.replace(Settings.from_environment({}), metabase_url=service.url, metabase_api_key=key)
    with pytest.raises(MetabaseRefused) as refused, opened(settings):
        pass
    return "".join([str(refused.value), *traceback.format_exception(refused.value)])


def stripe_error(service: Service) -> stripe.StripeError:
    with pytest.raises(stripe.StripeError) as refused:
        StripeApi(STRIPE_KEY, service.url).send_meter_event("voice", "cus_a", 1, 0, "mb1")
    return refused.value


@pytest.mark.parametrize("spelled", [METABASE_KEY, METABASE_KEY.replace("/", "\\/")])
@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_a_metabase_that_repeats_our_key_is_quoted_without_it(service: Service, status: int, spelled: str) -> None:
    service.status, service.body = status, f'{{"message": "no such key: {spelled}"}}'.encode()
    reported = metabase(service)
    assert spelled not in reported
    assert "no such key: [key]" in reported


def test_no_redirect_carries_a_key_elsewhere(service: Service) -> None:
    service.status, service.location = 302, "/elsewhere"
    assert "redirect, which is not followed" in metabase(service)
    failure = failure_of(stripe_error(service))
    assert failure.kind == "again"
    assert "redirect, which is not followed" in failure.cause
    assert service.elsewhere == 0


@pytest.mark.parametrize("body", [b'{"error": {"type": "invalid_request_err', b"{}", b""])
def test_a_refusal_that_is_cut_off_refuses_nothing(service: Service, body: bytes) -> None:
    service.status, service.body = 400, body
    failure = failure_of(stripe_error(service))
    assert (failure.kind, failure.code) == ("again", "unreadable")


def test_an_answer_without_end_is_given_up_and_its_call_counts_as_unanswered(service: Service) -> None:
    service.body = b" " * 1001
    with pytest.raises(stripe.APIConnectionError, match="larger than 1,000 bytes") as refused:
        Transport(STRIPE_KEY, service.url, 5, largest=1000).request("get", service.url, {})
    assert failure_of(refused.value).kind == "again"
    with pytest.raises(answers.AnswerRefused, match="larger than 1,000 bytes"):
        answers.read([service.body], "key", largest=1000)


def test_a_slow_answer_is_given_up() -> None:
    clock = iter([0.0, 1.0, answers.LONGEST_SECONDS + 1])
    with pytest.raises(answers.AnswerRefused, match="longer than"):
        answers.read([b"a", b"b"], "key", clock=lambda: next(clock))


def test_a_key_that_no_header_can_carry_is_not_told(service: Service) -> None:
    assert "canary\n" not in metabase(service, key="mb_canary\nx")
    with pytest.raises(StripeRefused) as refused:
        StripeApi("sk_canary\nx", service.url)
    assert "sk_canary" not in str(refused.value)
