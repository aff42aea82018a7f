"""What a provider does wrong, scripted per route: the next requests get these faults, then all is well again.

sandbox.faults.script("/vapi/call", status(429, retry_after=2), cut_body(), times=1)
"""

import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.sandbox.world import Received

FOREVER = 10**9


@dataclass(frozen=True)
class Fault:
    """`answer` replaces the whole answer with (status, headers, body); else `change` edits the true body; `sent` is
    the share of the body that goes out before the connection is cut; `wait` is awaited first."""

    answer: tuple[int, dict[str, str], bytes] | None = None
    change: Callable[[bytes], bytes] | None = None
    sent: float = 1.0
    wait: Callable[[], Awaitable[object]] | None = None


def status(code: int, retry_after: str | float | None = None, body: object = None) -> Fault:
    """An error in Nest's shape, unless `body` says otherwise."""
    shape = {"message": f"sandbox fault {code}", "error": "Fault", "statusCode": code} if body is None else body
    content = shape if isinstance(shape, bytes) else json.dumps(shape).encode()
    return Fault(answer=(code, {} if retry_after is None else {"retry-after": str(retry_after)}, content))


def ok_with(body: object) -> Fault:
    """200, and the body is not what a 200 should carry: an error object, an HTML page (bytes)."""
    return status(200, body=body)


def redirect(location: str) -> Fault:
    return Fault(answer=(302, {"location": location}, b""))


def cut_body() -> Fault:
    """The connection breaks in the middle of the body."""
    return Fault(sent=0.5)


def truncated_json() -> Fault:
    """A complete answer whose JSON stops halfway: a proxy's cut, invisible to HTTP."""
    return Fault(change=lambda body: body[: len(body) // 2])


def altered(edit: Callable[[Any], Any]) -> Fault:
    """The true answer's JSON after `edit`."""
    return Fault(change=lambda body: json.dumps(edit(json.loads(body))).encode())


def repeated_cursor(cursor: int = 4711) -> Fault:
    """Each page points to the same next page."""

    def edit(answer: Any) -> Any:
        answer["result"]["cursor"] = cursor
        return answer

    return altered(edit)


def reordered() -> Fault:
    """Rows in another order than before."""

    def edit(answer: Any) -> Any:
        (answer if isinstance(answer, list) else answer["result"]["items"]).reverse()
        return answer

    return altered(edit)


def slow(wait: Callable[[], Awaitable[object]]) -> Fault:
    """The answer comes when `wait` is over: `lambda: asyncio.sleep(5)`, or an event a test sets."""
    return Fault(wait=wait)


@dataclass
class _Script:
    faults: Iterator[Fault]
    applies: Callable[[Received], bool]


@dataclass
class Faults:
    """Scripts by path; thread-safe."""

    _scripts: dict[str, list[_Script]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def script(
        self, path: str, *faults: Fault, times: int = 1, when: Callable[[Received], bool] = lambda received: True
    ) -> None:
        """The next requests of the path for which `when` holds get the faults in turn, the whole sequence `times`
        over.
        """
        endless = cycle(faults) if times == FOREVER else islice(cycle(faults), times * len(faults))
        with self._lock:
            self._scripts.setdefault(path, []).append(_Script(endless, when))

    def clear(self) -> None:
        with self._lock:
            self._scripts.clear()

    def next(self, received: Received) -> Fault | None:
        with self._lock:
            for script in self._scripts.get(received.path, []):
                if script.applies(received) and (fault := next(script.faults, None)):
                    return fault
        return None


class FaultyApp:
    """Wraps the sandbox: records what is asked, and answers with the scripted fault where there is one."""

    def __init__(self, app: ASGIApp, faults: Faults, received: list[Received]) -> None:
        self._app = app
        self._faults = faults
        self._received = received

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        received = Received.of(scope, body)
        self._received.append(received)
        fault = self._faults.next(received) or Fault()
        if fault.wait:
            await fault.wait()
        if fault.answer:
            code, headers, content = fault.answer
        else:
            code, headers, content = await self._true_answer(scope, body)
        content = fault.change(content) if fault.change else content
        raw = [(b"content-length", str(len(content)).encode()), (b"content-type", b"application/json")]
        raw += [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": code, "headers": raw})
        if fault.sent == 1.0:
            await send({"type": "http.response.body", "body": content})
        else:
            await send(
                {"type": "http.response.body", "body": content[: int(len(content) * fault.sent)], "more_body": True}
            )
            raise ConnectionAbortedError("a scripted fault cuts the connection")

    async def _true_answer(self, scope: Scope, body: bytes) -> tuple[int, dict[str, str], bytes]:
        reported: list[Message] = []

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            reported.append(message)

        await self._app(scope, replay, keep)
        headers = {name.decode(): value.decode() for name, value in reported[0]["headers"] if name == b"location"}
        return reported[0]["status"], headers, b"".join(message.get("body", b"") for message in reported[1:])
