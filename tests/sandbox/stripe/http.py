"""A small HTTP/1.1 server over asyncio: it can drop a connection where a framework would answer."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Response:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Drop(Exception):
    """Close the connection without an answer."""


Handler = Callable[[Request], Awaitable[Response]]


class Server:
    """Serves a handler on a free port of 127.0.0.1, in a thread of its own, until stopped."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="stripe-sandbox", daemon=True)
        self.port = 0

    def __enter__(self) -> "Server":
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request = await _parse(head, reader)
                response = await self._handler(request)
                lines = [f"HTTP/1.1 {response.status} X", f"content-length: {len(response.body)}"]
                lines += ["content-type: application/json"]
                lines += [f"{name}: {value}" for name, value in response.headers.items()]
                writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + response.body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, Drop, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            if writer.transport is not None:
                writer.transport.abort()


async def _parse(head: bytes, reader: asyncio.StreamReader) -> Request:
    first, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {}
    for line in rest:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    return Request(method, unquote(parts.path), parse_qsl(parts.query, keep_blank_values=True), headers, body)
