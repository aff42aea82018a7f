"""The one door for what comes in: pages, forms and webhooks pass it before anything of them is read.

Refused in words with 4xx: another host's name, an address or body that is too long, a body that does not arrive, NUL,
and more requests than a person makes.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from urllib.parse import unquote_to_bytes

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_PATH = 2_048
LONGEST_QUERY = 8_192
LARGEST_BODY_BYTES = 512 * 1024
BODY_SECONDS = 20
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_LATE_SECONDS = 1.0
_MOST_WAITING = 100
# Asked by what watches over the service, under whatever name it knows.
_UNNAMED = "/healthz"
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
        now = self._clock()
        left, at = self._left.get(client, (self._at_once, now))
        left = min(self._at_once, left + (now - at) * self._a_second)
        self._left[client] = (max(0.0, left - 1), now)
        self._left.move_to_end(client)
        if len(self._left) > self._MOST_CLIENTS:
            self._left.popitem(last=False)
        return left >= 1


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

    def take(self, request: Request, session_cookie: str) -> bool:
        """Whether this request comes no sooner than it may."""
        client = request.client.host if request.client else ""
        if request.url.path.startswith(_WEBHOOKS):
            return self.webhooks.take(client)
        login = self._logins.get(request.cookies.get(session_cookie, ""))
        return self.people.take(login) if login else self.strangers.take(client)


class Bounds:
    """Middleware. hosts: the names under which we are reached, beside those of this machine."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], paces: Paces, session_cookie: str) -> None:
        self.app = app
        self._hosts = {host.lower() for host in hosts} | LOOPBACK
        self._paces = paces
        self._session_cookie = session_cookie
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if refusal := self._refusal(scope):
            await self._make_wait(refusal)
            await refusal(scope, receive, send)
            return
        await self.app(scope, _bounded(receive), send)

    async def _make_wait(self, refusal: PlainTextResponse) -> None:
        """Who asks too often has the answer late, so that refusing takes less of us than of them."""
        if refusal.status_code != 429 or self._waiting >= _MOST_WAITING:
            return
        self._waiting += 1
        try:
            await asyncio.sleep(_LATE_SECONDS)
        finally:
            self._waiting -= 1

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = {name: value for name, value in scope["headers"] if name in (b"host", b"content-length")}
        path, query = scope["raw_path"], scope["query_string"]
        if len(path) > LONGEST_PATH or len(query) > LONGEST_QUERY:
            return PlainTextResponse("That address is longer than any of ours.", 414)
        if b"\0" in unquote_to_bytes(path) or b"\0" in unquote_to_bytes(query):
            return PlainTextResponse("That address holds a character that none of ours does.", 400)
        if _name(headers.get(b"host", b"")) not in self._hosts and scope["path"] != _UNNAMED:
            return PlainTextResponse(
                "This is not served under that name. MINUTEBOOK_HOSTS lists the names that it has.", 421
            )
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > LARGEST_BODY_BYTES:
            return PlainTextResponse("That is larger than anything taken here.", 413, {"Connection": "close"})
        if not self._paces.take(Request(scope), self._session_cookie):
            return PlainTextResponse("Too many requests at once: try again soon.", 429, {"Retry-After": "5"})
        return None


def _bounded(receive: Receive) -> Receive:
    """The body, as far as it is not too large and comes in time; afterwards only whether the client is still there."""
    deadline, size, is_whole = time.monotonic() + BODY_SECONDS, 0, False

    async def received() -> Message:
        nonlocal size, is_whole
        if is_whole:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            raise HTTPException(408, "The rest of that did not arrive in time.", {"Connection": "close"}) from None
        size += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if size > LARGEST_BODY_BYTES:
            raise HTTPException(413, "That is larger than anything taken here.", {"Connection": "close"})
        return message

    return received


def _name(host: bytes) -> str:
    text = host.decode("latin-1").lower()
    head, colon, port = text.rpartition(":")
    return (head if colon and port.isdigit() else text).rstrip(".")
