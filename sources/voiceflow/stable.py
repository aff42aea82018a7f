"""Voiceflow's "stable" analytics: a metric of a project by day, the whole window in one answer, without pages.

https://docs.voiceflow.com/cookbook/query-token-usage; the spec is that of Voiceflow's own command-line client. Rows do
not say which environment they are of: the question does. So what is billed (the project's environment, as published) is
asked for by itself, then everything; what everything holds beyond it is drafts and other environments.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

import msgspec

from sources.checks.bounds import MOST, exact, fault_of_cost, fault_of_text
from sources.checks.quarantine import TOO_DEEP, Quarantined
from sources.errors import AnswerMoved, ContractBroken
from sources.http import ProviderClient
from sources.voiceflow.rows import Odd, Project, ProjectUsage, UsageRow, by_day, each_once, set_aside
from sources.window import Window, instant, truncated

PATH = "/v1/stable/analytics/query/{metric}/project/{project_id}"
PUBLISHED = "published"


@dataclass(frozen=True)
class Metric:
    """What is asked, under which names its fields become rows, and whether it is split by what is billed.

    `quantities` maps a field to the metric of our rows; `told_by` is the field that, with the day, tells rows apart;
    `cost` is the field with money.
    """

    name: str
    quantities: dict[str, str]
    told_by: str | None = None
    cost: str | None = None
    is_split: bool = True


METRICS = (
    Metric("interaction-count", {"count": "interactions"}),
    Metric("call-count", {"count": "calls", "durationMS": "call_milliseconds"}),  # with silence and time on hold
    Metric("call-duration", {"durationMS": "talk_milliseconds"}),  # without
    Metric("token-usage", {"count": "tokens"}, told_by="model"),
    # Not split: what drafts cost, costs too.
    Metric("transcript-cost", {"transcriptCount": "transcript_cost"}, cost="cost", is_split=False),
)


class _Answer(msgspec.Struct):
    rows: list[msgspec.Raw]


class _Row(msgspec.Struct):
    period: Annotated[datetime, msgspec.Meta(tz=True)] = msgspec.field(name="intervalStartDate")


_parse = msgspec.json.Decoder(_Answer).decode
_ROW = msgspec.json.Decoder(_Row)
_FIELDS = msgspec.json.Decoder(dict[str, Any], float_hook=exact)


def read_project(client: ProviderClient, project: Project, window: Window) -> ProjectUsage:
    """All metrics of a project in the window. AnswerMoved if what is billed is more than everything, or a row is told
    twice and differently; ContractBroken for a row that is not as documented.
    """
    reader = _Reader(client, project, window)
    rows = [row for metric in METRICS for row in reader.metric(metric)]
    return ProjectUsage(tuple(rows), reader.requests, reader.outside, tuple(reader.odd.rows.values()))


def daily_counts(client: ProviderClient, project: Project, window: Window) -> dict[date, int]:
    """What is billed of a project, of all environments and versions, by UTC day. Raises SourceFailure."""
    return by_day(_Reader(client, project, window).everything(METRICS[0]))


def verify_project(client: ProviderClient, project: Project) -> None:
    """One hour before Voiceflow kept any of these counts: needs the key, costs nothing."""
    hour = {"startDate": "2025-01-01T00:00:00.000Z", "endDate": "2025-01-01T01:00:00.000Z", "interval": "hour"}
    client.post(_path(METRICS[0], project), _parse, hour)


def _path(metric: Metric, project: Project) -> str:
    return PATH.format(metric=metric.name, project_id=quote(project.project_id, safe=""))


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

    def metric(self, metric: Metric) -> list[UsageRow]:
        """The metric's rows: those of what is billed under the project's environment, the others under none."""
        if not metric.is_split:
            return self.everything(metric)
        billed = self._rows(metric, {"version": PUBLISHED, "environmentAlias": self.project.environment})
        everything = self._rows(metric, {})
        named = [
            replace(
                row,
                key=(*row.key, PUBLISHED),
                environment_id=self.project.environment,
                usage_type=row.usage_type or PUBLISHED,
            )
            for row in billed.values()
        ]
        return named + [
            replace(row, quantity=row.quantity - beyond)
            for row in everything.values()
            if (beyond := self._billed_of(row, billed)) < row.quantity
        ]

    def everything(self, metric: Metric) -> list[UsageRow]:
        """The metric's rows of all environments and versions."""
        return list(self._rows(metric, {}).values())

    def _billed_of(self, row: UsageRow, billed: dict[tuple[str, ...], UsageRow]) -> int:
        part = billed[row.key].quantity if row.key in billed else 0
        if part > row.quantity:
            raise AnswerMoved(f"Voiceflow {row.metric}: {part} of {row.key} are published, and {row.quantity} are all")
        return part

    def _rows(self, metric: Metric, narrowed: dict[str, str]) -> dict[tuple[str, ...], UsageRow]:
        self.requests += 1
        answer = self.client.post(_path(metric, self.project), _parse, {**self._window(), **narrowed})
        reported = (row for raw in answer.rows for row in _usage_rows(metric, self.project, bytes(raw)))
        rows, outside = each_once(self.odd.sieve(reported), self.window)
        self.outside += outside
        return rows

    def _window(self) -> dict[str, str]:
        return {
            "startDate": instant(self.window.start),
            "endDate": instant(self.window.end),
            "interval": "day",
            "timezone": "UTC",
        }


def _usage_rows(metric: Metric, project: Project, raw: bytes) -> Sequence[UsageRow | Quarantined]:
    """The rows that one of the answer becomes; one set aside if it is not as documented."""
    try:
        return _checked(metric, project, raw)
    except RecursionError:
        return [set_aside(metric.name, raw, TOO_DEEP)]
    except (msgspec.ValidationError, ContractBroken) as error:
        return [set_aside(metric.name, raw, str(error))]


def _checked(metric: Metric, project: Project, raw: bytes) -> list[UsageRow]:
    period = _ROW.decode(truncated(raw)).period
    fields = _FIELDS.decode(raw)
    needed = (*metric.quantities, *filter(None, [metric.told_by, metric.cost]))
    missing = [name for name in needed if name not in fields]
    if missing:
        raise ContractBroken(f"it lacks {', '.join(missing)}")
    kind = None if metric.told_by is None else (fields[metric.told_by] or "unknown")
    if not (kind is None or isinstance(kind, str)):
        raise ContractBroken(f"its {metric.told_by} is no text")
    cost = fields[metric.cost] if metric.cost else None
    if metric.cost and (isinstance(cost, bool) or not isinstance(cost, int | Decimal)):
        raise ContractBroken(f"its {metric.cost} is no number")
    if fault := fault_of_cost(str(metric.cost), cost) or fault_of_text(str(metric.told_by), kind):
        raise ContractBroken(fault)
    return [
        UsageRow(
            key=(ours, project.project_id, instant(period), *([] if kind is None else [kind])),
            project_id=project.project_id,
            environment_id=None,
            metric=ours,
            period_at=period,
            usage_type=kind,
            quantity=_whole(theirs, fields[theirs]),
            payload=raw,
            cost=None if cost is None else Decimal(cost),
        )
        for theirs, ours in metric.quantities.items()
    ]


def _whole(name: str, reported: object) -> int:
    """A count; milliseconds may come with a fraction, which is truncated as fractions of time are everywhere."""
    if isinstance(reported, bool) or not isinstance(reported, int | Decimal) or not 0 <= reported <= MOST:
        raise ContractBroken(f"its {name} is no count")
    whole = int(reported)
    if whole != reported and name != "durationMS":
        raise ContractBroken(f"its {name} is no whole number")
    return whole
