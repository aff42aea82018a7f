"""The numbers, assistants and campaigns of an organisation: ids and names, and how many calls a campaign made. What
else comes with them (prompts, keys of carriers, contacts) is not decoded.

GET /phone-number, GET /assistant ──▶ no pages: a full answer is asked again in halves of when they were created
GET /v2/campaign ──▶ pages
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from sources.checks.bounds import LONGEST_TEXT
from sources.errors import PullTruncated
from sources.http import ProviderClient
from sources.source.discovery import Campaign, Held
from sources.vapi.listing import LIMIT, answers
from sources.window import Window, instant

# Before the first organisation, and after every object that there is when the question is asked.
_FIRST, _LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_PAGE = 100
_MOST_PAGES = 1_000
_OVER = ("ended", "archived")
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]


class _Named(msgspec.Struct, rename="camel"):
    id: Id
    name: Any = None
    number: Any = None
    sip_uri: Any = None
    status: Any = None
    call_metrics: Any = None


class _Meta(msgspec.Struct, rename="camel", frozen=True):
    has_next_page: bool | None = None


class _Campaigns(msgspec.Struct):
    results: list[_Named]
    metadata: _Meta = _Meta()


_LISTED = msgspec.json.Decoder(list[_Named]).decode
_PAGED = msgspec.json.Decoder(_Campaigns).decode


def discover(client: ProviderClient) -> list[Held]:
    """What its calls may route by, each once. Raises SourceFailure."""
    found = [
        Held("number", "vapi_phone_number", one.id, _text(one.name), _label(one))
        for one in _all(client, "/phone-number")
    ]
    found += [Held("assistant", "vapi_assistant", one.id, _text(one.name)) for one in _all(client, "/assistant")]
    return found


def campaigns(client: ProviderClient) -> list[Campaign]:
    """All campaigns, each once. Raises SourceFailure."""
    found = {
        one.id: Campaign(one.id, _text(one.name), _count(one, "dialed"), _count(one, "connected"), one.status in _OVER)
        for one in _campaigns(client)
    }
    return list(found.values())


def _all(client: ProviderClient, path: str) -> list[_Named]:
    def query(window: Window) -> dict[str, str | int]:
        return {"createdAtGe": instant(window.start), "createdAtLt": instant(window.end), "limit": LIMIT}

    rows: dict[str, _Named] = {}
    for _, answer, is_whole in answers(client, Window(_FIRST, _LAST), query, "created", path, _LISTED):
        if is_whole:
            rows |= {one.id: one for one in answer}
    return list(rows.values())


def _campaigns(client: ProviderClient) -> Iterator[_Named]:
    for page in range(1, _MOST_PAGES + 1):
        answer = client.get("/v2/campaign", _PAGED, {"page": page, "limit": _PAGE, "includeCounters": "true"})
        yield from answer.results
        if not answer.metadata.has_next_page or not answer.results:
            return
    raise PullTruncated(f"Vapi GET /v2/campaign: more than {_MOST_PAGES} pages")


def _label(one: _Named) -> str:
    return _text(one.number) or _text(one.sip_uri)


def _count(one: _Named, name: str) -> int | None:
    value = one.call_metrics.get(name) if isinstance(one.call_metrics, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _text(value: Any) -> str:
    return value[:LONGEST_TEXT] if isinstance(value, str) else ""
