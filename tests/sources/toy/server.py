"""The toy provider over loopback HTTP, two rows a page; it refuses another key than its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

KEY = "toy-key-of-the-platform"
PER_PAGE = 2
Days = dict[str, dict[str, list[dict[str, Any]]]]


@contextmanager
def toy_server(days: Days) -> Iterator[str]:
    """Its address. `days`: path to day to rows, which may change meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if self.headers["authorization"] != f"Bearer {KEY}":
                self._answer(401, {"message": "no such key"})
                return
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            rows = days.get(asked.path, {}).get(query.get("day", ""), [])
            first = (int(query.get("page", "1")) - 1) * PER_PAGE
            more = first + PER_PAGE < len(rows)
            page = rows[first : first + PER_PAGE]
            self._answer(200, {"rows": page, "next": str(first // PER_PAGE + 2) if more else None})

        def _answer(self, status: int, answer: object) -> None:
            body = msgspec.json.encode(answer)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
