"""Events as they are taken: each identity (tenant, source, id) once, in the transaction that adds up its day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg

from warehouse.database import queries
from warehouse.database.queries import Row

FILE = "intake/events"
_SQL = queries.load(FILE)
MONTHS_BEHIND, MONTHS_AHEAD = 15, 3


@dataclass(frozen=True, slots=True)
class Event:
    """An event that may be stored. `content_hash` is of all that makes it the same event, whatever its spelling;
    `facts` and `personal` are the members of its data as JSON, `personal` None where nothing in it may be personal.
    """

    source: str
    event_id: str
    type: str
    subject: str | None
    happened_at: datetime
    content_hash: bytes
    replaces: str | None
    facts: str
    personal: str | None

    @property
    def content(self) -> int:
        """What is added up of it: 1 to 2**56."""
        return int.from_bytes(self.content_hash[:7]) + 1


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that was not stored, and why."""

    source: str
    event_id: str
    code: str
    detail: str


def take(connection: psycopg.Connection[Any], arrivals_of: str, events: Sequence[Event]) -> dict[int, str]:
    """Store events of the tenant that the transaction names, no identity twice among them; `arrivals_of` is the source
    that reads them. By place, what became of those that were not stored now: duplicate, id_conflict, replaces_unknown.
    """
    rows = connection.execute(
        _SQL["take"],
        {
            "of_arrivals": arrivals_of,
            "sources": [event.source for event in events],
            "event_ids": [event.event_id for event in events],
            "types": [event.type for event in events],
            "subjects": [event.subject for event in events],
            "happened": [event.happened_at for event in events],
            "hashes": [event.content_hash for event in events],
            "contents": [event.content for event in events],
            "replaced": [event.replaces for event in events],
            "facts": [event.facts for event in events],
            "personal": [event.personal for event in events],
        },
    ).fetchall()
    return {place - 1: outcome for place, outcome in rows}


def refuse(connection: psycopg.Connection[Any], refusals: Sequence[Refusal]) -> None:
    """Remember why events of the transaction's tenant were refused, for whoever asks after them."""
    connection.execute(
        _SQL["refuse"],
        {
            "sources": [one.source for one in refusals],
            "event_ids": [one.event_id for one in refusals],
            "codes": [one.code for one in refusals],
            "details": [one.detail for one in refusals],
        },
    )


def follow(connection: psycopg.Connection[Any], tenant_id: str, source: str, event_id: str) -> Row | None:
    """A taken event, and by which it was replaced; None where none of that name was. As the tenant's reader."""
    return queries.first(connection, FILE, "follow", tenant_id=tenant_id, source=source, event_id=event_id)


def refusal(connection: psycopg.Connection[Any], tenant_id: str, source: str, event_id: str) -> Row | None:
    """Why an event was refused last; None where none of that name was. As the tenant's reader."""
    return queries.first(connection, FILE, "refusal", tenant_id=tenant_id, source=source, event_id=event_id)


def pull_of_day(connection: psycopg.Connection[Any], arrivals_of: str, tenant_id: str, usage_date: date) -> Row | None:
    """The pull that a day is built from; None where it was not read, or nothing is built. As the tenant's reader."""
    asked = {"arrivals_of": arrivals_of, "tenant_id": tenant_id, "usage_date": usage_date}
    try:
        with connection.transaction():
            return queries.first(connection, FILE, "pull_of_day", **asked)
    except psycopg.errors.UndefinedTable:
        return None


def read_as(
    connection: psycopg.Connection[Any], arrivals_of: str, pull_id: int, source: str, event_id: str
) -> tuple[bool, str | None]:
    """Whether a pull holds an event of the tenant that the transaction names, and what its row is counted together
    with; None where it makes no row, since it voids another.
    """
    asked = {"arrivals_of": arrivals_of, "pull_id": pull_id, "source": source, "event_id": event_id}
    is_read, origin = connection.execute(_SQL["read_as"], asked).fetchall()[0]
    return bool(is_read), origin


def overage_line(
    connection: psycopg.Connection[Any], arrivals_of: str, tenant_id: str, usage_date: date, origin: str
) -> str | None:
    """The line that bills what is counted together on a day, as it is rated now. As the tenant's reader."""
    asked = {"arrivals_of": arrivals_of, "tenant_id": tenant_id, "usage_date": usage_date, "origin": origin}
    return _line(queries.first(connection, FILE, "overage_line", **asked))


def frozen_line(
    connection: psycopg.Connection[Any], arrivals_of: str, source: str, event_id: str, line_id: str
) -> str | None:
    """Of a line and its adjustments, the first that was approved with an event in it."""
    asked = {"arrivals_of": arrivals_of, "source": source, "event_id": event_id, "line_id": line_id}
    return _line(queries.first(connection, FILE, "frozen_line", **asked))


def adjustment(connection: psycopg.Connection[Any], tenant_id: str, line_id: str) -> str | None:
    """The adjustment of a line in a period that is not approved. As the tenant's reader."""
    return _line(queries.first(connection, FILE, "adjustment", tenant_id=tenant_id, line_id=line_id))


def make_months(connection: psycopg.Connection[Any], today: date) -> None:
    """Make the room of each month that an event may fall in, and of the next ones."""
    month = today.replace(day=1)
    for _ in range(MONTHS_BEHIND):
        month = (month - timedelta(days=1)).replace(day=1)
    for _ in range(MONTHS_BEHIND + MONTHS_AHEAD + 1):
        connection.execute(_SQL["make_month"], {"month": month})
        month = (month + timedelta(days=32)).replace(day=1)


def tidy(connection: psycopg.Connection[Any], today: date) -> int:
    """Make the room of coming months, drop what no key may push any more, and fold what arrived; identities dropped.
    As the operator. Safe to repeat.
    """
    make_months(connection, today)
    ((identities,),) = connection.execute(_SQL["tidy"], {"today": today}).fetchall()
    return int(identities)


def _line(found: Row | None) -> str | None:
    return None if found is None else found["line_id"]
