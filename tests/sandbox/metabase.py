"""As much of Metabase's REST API as metabase-sync and Minutebook speak, in memory.

Paths and fields are those the tools send and read, and those of Metabase's documentation; it says nothing about how
Metabase itself draws a question. A sync reads the tables of a database where one is given; a guest embed is checked as
the documentation of its tokens says: three parts of base64url, HS256 under the shared key, and a time of expiry.
"""

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg

API_KEY = "mb_a-key-of-the-sandbox"
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
_COLUMNS = """
select table_schema, table_name, column_name from information_schema.columns
where table_schema = 'marts' order by table_name, ordinal_position
"""


class Metabase:
    """What was created, by kind and number; which tables it knows; and every call it was sent."""

    def __init__(self, database_url: str | None = None, embedding_key: str = "") -> None:
        self.kept: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in _LISTS}
        self.tables: dict[int, dict[str, Any]] = {}
        self.fields: dict[int, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.is_down = False
        self._database_url = database_url
        self._embedding_key = embedding_key

    @property
    def syncs(self) -> int:
        """How often it was asked to look at the schema again."""
        return sum(path.endswith("/sync_schema") for _, path in self.calls)

    @property
    def writes(self) -> int:
        """How many tables and columns it was told about."""
        return sum(method == "PUT" for method, _ in self.calls)

    def field(self, table: str, column: str) -> dict[str, Any]:
        """What it says of a column."""
        return next(
            field
            for field in self.fields.values()
            if field["name"] == column and self.tables[field["table_id"]]["name"] == table
        )

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """The answer to a call; None where there is no such thing."""
        self.calls.append((method, path))
        kind, _, number = path.removeprefix("/api/").partition("/")
        if path == "/api/database":
            return {"data": [{"id": 1, "name": "Minutebook", "engine": "postgres"}]}
        if path == "/api/database/1/metadata":
            return {"id": 1, "tables": [self._with_fields(table) for table in self.tables.values()]}
        if path == "/api/database/1/sync_schema" and method == "POST":
            self._sync()
            return {"status": "ok"}
        if kind in {"table", "field"} and method == "PUT":
            return self._reported(getattr(self, f"{kind}s"), int(number), body)
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

    def embedded(self, token: str) -> tuple[int, Any]:
        """Status and answer of a guest embed: the locked parameters of its token, or why it is refused."""
        parts = token.split(".")
        if len(parts) != 3:
            return 400, {"message": "Message seems corrupt or manipulated"}
        signature = hmac.new(self._embedding_key.encode(), ".".join(parts[:2]).encode(), sha256).digest()
        try:
            given, head, claims = _decoded(parts[2]), json.loads(_decoded(parts[0])), json.loads(_decoded(parts[1]))
        except ValueError:
            return 400, {"message": "Message seems corrupt or manipulated"}
        # Compared as they were written too: of some letters base64 keeps fewer bits than they have.
        if head.get("alg") != "HS256" or not hmac.compare_digest(signature, given) or _encoded(given) != parts[2]:
            return 400, {"message": "Message seems corrupt or manipulated"}
        if claims["exp"] < time.time():
            return 400, {"message": "Token is expired"}
        return 200, {"dashboard": claims["resource"]["dashboard"], "locked": claims["params"]}

    def _sync(self) -> None:
        if self._database_url is None:
            return
        with psycopg.connect(self._database_url) as connection:
            found = connection.execute(_COLUMNS).fetchall()
        tables = {table["name"]: number for number, table in self.tables.items()}
        known = {(field["table_id"], field["name"]) for field in self.fields.values()}
        for schema, table, column in found:
            if table not in tables:
                tables[table] = len(self.tables) + 100
                self.tables[tables[table]] = {
                    "id": tables[table],
                    "schema": schema,
                    "name": table,
                    "description": None,
                }
            if (tables[table], column) not in known:
                number = max(self.fields, default=1000) + 1
                self.fields[number] = {
                    "id": number, "table_id": tables[table], "name": column, "description": None, "semantic_type": None,
                    "fk_target_field_id": None, "active": True,
                }  # fmt: skip

    def _with_fields(self, table: dict[str, Any]) -> dict[str, Any]:
        return {**table, "fields": [field for field in self.fields.values() if field["table_id"] == table["id"]]}

    @staticmethod
    def _reported(kept: dict[int, dict[str, Any]], number: int, body: dict[str, Any]) -> dict[str, Any] | None:
        if number not in kept or not set(body) <= set(kept[number]):
            return None
        kept[number].update(body)
        return kept[number]


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@contextmanager
def serving(database_url: str | None = None, embedding_key: str = "") -> Iterator[tuple[Metabase, str]]:
    """A Metabase without anything in it, and its address."""
    metabase = Metabase(database_url, embedding_key)

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, answer = self._answer(self.path.partition("?")[0], body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _answer(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
            if metabase.is_down:
                return 503, {"message": "starting up"}
            if path.startswith("/api/embed/dashboard/"):
                return metabase.embedded(path.rpartition("/")[2])
            if self.headers.get("x-api-key") != API_KEY:
                return 401, "Unauthenticated"
            answer = metabase.answer(self.command, path, body)
            return (404, "Not found.") if answer is None else (200, answer)

        do_GET = do_POST = do_PUT = _do  # noqa: N815  the names http.server calls

        def log_message(self, *_: object) -> None:
            """Nothing: the test's output is the tool's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield metabase, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
