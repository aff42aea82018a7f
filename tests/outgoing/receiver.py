"""Receivers of events over real HTTP: they verify each signature with the official library, remember what came in which
order, and answer as they are told to.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

HANG = 0
"""No status: the connection stays open, and nothing is answered."""
Behaviour = Callable[[int], int]


@dataclass(frozen=True)
class Told:
    """An event as it came."""

    event_id: str
    raw: bytes
    headers: dict[str, str]

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body["data"]
        return found


@dataclass
class Receiver:
    """taken are events that were answered with 2xx, refused all others, each in the order in which they came.
    `behave` gives the status of the request of that number, from 0. With a `secret` each is verified as it comes.
    """

    address: str = ""
    secret: str | None = None
    secret_of_signature: str = ""
    behave: Behaviour = lambda _: 204
    taken: list[Told] = field(default_factory=list)
    refused: list[Told] = field(default_factory=list)
    requests: int = 0
    headers_of_answers: dict[str, str] = field(default_factory=dict)
    is_over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """What to answer. Raises standardwebhooks.WebhookVerificationError."""
        if self.secret is not None:
            Webhook(self.secret).verify(body, headers)
        told = Told(headers["webhook-id"], body, headers)
        with self.lock:
            status = self.behave(self.requests)
            self.requests += 1
            (self.taken if 200 <= status < 300 else self.refused).append(told)
        return status


@contextmanager
def receiving(behave: Behaviour = lambda _: 204) -> Iterator[Receiver]:
    """A receiver, as long as the context lasts."""
    receiver = Receiver(behave=behave)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # who sent it died on the way
                self.close_connection = True
                return
            status = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            if status == HANG:
                receiver.is_over.wait(60)
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in receiver.headers_of_answers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.address = f"http://127.0.0.1:{server.server_address[1]}/hook?key=k"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something, and no longer."""
    ends_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends_at, "it did not come about"
        time.sleep(0.02)
