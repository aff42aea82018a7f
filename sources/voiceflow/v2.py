"""Voiceflow's v2 usage query: hourly counts, one metric at a time, read by cursor.

https://docs.voiceflow.com/reference (queryUsageV2)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from sources.errors import PullTruncated
from sources.http import ProviderClient
from sources.voiceflow.answers import (
    BILLED_METRIC,
    HOURLY_METRICS,
    TOP_INTENTS,
    Cursor,
    intent_row,
    parse_intents,
    parse_page,
    usage_row,
)
from sources.voiceflow.rows import Odd, Project, ProjectUsage, UsageRow, by_day, each_once
from sources.window import Window, instant

PATH = "/v2/query/usage"
LIMIT = 500
MOST_PAGES = 2000


def read_project(client: ProviderClient, project: Project, window: Window) -> ProjectUsage:
    """All metrics of a project in the window. PullTruncated if pages do not end, AnswerMoved if a row changed
    between pages.
    """
    reader = _Reader(client, project, window)
    rows = [row for metric in HOURLY_METRICS for row in reader.metric(metric)]
    rows = reader.with_billed_environment_named(rows)
    rows += reader.top_intents()
    return ProjectUsage(tuple(rows), reader.requests, reader.outside, tuple(reader.odd.rows.values()))


def daily_counts(client: ProviderClient, project: Project, window: Window) -> dict[date, int]:
    """What is billed of a project, of all environments, by UTC day. Raises SourceFailure."""
    return by_day(_Reader(client, project, window).metric(BILLED_METRIC))


def verify_project(client: ProviderClient, project: Project) -> None:
    """One hour before Voiceflow kept any of these counts: needs the key, costs nothing."""
    hour = {"startTime": "2025-01-01T00:00:00.000Z", "endTime": "2025-01-01T01:00:00.000Z", "limit": 1}
    query = {"name": BILLED_METRIC, "filter": {"projectID": project.project_id, **hour}}
    client.post(PATH, parse_page, {"data": query})


@dataclass
class _Reader:
    client: ProviderClient
    project: Project
    window: Window
    requests: int = 0
    outside: int = 0
    odd: Odd = field(init=False)

    def __post_init__(self) -> None:
        self.odd = Odd(self.window)

    def metric(self, metric: str, environment: str | None = None) -> list[UsageRow]:
        """The metric's rows of the window, each once; of all environments, unless one is given."""
        reported = (usage_row(metric, self.project.project_id, raw) for raw in self._items(metric, environment))
        rows, outside = each_once(self.odd.sieve(reported), self.window)
        self.outside += outside
        return list(rows.values())

    def with_billed_environment_named(self, rows: list[UsageRow]) -> list[UsageRow]:
        """Rows carry an environment's id, a project is configured with its alias, and only Voiceflow knows which is
        which: it is asked again for that alias alone, and the ids it answers with are renamed to it. The payload
        keeps the id.
        """
        alias = self.project.environment
        ids = {row.environment_id for row in rows if row.metric == BILLED_METRIC}
        if not ids or alias in ids:
            return rows
        billed = {row.environment_id for row in self.metric(BILLED_METRIC, alias)}
        return [replace(row, environment_id=alias) if row.environment_id in billed else row for row in rows]

    def top_intents(self) -> list[UsageRow]:
        """A list of the whole window, in an envelope of its own, without pages: what is most frequent, not
        everything.
        """
        self.requests += 1
        answer = self.client.post(PATH, parse_intents, {"data": {"name": TOP_INTENTS, "filter": self._filter()}})
        return list(self.odd.sieve(intent_row(self.project.project_id, bytes(raw)) for raw in answer.result.intents))

    def _items(self, metric: str, environment: str | None) -> Iterator[bytes]:
        narrowed = self._filter() | ({} if environment is None else {"projectEnvironmentIDOrAlias": environment})
        seen: set[Cursor] = set()
        cursor: Cursor | None = None
        while True:
            asked = narrowed | ({} if cursor is None else {"cursor": cursor})
            self.requests += 1
            page = self.client.post(PATH, parse_page, {"data": {"name": metric, "filter": asked}}).result
            yield from map(bytes, page.items)
            cursor = page.cursor
            # A page shorter than the limit is not the last one; an empty one is, and so is one without a cursor.
            if not page.items or cursor is None:
                return
            if cursor in seen or len(seen) >= MOST_PAGES:
                raise PullTruncated(f"Voiceflow {metric}: cursor {cursor} leads nowhere after {len(seen) + 1} pages")
            seen.add(cursor)

    def _filter(self) -> dict[str, Cursor]:
        return {
            "projectID": self.project.project_id,
            "startTime": instant(self.window.start),
            "endTime": instant(self.window.end),
            "limit": LIMIT,
        }
