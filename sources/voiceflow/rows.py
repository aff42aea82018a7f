"""Usage rows as Voiceflow tells them, whichever generation of its API was asked."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated

import msgspec
import pyarrow as pa

from sources.checks.quarantine import Quarantined, digest
from sources.errors import AnswerMoved
from sources.personal import Document
from sources.text import said_moment
from sources.voiceflow.contract import USAGE
from sources.window import Window, truncated

Instant = Annotated[datetime, msgspec.Meta(tz=True)]

_FIELDS = msgspec.json.Decoder(Document)


@dataclass(frozen=True)
class Project:
    """What is read: a project, and the alias or id of the environment whose traffic is billed."""

    project_id: str
    environment: str = "production"


@dataclass(frozen=True)
class UsageRow:
    """One count. `key` tells it from every other row of its day; `period_at` is the start of its hour or day, None for
    a whole-day list. `cost` is what Voiceflow says it cost, where it says so, in USD; it is in the payload too.
    """

    key: tuple[str, ...]
    project_id: str
    environment_id: str | None
    metric: str
    period_at: datetime | None
    usage_type: str | None
    quantity: int
    payload: bytes
    cost: Decimal | None = None

    def content(self) -> bytes:
        """What marts depend on: the same bytes, the same usage."""
        cost = () if self.cost is None else (self.cost,)
        return msgspec.json.encode((self.key, self.environment_id, self.quantity, *cost))


@dataclass(frozen=True)
class ProjectUsage:
    """`outside` counts rows that were told and do not belong to the day; `odd` are those set aside."""

    rows: tuple[UsageRow, ...]
    requests: int
    outside: int
    odd: tuple[Quarantined, ...] = ()


class _Period(msgspec.Struct):
    period: Instant | None = None
    day: Instant | None = msgspec.field(name="intervalStartDate", default=None)


_PERIOD = msgspec.json.Decoder(_Period)


def set_aside(metric: str, raw: bytes, reason: str) -> Quarantined:
    """A row of a metric that is not as documented."""
    try:
        reported = _PERIOD.decode(truncated(raw))
        at = reported.period or reported.day
    except (msgspec.DecodeError, RecursionError):
        at = None
    try:
        payload = stored(raw, set()).decode()
    except (msgspec.DecodeError, RecursionError):
        payload = None
    return Quarantined(f"{metric}/{digest(raw)}", reason, raw, payload=payload, at=at)


@dataclass
class Odd:
    """Rows set aside while a project is read, each once, though a question that is asked twice tells it twice."""

    window: Window
    rows: dict[tuple[str, bytes], Quarantined] = field(default_factory=dict)

    def sieve(self, reported: Iterable[UsageRow | Quarantined]) -> Iterator[UsageRow]:
        """What is as documented; the rest is kept here, unless it is of another day."""
        for row in reported:
            if isinstance(row, UsageRow) and row.period_at and _is_astray(row.period_at, self.window):
                began = said_moment(row.period_at)
                reason = f"it began on {began}, and counts on that day alone; pull that day too"
                aside = set_aside(row.metric, row.payload, reason)
                self.rows[aside.item, aside.content] = aside
            elif isinstance(row, UsageRow):
                yield row
            elif row.at is None or row.at in self.window:
                self.rows[row.item, row.content] = row


def _is_astray(at: datetime, window: Window) -> bool:
    """Whether a row is of another day, and not just of the window's end, which Voiceflow may count in."""
    return at not in window and at != window.end


def each_once(rows: Iterable[UsageRow], window: Window) -> tuple[dict[tuple[str, ...], UsageRow], int]:
    """The window's rows by key, and how many lie outside of it: whether Voiceflow counts a window's end in is not
    documented, and rows come in no order. AnswerMoved for one that is told twice and differently.
    """
    inside: dict[tuple[str, ...], UsageRow] = {}
    outside = 0
    for row in rows:
        if row.period_at is None or row.period_at not in window:
            outside += 1
        elif (known := inside.setdefault(row.key, row)).quantity != row.quantity:
            raise AnswerMoved(f"Voiceflow {row.metric}: {row.key} was told as {known.quantity}, then as {row.quantity}")
    return inside, outside


def by_day(rows: Iterable[UsageRow]) -> dict[date, int]:
    """Quantities by the UTC day they began on."""
    days: dict[date, int] = {}
    for row in rows:
        if row.period_at is not None:
            day = row.period_at.astimezone(UTC).date()
            days[day] = days.get(day, 0) + row.quantity
    return days


def stored(payload: bytes, new_fields: set[str]) -> bytes:
    """What of a row's JSON is stored."""
    return msgspec.json.encode(USAGE.kept(_FIELDS.decode(payload), new_fields))


def table(rows: Sequence[UsageRow], new_fields: set[str]) -> pa.Table:
    """Columns of raw_voiceflow.usage; paths of fields that are not stored are added to `new_fields`."""
    return pa.table(
        {
            "project_id": pa.array([row.project_id for row in rows], pa.string()),
            "environment_id": pa.array([row.environment_id for row in rows], pa.string()),
            "metric": pa.array([row.metric for row in rows], pa.string()),
            "period_at": pa.array([row.period_at for row in rows], pa.timestamp("us", tz="UTC")),
            "usage_type": pa.array([row.usage_type for row in rows], pa.string()),
            "quantity": pa.array([row.quantity for row in rows], pa.int64()),
            "payload": pa.array([stored(row.payload, new_fields) for row in rows], pa.string()),
        }
    )
