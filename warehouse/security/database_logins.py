"""Who may connect to the database: logins of PostgreSQL for people, Metabase, tenants and processes, one role each.

A login is bound to its role, and a tenant's to its tenant, in control.database_logins; the policies of the marts ask
that binding (control.reading_tenant). Its password is made here, given to the caller once, and reaches the server as a
SCRAM verifier only: neither a statement log nor a dump has it. The connections here are the owner's.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from warehouse.database import queries
from warehouse.database.connect import Role
from warehouse.database.errors import WarehouseError
from warehouse.database.limits import LONGEST, OF_PEOPLE
from warehouse.finding import Hint, Step
from warehouse.security.vault import Secret

_SQL = queries.load("security/database_logins")
_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):.+")
_NAME = re.compile(r"(?!pg_|minutebook)[a-z_][a-z0-9_]{0,62}")


class Access(StrEnum):
    """What a login is for."""

    ANALYST = "analyst"
    TENANT = "tenant"
    OPERATOR = "operator"
    LOADER = "loader"
    TRANSFORMER = "transformer"
    BILLING = "billing"
    SERVER = "server"
    INTAKE = "intake"
    AUTOMATIONS = "automations"


ROLES: dict[Access, tuple[str, ...]] = {
    Access.ANALYST: (Role.ANALYST,),
    Access.TENANT: (Role.TENANT,),
    Access.OPERATOR: (Role.OPERATOR,),
    Access.LOADER: (Role.LOADER,),
    Access.TRANSFORMER: (Role.TRANSFORMER,),
    Access.BILLING: (Role.BILLING,),
    Access.INTAKE: (Role.INTAKE,),
    Access.AUTOMATIONS: (Role.AUTOMATIONS,),
    # The pages: they sign people in, and read as whoever is signed in, a tenant by name.
    Access.SERVER: (Role.OPERATOR, Role.ANALYST, Role.TENANT, Role.SERVER),
}
_READERS = {Access.ANALYST, Access.TENANT}
# What a person's tool opens at once, Metabase's pool included; so that no login takes all the connections there are.
_CONNECTIONS = {Access.ANALYST: 20, Access.TENANT: 5, Access.OPERATOR: 10}

MOST_ON_DISK = "4GB"
"""Of the server's disk, for what a person's sorts do not hold in memory; see docs/run-it-for-real.md."""


class AccessError(WarehouseError):
    """A login cannot be made or taken away; the message says why."""


@dataclass(frozen=True)
class Granted:
    """A login and its password, which is stored nowhere: show it once."""

    login: str
    password: Secret


def grant(
    connection: psycopg.Connection[Any], access: Access, *, tenant_id: str | None = None, login: str | None = None
) -> Granted:
    """Make a login, or give one that exists for the same purpose a new password.

    Without a name it gets one that says nothing: every login of a server can list the names of all others, so a name
    must not show one tenant another. All or nothing.

    Raises:
        AccessError: the name is no name or another's, role and tenant do not fit, no such tenant, or no right to.
    """
    if (access is Access.TENANT) != (tenant_id is not None):
        raise AccessError("A tenant's login names its tenant; logins for anything else name none.")
    login = login or f"mb_{access}_{secrets.token_hex(4)}"
    if not _NAME.fullmatch(login):
        raise AccessError(
            f"{login!r} is no name for a login: up to 63 of a-z 0-9 _, not starting with a digit, pg_ or minutebook."
        )
    password = Secret(secrets.token_urlsafe(24))
    wanted = {"login": login, "role": access.value, "tenant_id": tenant_id}
    try:
        with connection.transaction():
            ((role, of_tenant, is_revoked, exists),) = connection.execute(_SQL["known"], wanted).fetchall()
            is_ours = role is not None and not is_revoked
            if exists and not (is_ours and (role, of_tenant) == (access, tenant_id)):
                whose = f"it is {role}'s" if role else "Minutebook did not make it"
                raise AccessError(f"The server has a login {login} already, and {whose}. Choose another name.")
            if not exists:
                _create(connection, login, access)
            _bound(connection, login)
            if access in _CONNECTIONS:
                limit = {"login": sql.Identifier(login), "connections": sql.Literal(_CONNECTIONS[access])}
                connection.execute(_SQL["limit"].format(**limit))
                spill = {"login": sql.Literal(login), "most": sql.Literal(MOST_ON_DISK)}
                connection.execute(_SQL["spill"].format(**spill))
            verifier = set_password(connection, login, password)
            connection.execute(_SQL["bind"], {**wanted, "verifier": verifier})
    except psycopg.errors.ForeignKeyViolation:
        raise AccessError(f"There is no tenant {tenant_id}", Hint(Step.LIST_TENANTS)) from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise AccessError(
            f"User {connection.info.user} may not make logins: {error.diag.message_primary}. Set"
            " MINUTEBOOK_DATABASE_URL to the user that ran the migrations, with CREATEROLE, for this command."
        ) from None
    return Granted(login, password)


def revoke(connection: psycopg.Connection[Any], login: str) -> None:
    """Shut the login out, end its sessions and drop it. Safe to repeat when it was interrupted.

    Raises:
        AccessError: Minutebook did not make it, or it is gone already.
    """
    ((role, _, is_revoked, exists),) = connection.execute(_SQL["known"], {"login": login}).fetchall()
    if role is None or (is_revoked and not exists):
        raise AccessError(f"There is no login {login} to revoke", Hint(Step.LIST_DATABASE_LOGINS))
    name = sql.Identifier(login)
    # First it can connect no more; only then are its sessions ended, so that none begins in between.
    with connection.transaction():
        connection.execute(_SQL["unbind"], {"login": login})
        if exists:
            connection.execute(_SQL["shut_out"].format(login=name))
    connection.commit()
    if exists:
        with connection.transaction():
            connection.execute(_SQL["end_sessions"], {"login": login})
            connection.execute(_SQL["drop"].format(login=name))


def logins(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """All logins that were ever granted, those revoked last; never a password."""
    return connection.cursor(row_factory=dict_row).execute(_SQL["logins"]).fetchall()


def with_other_passwords(connection: psycopg.Connection[Any]) -> list[str] | None:
    """Logins whose password is not the one that they were given; None where only a superuser could see."""
    ((may_see,),) = connection.execute(_SQL["may_see_verifiers"]).fetchall()
    if not may_see:
        return None
    return [login for (login,) in connection.execute(_SQL["changed_passwords"]).fetchall()]


def has_password(connection: psycopg.Connection[Any], login: str, password: Secret) -> bool:
    """Whether this is the login's password; asked as a superuser, who alone sees the verifier (RFC 5803)."""
    ((verifier,),) = connection.execute(_SQL["verifier"], {"login": login}).fetchall()
    found = _VERIFIER.fullmatch(verifier)
    if found is None:
        return False
    iterations, salt, stored_key = int(found[1]), b64decode(found[2]), b64decode(found[3])
    salted = hashlib.pbkdf2_hmac("sha256", password.reveal().encode(), salt, iterations)
    return hmac.compare_digest(hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest(), stored_key)


