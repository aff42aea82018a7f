"""The states of threads, as the process of a workflow opens them: its tenant's, and nothing else of the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from warehouse.database import queries
from warehouse.database.connect import Role, connect
from warehouse.database.queries import Connection

FILE = "automations/threads"


@contextmanager
def opened(url: str, tenant_id: str) -> Iterator[Connection]:
    """A connection that reads and writes the threads of one tenant, for LangGraph's own saver."""
    with connect(url, Role.AUTOMATIONS, actor="automations", autocommit=True) as connection:
        connection.opener = None  # for whom it waits is not this role's to see
        queries.execute(connection, FILE, "work_for", tenant_id=tenant_id)
        yield connection


def version(connection: Connection) -> int:
    """Of which version of LangGraph's the tables are."""
    row = queries.first(connection, FILE, "version")
    return int(row["version"]) if row else -1


@contextmanager
def alone(connection: Connection, thread_id: str) -> Iterator[bool]:
    """Whether this process has the thread now; another may have it."""
    row = queries.first(connection, FILE, "lock", thread_id=thread_id)
    is_ours = bool(row and row["is_ours"])
    try:
        yield is_ours
    finally:
        if is_ours:
            queries.execute(connection, FILE, "unlock", thread_id=thread_id)
