"""Metabase's REST API, as much of it as describing the marts needs.

Source: metabase.com/docs/latest/api: GET /api/database, GET /api/database/:id/metadata, PUT /api/table/:id,
PUT /api/field/:id and POST /api/database/:id/sync_schema; an API key in the header x-api-key.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from orchestration import answers
from orchestration.settings import Settings

NOT_CONFIGURED = "Metabase is not configured: set MINUTEBOOK_METABASE_URL and MINUTEBOOK_METABASE_API_KEY."
_SECONDS = 60.0
_KEY_CAUSES = {
    401: "the API key is not known to it",
    403: "the API key's group may not do that: give it Administrators",
}


class MetabaseRefused(Exception):
    """Metabase is not configured, cannot be reached, or refused; the message says which and never holds the key."""


class Metabase:
    """A Metabase and the number it gave to our database."""

    def __init__(self, client: httpx.Client, key: str, database: str) -> None:
        self._client = client
        self._key = key
        self._number = self._find(database)

    def tables(self, schema: str) -> list[dict[str, Any]]:
        """The tables of a schema as Metabase knows them, hidden ones too, each with its `fields`."""
        found = self._call("GET", f"/api/database/{self._number}/metadata", params={"include_hidden": "true"})
        return [table for table in found["tables"] if table["schema"] == schema]

    def sync(self) -> None:
        """Ask it to look at tables and columns again; it does so in the background."""
        self._call("POST", f"/api/database/{self._number}/sync_schema")

    def update_table(self, number: int, values: Mapping[str, Any]) -> None:
        """Set fields of a table."""
        self._call("PUT", f"/api/table/{number}", json=values)

    def update_field(self, number: int, values: Mapping[str, Any]) -> None:
        """Set fields of a column."""
        self._call("PUT", f"/api/field/{number}", json=values)

    def _find(self, name: str) -> int:
        listed = self._call("GET", "/api/database")
        known = {each["name"]: int(each["id"]) for each in listed.get("data", [])}
        if name not in known:
            raise MetabaseRefused(
                f"Metabase has no database {name}; it has {', '.join(sorted(known)) or 'none'}. Add ours under that"
                " name, or set MINUTEBOOK_METABASE_DATABASE."
            )
        return known[name]

    def _call(self, method: str, path: str, **more: Any) -> Any:
        try:
            with self._client.stream(method, path, **more) as answer:
                content = answers.read(answer.iter_bytes(), self._key)
            if answer.is_success:
                return json.loads(content) if content else {}
        except answers.AnswerRefused as error:
            raise MetabaseRefused(f"Metabase, {method} {path}: {error}") from None
        except (httpx.HTTPError, ValueError) as error:
            raise MetabaseRefused(f"Metabase did not answer {method} {path}: {type(error).__name__}") from None
        cause = _KEY_CAUSES.get(answer.status_code, content.decode(errors="replace")[:200])
        if answer.has_redirect_location:
            cause = "a redirect, which is not followed; check MINUTEBOOK_METABASE_URL"
        raise MetabaseRefused(f"Metabase answered {method} {path} with {answer.status_code}: {cause}")


@contextmanager
def opened(settings: Settings) -> Iterator[Metabase]:
    """The deployment's Metabase. Raises MetabaseRefused, also where none is configured."""
    if not settings.metabase_url or not settings.metabase_api_key:
        raise MetabaseRefused(NOT_CONFIGURED)
    key = settings.metabase_api_key
    if not answers.is_sendable(key):
        raise MetabaseRefused("MINUTEBOOK_METABASE_API_KEY holds characters that no header can carry.")
    headers = {"x-api-key": key}
    with httpx.Client(base_url=settings.metabase_url.rstrip("/"), headers=headers, timeout=_SECONDS) as client:
        yield Metabase(client, key, settings.metabase_database)
