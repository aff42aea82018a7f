"""The HTTP server of the pages: nobody holds a connection by sending or reading slowly, and it ends within seconds."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

LARGEST_HEAD_BYTES = 16 * 1024
HEAD_SECONDS = 10
STALLED_SECONDS = 60
MOST_CONNECTIONS = 400
GRACE_SECONDS = 4


class BoundedProtocol(H11Protocol):
    """Ends a connection whose request does not arrive or whose answer is not read; where it is full, one that has long
    been silent.
    """

    _head: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room, and wait for a request for a while."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            held = (one for one in self.connections if isinstance(one, BoundedProtocol) and one.is_up_to_the_client())
            if silent := next(held, None):
                silent.abort()
        self._head = self.loop.call_later(HEAD_SECONDS, self.abort)

    def data_received(self, data: bytes) -> None:
        """A request's head has so many seconds from its first byte on, however many pieces it comes in."""
        super().data_received(data)
        if self in self.connections:
            self.connections.add(self)
        if not self.is_waiting():
            self._head = _stopped(self._head)
        elif self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self.abort)

    def pause_writing(self) -> None:
        """The client reads more slowly than we send; not for ever."""
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_SECONDS, self.abort)

    def resume_writing(self) -> None:
        """It read on."""
        self._stalled = _stopped(self._stalled)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._head, self._stalled = _stopped(self._head), _stopped(self._stalled)
        super().connection_lost(exc)

    def is_waiting(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def is_up_to_the_client(self) -> bool:
        """Whether nothing goes on before the client sends the rest of a request, or reads more of an answer."""
        return self.is_waiting() or self.cycle.more_body or self._stalled is not None

    def abort(self) -> None:
        """End the connection now, sending nothing more."""
        self.connections.discard(self)
        self.transport.abort()


class _BySilence(dict[asyncio.Protocol, None]):
    """A set of connections: who has been silent for longest comes first."""

    def add(self, one: asyncio.Protocol) -> None:
        """It is heard now."""
        self.pop(one, None)
        self[one] = None

    def discard(self, one: asyncio.Protocol) -> None:
        """It is over."""
        self.pop(one, None)


class Server(uvicorn.Server):
    """Ends on SIGINT and SIGTERM, and returns to who ran it, which has things of its own to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state.connections = cast(Any, _BySilence())  # as much of a set as uvicorn asks of it

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn's, without raising them once more."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def server_of(pages: ASGIApp, host: str = "127.0.0.1", port: int = 8400, **more: Any) -> Server:
    """The server of an application, to be run. A proxy on this machine is believed who asks, and over which scheme."""
    return Server(
        uvicorn.Config(
            pages,
            host=host,
            port=port,
            http=BoundedProtocol,
            ws="none",
            lifespan="on",
            h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
            timeout_graceful_shutdown=GRACE_SECONDS,
            server_header=False,
            access_log=False,
            **{"log_level": "error", **more},
        )
    )


def _stopped(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None
