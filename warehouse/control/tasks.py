"""Tasks: what a person asked for on a page, carried out by a run of Dagster under that person's name.

Owns `control.tasks`. Does not own what a step does: its words are those of the command line, which carries it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from psycopg.types.json import Jsonb

from warehouse.control.errors import Refused
from warehouse.database.queries import Connection, Row, execute, first, rows

FILE = "control/tasks"
Step = tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """One task. steps: the words of one command each; step: the one at work, from 0; fault: why it ended before all."""

    task_id: int
    page: str
    steps: tuple[Step, ...]
    asked_by: str
    asked_at: datetime
    step: int
    started_at: datetime | None
    ended_at: datetime | None
    fault: str | None

    @property
    def state(self) -> str:
        """waiting, working, done or failed."""
        if self.ended_at is not None:
            return "failed" if self.fault else "done"
        return "waiting" if self.started_at is None else "working"


def ask(connection: Connection, page: str, steps: Sequence[Sequence[str]], asked_by: str) -> int:
    """Ask for steps; the same ones that this page has already asked for and that have not ended are that task.

    Raises Refused when that one ends at this very moment.
    """
    wanted = Jsonb([list(step) for step in steps])
    # In two statements: the second sees a row for which the first had to wait.
    found = first(connection, FILE, "add", page=page, steps=wanted, asked_by=asked_by)
    found = found or first(connection, FILE, "asked", page=page, steps=wanted)
    if found is None:
        raise Refused("what was asked for has just ended: look again")
    return int(found["task_id"])


def unfinished(connection: Connection) -> list[Task]:
    """Tasks that have not ended, the oldest first."""
    return [_task(row) for row in rows(connection, FILE, "unfinished")]


def of_page(
    connection: Connection, page: str | None, ended_since: datetime, *, limit: int = 20, offset: int = 0
) -> list[Task]:
    """A page's tasks that are at work or ended since, the newest first; of all pages where none is named. The first
    offset are left out."""
    asked = {"page": page, "ended_since": ended_since, "limit": limit, "offset": offset}
    return [_task(row) for row in rows(connection, FILE, "of_page", **asked)]


def count(connection: Connection, ended_since: datetime) -> int:
    """How many tasks of all pages are at work or ended since."""
    return int(rows(connection, FILE, "count", ended_since=ended_since)[0]["tasks"])


def task(connection: Connection, task_id: int) -> Task | None:
    """The task of that number."""
    row = first(connection, FILE, "task", task_id=task_id)
    return _task(row) if row else None


def begin(connection: Connection, task_id: int) -> bool:
    """Begin a task. Returns whether it was waiting: what was begun once is never begun again."""
    return bool(execute(connection, FILE, "begin", task_id=task_id))


def advance(connection: Connection, task_id: int, step: int) -> None:
    """Say which step is at work."""
    execute(connection, FILE, "advance", task_id=task_id, step=step)


def end(connection: Connection, task_id: int, fault: str | None = None) -> bool:
    """End a task, with the fault that ended it. Returns whether it had not ended."""
    return bool(execute(connection, FILE, "end", task_id=task_id, fault=fault))


def days_pulled(
    connection: Connection, tenant_id: str | None, source: str, days: tuple[date, date], since: datetime
) -> int:
    """How many of the days, both ends included, were pulled since then, well or not."""
    found = first(
        connection, FILE, "days_pulled", tenant_id=tenant_id, source=source, first_day=days[0], last_day=days[1],
        since=since,
    )  # fmt: skip
    return int(found["count"]) if found else 0


def _task(row: Row) -> Task:
    return Task(**{**row, "steps": tuple(tuple(step) for step in row["steps"])})
