"""Which runs of Dagster are at work on a host: each holds an advisory lock as long as its process lives.

A process that ends lets go at once. A machine or a network that is gone without a word does within half a minute, when
the server gives the session up (`warehouse.database.limits.OF_THE_SERVER`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from warehouse.database.connect import Role, connect
from warehouse.database.queries import Connection, execute, first

FILE = "operations/host_runs"


class Held:
    """A run that is this process's as long as its session lasts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lasts(self) -> bool:
        """Whether the session is there still. Once it is not, another process may have taken the run."""
        try:
            first(self._connection, FILE, "answer")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def holding(url: str, run_id: str) -> Iterator[Held | None]:
    """Hold a run until the context ends; None where another process does."""
    with connect(url, Role.LOADER, actor=f"host of run {run_id}", autocommit=True) as connection:
        execute(connection, FILE, "never_idle_out")
        taken = first(connection, FILE, "hold", run_id=run_id)
        yield Held(connection) if taken and taken["is_held"] else None


def is_alive(url: str, run_id: str) -> bool:
    """Whether a process holds the run."""
    with connect(url, Role.LOADER) as connection:
        found = first(connection, FILE, "is_alive", run_id=run_id)
    return bool(found and found["is_alive"])
