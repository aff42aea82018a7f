"""Before anything is served: whether PostgreSQL itself keeps every reader to its rows, and how to mend it where not.

It reads catalogs only, so any role may ask. `minutebook doctor` shows what it finds, an asset check goes red, and what
serves readers refuses to start.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from warehouse import queries
from warehouse.connect import Role
from warehouse.errors import WarehouseError

_SQL = queries.load("preflight")
_READER = "reader"


@dataclass(frozen=True)
class Flaw:
    """One way past isolation, and the statement or command that closes it."""

    what: str
    mend: str


class IsolationBroken(WarehouseError):
    """Somebody could see what is not theirs; `flaws` says how."""

    def __init__(self, flaws: list[Flaw]) -> None:
        self.flaws = flaws
        more = f" ({len(flaws) - 1} more: minutebook doctor)" if len(flaws) > 1 else ""
        super().__init__(f"Not served: {flaws[0].what}. Mend: {flaws[0].mend}{more}")


def flaws(connection: psycopg.Connection[Any]) -> list[Flaw]:
    """Everything that lets somebody past isolation, by kind; empty when all is well."""
    found = []
    for name, statement in _SQL.items():
        if name != _READER:
            found += [Flaw(*row) for row in connection.execute(statement).fetchall()]
    return found


def reader_flaws(connection: psycopg.Connection[Any]) -> list[Flaw]:
    """Whether this connection, which is to serve a reader, is one that policies bind."""
    ((login, role, is_unbound, may_become_unbound),) = connection.execute(_SQL[_READER]).fetchall()
    if is_unbound:
        what = f"{login} reads as {role}, whom no policy binds (superuser, owner or BYPASSRLS)"
    elif may_become_unbound and role in (Role.ANALYST, Role.TENANT):
        what = f"{login} reads as {role}, and RESET ROLE makes it a superuser, owner or BYPASSRLS, whom none binds"
    else:
        return []
    return [Flaw(what, "minutebook access grant --role server, then set MINUTEBOOK_SERVER_DATABASE_URL to that login")]


def require_isolation(connection: psycopg.Connection[Any]) -> None:
    """Raise IsolationBroken unless readers see their rows only, over this connection and any other."""
    found = [*reader_flaws(connection), *flaws(connection)]
    if found:
        raise IsolationBroken(found)
