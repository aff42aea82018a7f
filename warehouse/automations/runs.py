"""Runs: which may go on now, and what became of each.

    open ──claim──▶ open, nobody else's for LEASE ──settle──▶ done
     ▲                                             ├────────▶ open, later: asleep, or tried again
     │                                             ├────────▶ open, not due: a person is asked ──answer──▶ open
     └────────────────────retry────────────────────┴────────▶ failed

A claim is committed before anything runs, so a process that dies holds a run no longer than its lease. What runs twice
is the step that was under way: at least once, under the same keys.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from warehouse.database import queries
from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Connection, Row

FILE = "automations/runs"
LEASE = timedelta(minutes=20)
AT_ONCE = 50
"""Runs of one tenant that one pass takes."""
DISTANCES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
"""After each failed attempt, until the next; the attempt after the last is the last, and a person is told."""
_BUSY = timedelta(minutes=1)


class RunRefused(WarehouseError):
    """There is no such run, or it is not of that state; the message says what to do."""


@dataclass(frozen=True)
class Due:
    """A run that is this process's to take on. attempts: those that failed in a row."""

    thread_id: str
    tenant_id: str
    automation: str
    source: str
    account: str
    call_id: str
    usage_date: date
    agent_id: str | None
    attempts: int
    question_id: str | None
    answer: str | None

    @property
    def call(self) -> dict[str, Any]:
        """The members of call.completed's data that name the call, but for its tenant."""
        return {
            "source": self.source,
            "account": self.account,
            "call_id": self.call_id,
            "usage_date": self.usage_date.isoformat(),
            "agent_id": self.agent_id,
        }


@dataclass(frozen=True)
class Outcome:
    """How far a run came. state: done, asleep (until), asks (question), failed (fault) or busy: another has it."""

    state: str
    until: datetime | None = None
    question: str | None = None
    question_id: str | None = None
    fault: str | None = None
    version: str | None = None


def begin(connection: Connection, today: date) -> int:
    """After a build: write a run down for each ended call that an automation follows; how many. As the transformer."""
    row = queries.first(connection, FILE, "begin", today=today)
    return int(row["begun"]) if row else 0


def claim(connection: Connection, now: datetime) -> list[Due]:
    """Take runs that may go on now, those of one tenant beside each other; commit before anything runs."""
    return queries.typed(connection, Due, FILE, "claim", now=now, lease_ends=now + LEASE, at_once=AT_ONCE)


def settle(connection: Connection, due: Due, outcome: Outcome, now: datetime) -> None:
    """Record how far a run came. One that a person has ended meanwhile stays ended."""
    state, due_at, attempts = "open", outcome.until, 0
    if outcome.state == "done":
        state = "done"
    elif outcome.state == "busy":
        due_at, attempts = now + _BUSY, due.attempts
    elif outcome.state == "failed":
        attempts = due.attempts + 1
        is_over = attempts > len(DISTANCES)
        state, due_at = ("failed", None) if is_over else ("open", now + DISTANCES[due.attempts])
    queries.execute(
        connection, FILE, "settle",
        thread_id=due.thread_id, state=state, due_at=due_at, attempts=attempts, question=outcome.question,
        question_id=outcome.question_id, fault=outcome.fault, version=outcome.version, now=now,
        has_run=outcome.state not in ("busy", "failed"),
    )  # fmt: skip


def release(connection: Connection, due: Due, now: datetime) -> None:
    """Give back a run that nothing was done with."""
    queries.execute(connection, FILE, "release", thread_id=due.thread_id, now=now)


def next_due(connection: Connection) -> datetime | None:
    """When the next run may go on; None where none waits for its time."""
    row = queries.first(connection, FILE, "next_due")
    return row["next_at"] if row else None


def answer(connection: Connection, thread_id: str, said: str, now: datetime) -> None:
    """What a person said of a run's question: it goes on. Raises RunRefused."""
    if not queries.execute(connection, FILE, "answer", thread_id=thread_id, said=said, now=now):
        raise RunRefused(f"{_found(connection, thread_id)['thread_id']} asks nothing.")


def retry(connection: Connection, tenant_id: str, automation: str, now: datetime) -> int:
    """Take on again the failed runs of a tenant's automation; how many."""
    return queries.execute(connection, FILE, "retry", tenant_id=tenant_id, automation=automation, now=now)


def end(connection: Connection, thread_id: str, now: datetime) -> None:
    """Go on with a run no more. Raises RunRefused."""
    if not queries.execute(connection, FILE, "end", thread_id=thread_id, now=now):
        raise RunRefused(f"{thread_id} is {_found(connection, thread_id)['state']} already.")


def listed(connection: Connection, tenant_id: str | None = None, limit: int = 200, offset: int = 0) -> list[Row]:
    """The latest runs, those first that need a person; the first offset left out."""
    return queries.rows(connection, FILE, "listed", tenant_id=tenant_id, limit=limit, offset=offset)


def count(connection: Connection, tenant_id: str | None = None) -> tuple[int, int]:
    """How many runs need a person, and how many there are besides."""
    (row,) = queries.rows(connection, FILE, "count", tenant_id=tenant_id)
    return row["theirs"], row["others"]


def forget(connection: Connection, today: date) -> int:
    """Delete states of runs that ended more than 90 days ago; how many. As the operator. Safe to repeat."""
    row = queries.first(connection, FILE, "forget", today=today)
    return int(row["gone"]) if row else 0


def _found(connection: Connection, thread_id: str) -> Row:
    row = queries.first(connection, FILE, "found", thread_id=thread_id)
    if row is None:
        raise RunRefused(f"There is no run {thread_id}.")
    return row
