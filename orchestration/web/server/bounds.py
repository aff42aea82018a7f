"""The one door for what comes in: pages, forms and webhooks pass it before anything of them is read.

Refused in words with 4xx: another host's name, an address or body that is too long, a body that does not arrive or has
two lengths, NUL, and more requests than a person makes.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Protocol
from urllib.parse import unquote_to_bytes

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_PATH = 2_048
LONGEST_QUERY = 8_192
LARGEST_BODY_BYTES = 512 * 1024
BODY_SECONDS = 20
BEGUN_BYTES = 16 * 1024
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_LATE_SECONDS = 1.0
_MOST_WAITING = 100
# Asked by what watches over the service, under whatever name it knows.
_UNNAMED = frozenset({"/healthz", "/livez", "/metrics"})
_WEBHOOKS = "/stripe/"


class Pace:
    """So many requests a second by one client, after so many at once; clock gives seconds."""

    _MOST_CLIENTS = 50_000

    def __init__(self, a_second: float, at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_second = a_second
        self._at_once = at_once
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> bool:
        """Whether this client may ask once more now."""
        left = self.left(client)
        self._note(client, max(0.0, left - 1))
        return left >= 1

    def left(self, client: str) -> float:
        """How many this client may ask for now; below 0 where it has had more than that."""
        now = self._clock()
        left, at = self._left.get(client, (self._at_once, now))
        return min(self._at_once, left + (now - at) * self._a_second)

    def spend(self, client: str, count: int) -> None:
        """Count what this client has had, although it may be more than was left; never twice what it may at once."""
        self._note(client, max(-float(self._at_once), self.left(client) - count))

    def full_in(self, client: str) -> float:
        """Seconds until this client may ask for as many at once as anybody."""
        return max(0.0, self._at_once - self.left(client)) / self._a_second

    def next_in(self, client: str) -> float:
        """Seconds until this client may ask once more."""
        return max(0.0, 1 - self.left(client)) / self._a_second

    def _note(self, client: str, left: float) -> None:
        self._left[client] = (left, self._clock())
        self._left.move_to_end(client)
        if len(self._left) > self._MOST_CLIENTS:
            self._left.popitem(last=False)


class Paces:
    """Who may ask how often: sessions seen before by themselves, strangers by address, webhooks by address."""

    _MOST_SESSIONS = 10_000

    def __init__(self) -> None:
        self.strangers = Pace(5, 60)
        self.people = Pace(4, 60)
        self.webhooks = Pace(100, 500)
        self._logins: OrderedDict[str, str] = OrderedDict()

    def know(self, token: str, login_id: str) -> None:
        """Remember that this session is a login's."""
        self._logins[token] = login_id
        self._logins.move_to_end(token)
        if len(self._logins) > self._MOST_SESSIONS:
            self._logins.popitem(last=False)

    def take(self, session_cookie: str, request: Request) -> bool:
        """Whether this request comes no sooner than it may."""
        client = request.client.host if request.client else ""
        if request.url.path.startswith(_WEBHOOKS):
            return self.webhooks.take(client)
        login = self._logins.get(request.cookies.get(session_cookie, ""))
        return self.people.take(login) if login else self.strangers.take(client)


class Answer(Protocol):
    """How a refusal is worded: text, status and headers to a response."""

    def __call__(self, content: str, status_code: int, headers: dict[str, str] | None = None, /) -> Response: ...


class Bounds:
    """Middleware. hosts: the names under which we are reached, beside those of this machine. take: whether a request
    comes no sooner than it may.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Collection[str],
        take: Callable[[Request], bool],
        largest_body: int = LARGEST_BODY_BYTES,
        answer: Answer = PlainTextResponse,
    ) -> None:
        self.app = app
        self._hosts = {host.lower() for host in hosts} | LOOPBACK
        self._take = take
        self._largest_body = largest_body
        self._answer = answer
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if refusal := self._refusal(scope):
            await self._make_wait(refusal)
            await refusal(scope, receive, send)
            return
        body = _Body(receive, self._largest_body)
        # Whoever leaves before a request is whole is told nothing, and nothing is written of it: any number may do so.
        with suppress(ClientDisconnect):
            try:
                if _has_body(scope):
                    await body.begin()
            except HTTPException as late:
                await self._answer(late.detail, late.status_code, dict(late.headers or {}))(scope, receive, send)
            else:
                await self.app(scope, body.receive, send)

    async def _make_wait(self, refusal: Response) -> None:
        """Who asks too often has the answer late, so that refusing takes less of us than of them."""
        if refusal.status_code != 429 or self._waiting >= _MOST_WAITING:
            return
        self._waiting += 1
        try:
            await asyncio.sleep(_LATE_SECONDS)
        finally:
            self._waiting -= 1

    def _refusal(self, scope: Scope) -> Response | None:
        headers = dict(scope["headers"])
        path, query = scope["raw_path"], scope["query_string"]
        if len(path) > LONGEST_PATH or len(query) > LONGEST_QUERY:
            return self._answer("That address is longer than any of ours.", 414)
        if b"\0" in unquote_to_bytes(path) or b"\0" in unquote_to_bytes(query):
            return self._answer("That address holds a character that none of ours does.", 400)
        if _name(headers.get(b"host", b"")) not in self._hosts and scope["path"] not in _UNNAMED:
            return self._answer(
                "This is not served under that name. MINUTEBOOK_HOSTS lists the names that it has.", 421
            )
        if b"transfer-encoding" in headers and (b"content-length" in headers or scope["http_version"] == "1.0"):
            # A proxy before us may have read the other length, and taken the rest for somebody else's request.
            return self._answer("That says in two ways how long it is.", 400, {"Connection": "close"})
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > self._largest_body:
            return self._answer("That is larger than anything taken here.", 413, {"Connection": "close"})
        if not self._take(Request(scope)):
            return self._answer("Too many requests at once: try again soon.", 429, {"Retry-After": "5"})
        return None


class _Body:
    """The body of a request, as far as it is not too large and comes in time; afterwards only whether the client is
    still there. Its time begins when it is first waited for: what is ours to make before that may take longer.
    """

    def __init__(self, receive: Receive, largest: int) -> None:
        self._receive = receive
        self._largest = largest
        self._deadline: float | None = None
        self._size = 0
        self._is_whole = False
        self._begun: Message | None = None

    async def begin(self) -> None:
        """Wait for all of it, or so much that its sender means it: till then nothing else is begun."""
        parts = []
        while not self._is_whole and self._size < BEGUN_BYTES:
            parts.append((await self._more()).get("body", b""))
        self._begun = {"type": "http.request", "body": b"".join(parts), "more_body": not self._is_whole}

    async def receive(self) -> Message:
        """What the application is told next."""
        if self._begun is not None:
            begun, self._begun = self._begun, None
            return begun
        return await (self._receive() if self._is_whole else self._more())

    async def _more(self) -> Message:
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The rest of that did not arrive in time.", {"Connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self._size += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._size > self._largest:
            raise HTTPException(413, "That is larger than anything taken here.", {"Connection": "close"})
        return message


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""


def _name(host: bytes) -> str:
    text = host.decode("latin-1").lower()
    head, colon, port = text.rpartition(":")
    return (head if colon and port.isdigit() else text).rstrip(".")
