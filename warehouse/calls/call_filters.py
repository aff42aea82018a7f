"""Which calls a list or a search is asked for, and where in it a page begins. Reads nothing."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from msgspec import Struct

NO_AGENT = "-"
OUTCOMES = ("connected", "never connected", "in progress", "scheduled", "error")

Key = tuple[date, str, str]


class Place(Struct, frozen=True):
    """A call's place in a list of them, newest first. No two calls of a tenant share one."""

    usage_date: date
    created_at: datetime
    source: str
    call_id: str

    @property
    def text(self) -> str:
        """As an address carries it."""
        return "~".join((str(self.usage_date), self.created_at.astimezone(UTC).isoformat(), self.source, self.call_id))

    @classmethod
    def parse(cls, text: str) -> "Place":
        """The place that an address carries. Raises ValueError."""
        day, created, source, call_id = text.split("~", 3)
        at = datetime.fromisoformat(created)
        if at.tzinfo is None:
            raise ValueError(f"{created} has no time zone")
        return cls(date.fromisoformat(day), at, source, call_id)


@dataclass(frozen=True)
class Filters:
    """Which calls: days and seconds connected both included; agent NO_AGENT for calls of none; number is any id that a
    call routes by; customer a part of who was on the line, as it is stored; words what was said (call_search).
    cost_from, cost_to: what the voice provider says it cost, both included: only for a role that may see costs.
    """

    first_day: date = date.min
    last_day: date = date.max
    agent_id: str | None = None
    number: str | None = None
    meter_id: str | None = None
    outcome: str | None = None
    campaign_id: str | None = None
    end_group: str | None = None
    words: str | None = None
    at_least: int | None = None
    at_most: int | None = None
    customer: str | None = None
    cost_from: Decimal | None = None
    cost_to: Decimal | None = None
