"""Before anything is served: whether PostgreSQL itself keeps every reader to its rows, and how to fix it where not.

From each role and login that reads, all that it can reach is walked, through whatever view, schema and owner. Only
catalogs are read, so any role may ask. `minutebook doctor` shows what it finds, an asset check goes red, and what
serves readers refuses to start.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.sql import SQL

from warehouse.database import queries
from warehouse.database.connect import Role, connect
from warehouse.database.errors import WarehouseError
from warehouse.finding import Finding

_SQL = queries.load("security/isolation") | queries.load("security/isolation_walk")
_DOORS = queries.load("security/isolation_doors")
_OF_ONE_SESSION = {"reader", "name_the_tenant", "is_built", "other_tenants"}


class Flaw(StrEnum):
    """One way past isolation: what is wrong and the statement that closes it come from the query of that name.

    Facts of all: what; of those that a query finds also statement.
    """

    TABLE_WITHOUT_POLICY = "tables_without_a_forced_policy"
    POLICY_SHOWS_MORE = "policies_that_show_a_tenant_more"
    TABLE_OF_NOBODY = "tables_of_nobody_that_a_tenant_reads"
    VIEW_PAST_POLICIES = "views_past_policies"
    FUNCTION_MISLED = "functions_that_can_be_misled"
    ROLE_PAST_POLICIES = "roles_past_policies"
    LOGIN_BEYOND_NEED = "logins_with_more_than_they_need"
    OWNER_THAT_READS = "owners_that_are_readers"
    PRIVILEGE_BEYOND_NEED = "privileges_beyond_need"
    DOOR_LEFT_OPEN = "doors_left_open"
    VIEW_SHOWS_PAST_POLICIES = "views_that_show_past_policies"
    RELATION_OUTSIDE = "relations_outside_that_a_tenant_reads"
    FUNCTION_SHOWS_PAST_POLICIES = "functions_that_show_past_policies"
    FUNCTIONS_FOR_EVERYBODY = "functions_for_everybody"
    TEMPORARY_TABLES_FOR_EVERYBODY = "temporary_tables_for_everybody"
    SCHEMAS_FOR_EVERYBODY = "schemas_for_everybody"
    LOGINS_WITHOUT_BOUNDS = "logins_without_bounds"
    LOGINS_WITHOUT_TIME_LIMITS = "logins_without_time_limits"
    READER_UNBOUND = "reader_unbound"
    READER_SEES_OTHERS = "reader_sees_others"


class IsolationBroken(WarehouseError):
    """Somebody could see what is not theirs; `flaws` says how."""

    def __init__(self, flaws: list[Finding]) -> None:
        self.flaws = flaws
        more = f" ({len(flaws) - 1} more)" if len(flaws) > 1 else ""
        super().__init__(f"Not served: {flaws[0].facts['what']}{more}")


def flaws(connection: psycopg.Connection[Any]) -> list[Finding]:
    """Everything that lets somebody past isolation, by kind; empty when all is well."""
    return _found(connection, {name: query for name, query in _SQL.items() if name not in _OF_ONE_SESSION})


def open_doors(connection: psycopg.Connection[Any]) -> list[Finding]:
    """What lets a login do more than its work, without showing it a row: of the owner, who alone sees each login."""
    return _found(connection, _DOORS)


def reader_flaws(connection: psycopg.Connection[Any], is_served: bool = True) -> list[Finding]:
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
    return [Finding(Flaw.READER_UNBOUND, facts={"what": what})]


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
        raise IsolationBroken([Finding(Flaw.READER_SEES_OTHERS, facts={"what": what})])


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


def _found(connection: psycopg.Connection[Any], named: Mapping[str, SQL]) -> list[Finding]:
    return [
        Finding(Flaw(name), facts={"what": what, "statement": statement})
        for name, query in named.items()
        for what, statement in connection.execute(query).fetchall()
    ]
