"""What comes in is bounded at one door: refused in words, never an error of ours, and nobody holds a connection."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPResponse
from pathlib import Path
from select import select

import httpx
import psycopg
import pytest
import stripe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from orchestration.stripe_billing.webhooks import webhook_app
from orchestration.web.server import serving as server
from orchestration.web.server.bounds import BEGUN_BYTES, LARGEST_BODY_BYTES, LONGEST_QUERY, Bounds, Pace
from tests.web import world
from tests.web.server import serving
from warehouse import clock
from warehouse.database.connect import Role, connect

Visit = Callable[[str], httpx.Client]
SECRET = "whsec_" + "s" * 32


def answered(opened: socket.socket) -> bool:
    """Whether a request over this very connection has its answer."""
    opened.sendall(b"GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = HTTPResponse(opened)
    answer.begin()
    answer.read()
    return answer.status == 200


@pytest.mark.parametrize("path", ["/%00", "/days/acme%00/2026-10-01", "/usage/%00", "/tables/%00.csv", "/static/%00"])
@pytest.mark.parametrize("login", ["", "ana", "otto", "tina"])
def test_a_nul_is_refused_wherever_it_stands(visit: Visit, login: str, path: str) -> None:
    client = visit(login)
    assert client.get(path).status_code == 400
    assert client.get(f"/days?q={path}").status_code == 400
    form = {"login": "a\0b", "password": "\0"}
    assert client.post("/sign-in", data=form).status_code == 400


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_period_at_the_end_of_time_is_no_page_and_no_error(visit: Visit, day: str) -> None:
    for path in (f"/packs/acme-dental/{day}.zip", f"/periods/acme-dental/{day}", f"/packs/{day[:7]}.zip"):
        assert visit("ana").get(path).status_code == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 421), ("127.0.0.1.evil.example:80", 421), ("", 421), ("localhost", 303), ("127.0.0.1:9", 303)],
)
def test_a_name_that_is_none_of_ours_is_refused_and_echoed_nowhere(visit: Visit, host: str, status: int) -> None:
    for path in ("/days", "/days/", "/static", "/sign-in/"):
        answer = visit("").get(path, headers={"host": host})
        assert answer.status_code in {status, 404, 405}
        assert not host or host not in answer.text + str(answer.headers)
        if "location" in answer.headers:
            assert answer.headers["location"].startswith("/")


def test_an_address_and_a_body_that_are_too_long_are_refused(visit: Visit) -> None:
    client = visit("ana")
    assert client.get("/days?q=" + "x" * LONGEST_QUERY).status_code == 414
    assert client.get("/" + "x" * 3000).status_code == 414
    assert client.post("/sign-in", content=b"x" * (LARGEST_BODY_BYTES + 1)).status_code == 413
    assert client.post("/stripe/webhook", content=iter([b"x" * 100_000] * 10)).status_code in {404, 405, 413}
    assert client.post("/sign-in", content=iter([b"x" * 100_000] * 10)).status_code == 413


def test_a_head_that_is_too_large_is_refused_before_it_is_kept(visit: Visit) -> None:
    with raw(visit("")) as opened:
        opened.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        sent, answer = 0, b""
        with suppress(ConnectionError):
            while sent < 100 * 2**20 and not answer:
                sent += opened.send(b"x" * 65_536)
                with suppress(BlockingIOError):
                    answer = opened.recv(100, socket.MSG_DONTWAIT)
        assert not answer or answer.startswith(b"HTTP/1.1 400")
        assert sent < 2**20


def test_whoever_goes_on_asking_keeps_its_connection_while_strangers_say_nothing(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 20)
    with ExitStack() as stack:
        person = stack.enter_context(raw(visit("")))
        for _ in range(10):
            assert answered(person)
            for _ in range(4):
                stack.enter_context(raw(visit("")))
        assert answered(person)


def test_requests_that_do_not_arrive_are_ended_and_the_oldest_makes_room(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 20)
    client = visit("ana")
    with ExitStack() as stack:
        half_sent = [stack.enter_context(raw(client)) for _ in range(50)]
        for opened in half_sent:
            opened.sendall(b"GET /days HTTP/1.1\r\nHost: loc")
        assert client.get("/days").status_code == 200
        assert ended(half_sent[0])
        assert len(select(half_sent, [], [], 0)[0]) >= 30
    monkeypatch.setattr(server, "HEAD_SECONDS", 1)
    with raw(client) as opened:
        for _ in range(20):  # a byte now and then is no request
            time.sleep(0.2)
            try:
                opened.sendall(b"G")
            except OSError:
                break
        assert ended(opened)


@pytest.mark.parametrize("slow", [b"Content-Length: 100\r\n\r\nl", b"Transfer-Encoding: chunked\r\n\r\n1\r\nl\r\n"])
def test_whoever_sends_slowly_makes_room_for_who_does_not(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, slow: bytes
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 3)
    with ExitStack() as stack:
        for opened in [stack.enter_context(raw(visit(""))) for _ in range(4)]:
            opened.sendall(b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\n" + slow)
        assert_answered(visit(""))


def test_whoever_reads_slowly_makes_room_for_who_does_not(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 3)
    with ExitStack() as stack:
        for opened in [stack.enter_context(raw(visit(""))) for _ in range(3)]:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            opened.settimeout(1)
            with suppress(OSError):  # full, since nobody reads, or ended
                while True:
                    opened.sendall(b"GET /static/minutebook.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        assert_answered(visit(""))


def test_an_answer_that_nobody_reads_is_ended(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STALLED_SECONDS", 1)
    with raw(visit("")) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(200):
            try:
                opened.sendall(b"GET /static/minutebook.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
            except OSError:
                return
            time.sleep(0.1)
    pytest.fail("it was answered for ever")


def test_a_body_that_does_not_arrive_is_refused(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.web.server.bounds.BODY_SECONDS", 1)
    with raw(visit("")) as opened:
        opened.sendall(b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nlogin=")
        assert opened.recv(100).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    ("version", "lengths"),
    [
        ("1.1", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        ("1.1", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
        ("1.0", "Transfer-Encoding: chunked"),
        ("1.1", "Content-Length: 5\r\nContent-Length: 6"),
        ("1.1", "Transfer-Encoding: chunked, identity"),
        ("1.1", "Transfer-Encoding : chunked"),
    ],
)
@pytest.mark.parametrize("path", ["/sign-in", "/static/minutebook.css"])
def test_a_body_with_two_lengths_is_refused_and_nothing_behind_it_is_a_request(
    visit: Visit, version: str, lengths: str, path: str
) -> None:
    """A proxy that reads the other length takes the rest for the request of whoever comes next."""
    with raw(visit("")) as opened:
        rest = b"0\r\n\r\nGET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n"
        opened.sendall(f"POST {path} HTTP/{version}\r\nHost: localhost\r\n{lengths}\r\n\r\n".encode() + rest)
        answer = b""
        with suppress(ConnectionError):
            while piece := opened.recv(65536):
                answer += piece
    assert answer.split()[1] in {b"400", b"501"}
    assert answer.count(b"HTTP/1.") == 1


@pytest.mark.parametrize("sent", [b"", b"a" * (BEGUN_BYTES - 1)])
def test_nothing_is_begun_for_whoever_leaves_before_a_body_is_whole(sent: bytes) -> None:
    assert heard(sent, b"") == ([], [])


def test_what_is_large_is_read_while_it_comes() -> None:
    pieces = [b"a" * BEGUN_BYTES, b"b" * 9]
    assert heard(*pieces, is_whole=True) == (pieces, [200])


def test_what_is_small_is_read_at_once() -> None:
    assert heard(b"login=", b"ana", is_whole=True) == ([b"login=ana"], [200])


def heard(*sent: bytes, is_whole: bool = False) -> tuple[list[bytes], list[int]]:
    """What an application behind the door reads of a body that is sent in pieces, and the statuses that are answered;
    unless it is whole, the client leaves after the last of them.
    """
    read: list[bytes] = []
    told: Iterator[Message] = iter(
        [{"type": "http.request", "body": piece, "more_body": True} for piece in sent[: -1 if is_whole else None]]
        + [{"type": "http.request", "body": sent[-1]} if is_whole else {"type": "http.disconnect"}]
    )
    statuses: list[int] = []

    async def reading(request: Request) -> Response:
        read.extend([piece async for piece in request.stream() if piece])
        return Response()

    async def receive() -> Message:
        return next(told)

    async def send(message: Message) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    headers = [(b"host", b"localhost"), (b"transfer-encoding", b"chunked")]
    asked = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/", "raw_path": b"/"}
    scope = {**asked, "query_string": b"", "headers": headers}
    app = Starlette(routes=[Route("/", reading, methods=["POST"])])
    asyncio.run(Bounds(app, (), lambda _: True)(scope, receive, send))
    return read, statuses


def test_an_answer_that_took_long_to_make_is_sent_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.web.server.bounds.BODY_SECONDS", 0.1)

    async def made_slowly(_: Request) -> Response:
        await asyncio.sleep(0.3)
        return StreamingResponse(iter([b"x" * 1000] * 3))

    pages = Starlette(routes=[Route("/pack.zip", made_slowly)])
    client = TestClient(Bounds(pages, {"testserver"}, lambda _: True))
    assert len(client.get("/pack.zip").content) == 3000


def test_a_client_that_asks_too_often_is_told_to_wait_and_nobody_else_is(story_url: str, tmp_path: Path) -> None:
    with serving(story_url, tmp_path, world.TODAY, is_patient=False) as address, httpx.Client(base_url=address) as one:
        answers = [one.get("/nowhere") for _ in range(70)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert {answer.headers["retry-after"] for answer in refused} == {"5"}


def test_a_pace_allows_so_many_at_once_and_then_so_many_a_second() -> None:
    now = 0.0
    pace = Pace(2, 3, lambda: now)
    assert [pace.take("one") for _ in range(4)] == [True, True, True, False]
    assert pace.take("another")
    now = 1.0
    assert [pace.take("one") for _ in range(3)] == [True, True, False]


def event(more: str = "", *, evt: str = '"evt_1"', created: str = "1", of: str = '{"id": "in_1"}') -> str:
    """An event of Stripe's as JSON text, with values that no encoder would write."""
    return f'{{"id": {evt}, "object": "event", "type": "t", "created": {created}, "data": {{"object": {of}}}{more}}}'


