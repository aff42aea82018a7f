"""Deliveries: which may be tried now, and what became of each.

    waiting ──claim──▶ waiting, nobody else's for LEASE ──settle──▶ delivered
       ▲                                                 ├────────▶ waiting, later   (the subject waits with it)
       └────────────────────replay───────────────────────┴────────▶ dead             (the subject goes on)

A claim is committed before anything is sent, so a process that dies holds a delivery no longer than its lease, and
what it sent without saying so is sent again: at least once, with the same id.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any

from warehouse.database import queries
from warehouse.database.queries import Connection, Row

FILE = "outgoing/deliveries"
LEASE = timedelta(seconds=60)
DISTANCES = (
    timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5),
    timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=20, minutes=25),
)  # fmt: skip
"""After each failed attempt, until the next: three days in all. The attempt after the last ends it."""
LONGEST = timedelta(days=3)
"""From the first attempt to the last, however long a receiver asks to be left alone."""
LONGEST_HOLD = timedelta(minutes=1)
_random = SystemRandom()


@dataclass(frozen=True)
class Due:
    """A delivery that is this process's to try, with its event. attempts: those that failed before, since the first."""

    endpoint_id: str
    event_number: int
    event_id: str
    type: str
    tenant_id: str | None
    data: Mapping[str, Any]
    happened_at: datetime
    attempts: int
    first_attempted_at: datetime | None = None


@dataclass(frozen=True)
class Answer:
    """How an attempt ended. status: what the receiver answered; fault: why it was not taken, None where it was.

    is_of_endpoint: the endpoint fails and not this event, so others are held too. wait: how long it asked for.
    """

    status: int | None = None
    fault: str | None = None
    is_of_endpoint: bool = False
    is_gone: bool = False
    wait: timedelta | None = None


def claim(connection: Connection, now: datetime, under_way: Mapping[str, int], at_once: int, most: int) -> list[Due]:
    """Take deliveries that may be tried now, the first of each subject, oldest first; commit before sending.

    At most `most`, and of an endpoint at_once with those under way; of one that fails a single one.
    """
    counted = {"endpoints": list(under_way), "counts": list(under_way.values())}
    asked = {"now": now, "lease_ends": now + LEASE, "at_once": at_once, "most": most, **counted}
    return queries.typed(connection, Due, FILE, "claim", **asked)


def settle(connection: Connection, due: Due, answer: Answer, now: datetime) -> bool:
    """Record how an attempt ended, in one transaction with what follows for the endpoint; whether it was the last one.
    Safe to repeat.
    """
    key = {"endpoint_id": due.endpoint_id, "event_number": due.event_number, "now": now}
    last = {**key, "attempts": due.attempts + 1, "status": answer.status, "fault": answer.fault}
    with connection.transaction():
        if answer.fault is None:
            queries.execute(connection, FILE, "delivered", **last)
            queries.execute(connection, FILE, "endpoint_answers", **key)
            return True
        over_at = (due.first_attempted_at or now) + LONGEST
        ends = answer.is_gone or due.attempts >= len(DISTANCES) or now >= over_at
        next_at = now if ends else now + _spread(DISTANCES[due.attempts])
        if answer.wait is not None and not ends:
            next_at = max(next_at, min(now + answer.wait, over_at))
        queries.execute(connection, FILE, "failed", **last, state="dead" if ends else "waiting", next_at=next_at)
        if answer.is_gone:
            queries.execute(connection, FILE, "endpoint_gone", **key)
            queries.execute(connection, FILE, "end_waiting", **key, before=now, fault="the endpoint answered 410")
        elif answer.is_of_endpoint:
            state = queries.first(
                connection, FILE, "endpoint_fails", **key, wait=answer.wait or timedelta(), longest=LONGEST_HOLD
            )
            if state and state["failing_since"] <= now - LONGEST:
                queries.execute(
                    connection, FILE, "end_waiting", **key, before=now - LONGEST, fault="the endpoint failed for 3 days"
                )
    return ends


def replay(
    connection: Connection,
    endpoint_id: str,
    now: datetime,
    *,
    since: datetime | None = None,
    event_id: str | None = None,
) -> int:
    """Send again: one event, all since a moment, or else all that are dead; how many. An endpoint that was gone is
    tried again.
    """
    with connection.transaction():
        queries.execute(connection, FILE, "begin_again", endpoint_id=endpoint_id)
        return queries.execute(
            connection, FILE, "replay", endpoint_id=endpoint_id, now=now, since=since, event_id=event_id
        )


def next_due(connection: Connection) -> datetime | None:
    """When the next delivery may be tried; None where none waits."""
    row = queries.first(connection, FILE, "next_due")
    return row["next_at"] if row else None


def listed(
    connection: Connection,
    states: Collection[str],
    endpoint_id: str | None = None,
    *,
    limit: int = 200,
    offset: int = 0,
) -> list[Row]:
    """The latest deliveries in these states, newest first, the first offset left out."""
    asked = {"states": list(states), "endpoint_id": endpoint_id, "limit": limit, "offset": offset}
    return queries.rows(connection, FILE, "listed", **asked)


def call_facts(connection: Connection, tenant_id: str, data: Mapping[str, Any]) -> Row | None:
    """What the marts say of a call now; None where they do not hold it any more."""
    return queries.first(connection, FILE, "call_facts", tenant_id=tenant_id, **data)


def _spread(distance: timedelta) -> timedelta:
    """About as long: what failed together is not tried together."""
    return distance * _random.uniform(0.95, 1.05)
