"""The stretch of time a provider is asked for: UTC, half-open `[start, end)`, whole milliseconds."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

MILLISECOND = timedelta(milliseconds=1)
_FINER = re.compile(rb"(:\d\d\.\d{6})\d+(?=[Zz+-])")


@dataclass(frozen=True, order=True)
class Window:
    """`start` is in it, `end` is not. Both aware; kept in UTC. ValueError for a naive or empty one."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs aware datetimes")
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.start >= self.end:
            raise ValueError(f"a window must end after it starts: {self.start} to {self.end}")

    @classmethod
    def of_day(cls, day: date) -> "Window":
        start = datetime.combine(day, time(), UTC)
        return cls(start, start + timedelta(days=1))

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def halves(self) -> "tuple[Window, Window] | None":
        """Two windows that tile this one, cut at a whole millisecond; None if it is one millisecond, the finest the
        providers write.
        """
        middle = self.start + (self.end - self.start) // MILLISECOND // 2 * MILLISECOND
        if middle == self.start:
            return None
        return Window(self.start, middle), Window(middle, self.end)


def instant(moment: datetime) -> str:
    """As the providers write it: `2026-02-18T00:00:00.000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def truncated(json_text: bytes) -> bytes:
    """The same JSON, its timestamps cut off at a microsecond: msgspec rounds what is finer, and so the last
    ten-millionth of a day into the next one. For reading only: what is stored keeps its digits.
    """
    return _FINER.sub(rb"\1", json_text)
