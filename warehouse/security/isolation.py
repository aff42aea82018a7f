"""Before anything is served: whether PostgreSQL itself keeps every reader to its rows, and how to fix it where not.

From each role and login that reads, all that it can reach is walked, through whatever view, schema and owner. Only
catalogs are read, so any role may ask. `minutebook doctor` shows what it finds, an asset check goes red, and what
serves readers refuses to start.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from warehouse.database import queries
from warehouse.database.connect import Role, connect
from warehouse.database.errors import WarehouseError

_SQL = queries.load("security/isolation") | queries.load("security/isolation_walk")
_DOORS = queries.load("security/isolation_doors")
_OF_ONE_SESSION = {"reader", "name_the_tenant", "is_built", "other_tenants"}


@dataclass(frozen=True)
class Flaw:
    """One way past isolation, and the statement or command that closes it."""

    what: str
    fix: str


class IsolationBroken(WarehouseError):
    """Somebody could see what is not theirs; `flaws` says how."""

    def __init__(self, flaws: list[Flaw]) -> None:
        self.flaws = flaws
        more = f" ({len(flaws) - 1} more: minutebook doctor)" if len(flaws) > 1 else ""
        super().__init__(f"Not served: {flaws[0].what}. Fix: {flaws[0].fix}{more}")


def flaws(connection: psycopg.Connection[Any]) -> list[Flaw]:
    """Everything that lets somebody past isolation, by kind; empty when all is well."""
    found = []
    for name, statement in _SQL.items():
        if name not in _OF_ONE_SESSION:
            found += [Flaw(*row) for row in connection.execute(statement).fetchall()]
    return found


def open_doors(connection: psycopg.Connection[Any]) -> list[Flaw]:
    """What lets a login do more than its work, without showing it a row: of the owner, who alone sees each login."""
    return [Flaw(*row) for statement in _DOORS.values() for row in connection.execute(statement).fetchall()]


def reader_flaws(connection: psycopg.Connection[Any], is_served: bool = True) -> list[Flaw]:
    """Whether this connection, which is to serve a reader, is one that policies bind.

    is_served: what a reader sends reaches it, and might reset its role; else only statements of our own do.
    """
    ((login, role, is_unbound, may_become_unbound),) = connection.execute(_SQL["reader"]).fetchall()
    if is_unbound:
        what = f"{login} reads as {role}, whom no policy binds (superuser, owner or BYPASSRLS)"
    elif is_served and may_become_unbound and role in (Role.ANALYST, Role.TENANT):
        what = f"{login} reads as {role}, and RESET ROLE makes it a superuser, owner or BYPASSRLS, whom none binds"
    else:
        return []
    return [Flaw(what, "minutebook access grant --role server, then set MINUTEBOOK_SERVER_DATABASE_URL to that login")]


def require_isolation(connection: psycopg.Connection[Any], is_served: bool = True) -> None:
    """Raise IsolationBroken unless readers see their rows only, over this connection and any other."""
    found = [*reader_flaws(connection, is_served), *flaws(connection)]
    if found:
        raise IsolationBroken(found)


def name_tenant(connection: psycopg.Connection[Any], tenant_id: str) -> None:
    """Read as this tenant until the transaction ends.

    Raises:
        IsolationBroken: the policies would show the rows of another.
    """
    named = {"tenant_id": tenant_id}
    connection.execute(_SQL["name_the_tenant"], named)
    ((is_built,),) = connection.execute(_SQL["is_built"]).fetchall()
    others = connection.execute(_SQL["other_tenants"], named).fetchall() if is_built else []
    if others:
        what = f"this connection is to read as tenant {tenant_id}, and sees {others[0][0]}"
        raise IsolationBroken([Flaw(what, "set MINUTEBOOK_SERVER_DATABASE_URL to a login of --role server")])


@contextmanager
def reading(url: str, tenant_id: str | None) -> Iterator[psycopg.Connection[Any]]:
    """A connection that reads the marts as this tenant, None: as an analyst, for statements of our own.

    Raises:
        IsolationBroken: it could see what is not its own.
    """
    with connect(url, Role.ANALYST if tenant_id is None else Role.TENANT) as connection:
        require_isolation(connection, is_served=False)
        if tenant_id is not None:
            name_tenant(connection, tenant_id)
        yield connection