ODD = {
    "a great number": event(created="1e30"),
    "not a number": event(created="NaN"),
    "deep": "[" * 50_000 + "]" * 50_000,
    "deep inside": event(', "more": ' + "[" * 50_000 + "]" * 50_000),
    "a list": event(of="[1]"),
    "a list of all": "[]",
    "null": "null",
    "a surrogate": event(evt=r'"evt_\ud800"'),
    "a nul": event(evt=r'"evt_\u0000"'),
    "a nul in a fact": event(of=r'{"id": "in_1", "status": "\u0000"}'),
    "a long id": event(evt=json.dumps("e" * 9000)),
    "an object for an id": event(evt="{}", of='{"id": {}}'),
    "a great fact": event(of='{"id": "in_1", "total": 1e400}'),
    "a great whole fact": event(of='{"id": "in_1", "total": 100000000000000000000}'),
    "a moment without a zone": '{"id": "evt_1", "object": "v2.core.event", "type": "t", "created": "2026-01-01"}',
    "a list for a related object": '{"id": "e", "object": "v2.core.event", "type": "t",'
    ' "created": "2026-01-01T00:00Z", "related_object": [1]}',
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_an_odd_webhook_that_is_signed_is_refused_and_never_our_error(
    webhooks: httpx.Client, database_url: str, body: str
) -> None:
    answer = webhooks.post("/stripe/webhook", content=body.encode(), headers={"stripe-signature": signature(body)})
    assert answer.status_code == 400, answer.text
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from ledger.stripe_events").fetchone() == (0,)


@pytest.fixture
def webhooks(database_url: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """The webhooks beside the pages, with the ledger of a test's own."""
    beside = webhook_app(lambda: connect(database_url, Role.BILLING, autocommit=True), [SECRET]).routes
    with (
        serving(database_url, tmp_path, world.TODAY, beside=beside) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield client


def signature(body: str) -> str:
    at = int(clock.now().timestamp())
    return f"t={at},v1={stripe.WebhookSignature._compute_signature(f'{at}.{body}', SECRET)}"


def assert_answered(client: httpx.Client) -> None:
    """Each of three who come now, one after the other."""
    for _ in range(3):
        with raw(client) as opened:
            opened.sendall(b"GET /static/minutebook.css HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert opened.recv(15) == b"HTTP/1.1 200 OK"


@contextmanager
def raw(client: httpx.Client) -> Iterator[socket.socket]:
    """A connection to whom the client talks to."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=30) as opened:
        yield opened


def ended(opened: socket.socket) -> bool:
    try:
        return opened.recv(1000) == b"" or opened.recv(1000) == b""
    except ConnectionError:
        return True
