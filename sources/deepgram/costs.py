"""Lines of a project's day. A set of tags is one scope: filtered by each tag, a line would count once for each."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from sources.bills import bill, bill_line, checked, literal, number
from sources.checks.undocumented import Undocumented, day_in
from sources.day import Day
from sources.deepgram.client import DeepgramClient
from sources.deepgram.services import service_of
from sources.errors import NotYetReported
from sources.reading import Reading
from sources.rows import Row, parser
from sources.source import Source
from sources.text import said_day

KINDS = {"tags": "deepgram_tags", "key": "deepgram_key", "project": "deepgram_project"}
"""By what a line finds its tenant, the finest first: what it does not have, the next one says."""
GROUPS = ["accessor", "deployment", "line_item", "tags"]


class Breakdown(msgspec.Struct):
    """`start` and `end` are days, both of them in it as Deepgram's examples have it."""

    start: str
    end: str
    results: list[dict[str, Any]]


_parse = parser(Breakdown)


def read(source: Source, client: DeepgramClient, day: Day) -> Reading:
    """The lines of the day. Raises SourceFailure; NotYetReported where the answer does not reach the day."""
    return bill(source, checked(lambda answer: _line(client, answer, day), _of_day(client, day)), day)


def verify(client: DeepgramClient) -> str:
    """Whether the bill can be read: one question about a day of long ago."""
    client.get(_path(client), _parse, {"start": "2024-01-01", "end": "2024-01-02", "grouping": GROUPS})
    return f"the bill of project {client.project} can be read"


def _path(client: DeepgramClient) -> str:
    return f"/v1/projects/{client.project}/billing/breakdown"


def _of_day(client: DeepgramClient, day: Day) -> Iterator[Mapping[str, Any]]:
    """Results but those of the next day: nothing says whether the end that is asked for is in the answer."""
    first, next_day = day.usage_date.isoformat(), (day.usage_date + timedelta(days=1)).isoformat()
    answer = client.get(_path(client), _parse, {"start": first, "end": next_day, "grouping": GROUPS})
    if not answer.start <= first <= answer.end:
        days = f"{day_in(answer.start)} to {day_in(answer.end)}"
        raise NotYetReported(f"Deepgram: asked for {said_day(day.usage_date)}, it answered {days}")
    for result in answer.results:
        grouping = result.get("grouping")
        if not isinstance(grouping, dict) or grouping.get("start") != next_day:
            yield result


def _line(client: DeepgramClient, answer: Mapping[str, Any], day: Day) -> Row:
    grouping, wanted = answer["grouping"], day.usage_date.isoformat()
    if (grouping["start"], grouping["end"]) != (wanted, wanted):
        days = f"{day_in(grouping['start'])} to {day_in(grouping['end'])}"
        raise Undocumented(f"it is of {days}, and {said_day(day.usage_date)} was asked for")
    return bill_line(
        answer,
        scope=_scope(client, grouping),
        service=service_of(grouping["line_item"]),
        line_item=grouping["line_item"],
        amount=number(answer["dollars"]),
        currency="USD",
        amount_told=literal(answer["dollars"]),
        amount_unit="dollars",
    )


def _scope(client: DeepgramClient, grouping: Mapping[str, Any]) -> tuple[str, str]:
    tags = sorted(grouping["tags"] or [])
    found = {
        "tags": msgspec.json.encode(tags).decode() if tags else None,
        "key": grouping["accessor"],
        "project": client.project,
    }
    kinds = list(KINDS)[list(KINDS).index(client.scope) :]
    kind = next(kind for kind in kinds if found[kind])
    return KINDS[kind], str(found[kind])
