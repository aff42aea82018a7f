"""As much of Metabase's REST API as metabase-sync speaks, in memory: enough to plan a tree, apply it and plan it again.

Paths and fields are those the tool sends and reads; it says nothing about how Metabase itself draws a question.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_LISTS = {
    "collection",
    "card",
    "dashboard",
    "native-query-snippet",
    "pulse",
    "user",
    "alert",
    "segment",
    "legacy-metric",
}


class Metabase:
    """What was created, by kind and number."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in _LISTS}

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """The answer to a call; None where there is no such thing."""
        kind, _, number = path.removeprefix("/api/").partition("/")
        if path == "/api/database":
            return {"data": [{"id": 1, "name": "Minutebook", "engine": "postgres"}]}
        if path == "/api/session/properties":
            return {"version": {"tag": "v0.62.2"}}
        if path == "/api/user/current":
            return {"id": 1, "is_superuser": True}
        if kind not in self.kept:
            return None
        if method == "POST":
            made = len(self.kept[kind]) + 10
            self.kept[kind][made] = {**body, "id": made, "entity_id": f"{kind:_<19.19}{made:02}", "updated_at": "1"}
            return self.kept[kind][made]
        if not number:
            return list(self.kept[kind].values())
        found = self.kept[kind].get(int(number)) if number.isdigit() else None
        if found is not None and method == "PUT":
            found.update(body)
            for card, made in enumerate(found.get("dashcards", []), 1):
                made.update(id=card, entity_id=f"dashcard-{number}-{card}")
        return found


@contextmanager
def serving() -> Iterator[tuple[Metabase, str]]:
    """A Metabase without anything in it, and its address."""
    metabase = Metabase()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            answer = metabase.answer(self.command, self.path.partition("?")[0], body)
            data = json.dumps(answer).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _do  # noqa: N815  the names http.server calls

        def log_message(self, *_: object) -> None:
            """Nothing: the test's output is the tool's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield metabase, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