def set_password(connection: psycopg.Connection[Any], login: str, password: Secret) -> str:
    """Give the login a password; the server is sent its SCRAM verifier, which is returned."""
    made = connection.pgconn.encrypt_password(password.reveal().encode(), login.encode(), b"scram-sha-256").decode()
    connection.execute(_SQL["set_password"].format(login=sql.Identifier(login), verifier=sql.Literal(made)))
    return made


def _bound(connection: psycopg.Connection[Any], login: str) -> None:
    """How long it may wait and hold where its tool asks for nothing."""
    settings = OF_PEOPLE.settings()
    if connection.info.server_version >= 170_000:
        settings[LONGEST] = OF_PEOPLE.longest
    for name, value in settings.items():
        named = {"login": sql.Identifier(login), "name": sql.Identifier(name), "value": sql.Literal(value)}
        connection.execute(_SQL["bound"].format(**named))


def _create(connection: psycopg.Connection[Any], login: str, access: Access) -> None:
    name = sql.Identifier(login)
    # A process acts as its role by SET ROLE and as itself can do nothing; a person's tool does not know of roles.
    connection.execute(_SQL["create_person" if access in _CONNECTIONS else "create_process"].format(login=name))
    for role in ROLES[access]:
        connection.execute(_SQL["grant_role"].format(role=sql.Identifier(role), login=name))
    if access in _READERS:
        connection.execute(_SQL["read_only"].format(login=name))
        connection.execute(_SQL["look_in_marts"].format(login=name))
