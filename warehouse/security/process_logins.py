"""A login for each process: one that can become its role and nothing else, so that no bug of ours acts as the owner.

On the embedded server they are made at every `migrate`, with passwords derived from the owner's, which is kept beside
the data: nothing more has to be stored, and nothing can be lost. On a server of your own `minutebook access grant`
makes them, and MINUTEBOOK_LOADER_DATABASE_URL and its like name them.
"""

import base64
import hashlib
import hmac
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from warehouse.database import queries
from warehouse.database.connect import PROCESS_LOGIN, Addresses, Role
from warehouse.security import database_logins
from warehouse.security.vault import Secret

_SQL = queries.load("security/process_logins")
_LOGINS = queries.load("security/database_logins")
DAGSTER = f"minutebook_dagster{PROCESS_LOGIN}"
# The pages read through one login: as an analyst, and as any tenant by name.
_SERVER = f"{Role.SERVER}{PROCESS_LOGIN}"
_MAY_BECOME: dict[str, tuple[str, ...]] = {
    **{
        f"{role}{PROCESS_LOGIN}": (role,)
        for role in (Role.LOADER, Role.TRANSFORMER, Role.BILLING, Role.OPERATOR, Role.INTAKE, Role.AUTOMATIONS)
    },
    _SERVER: (Role.ANALYST, Role.TENANT, Role.SERVER),
    DAGSTER: (),
}


class EmbeddedAddresses(Addresses):
    """Addresses whose logins `make` makes: their passwords follow from the owner's."""


def derived(owner_url: str) -> EmbeddedAddresses:
    """The addresses of all processes of the embedded server, from the owner's."""
    logins = {role: f"{role}{PROCESS_LOGIN}" for role in Role if role}
    logins |= {Role.ANALYST: _SERVER, Role.TENANT: _SERVER}
    return EmbeddedAddresses(owner_url, {role: _as_login(owner_url, login) for role, login in logins.items()})


def dagster_url(url: str) -> str:
    """The address under which Dagster keeps its own records: a login that reads and writes nothing else."""
    return _as_login(str(url), DAGSTER) if isinstance(url, EmbeddedAddresses) else url


def make(connection: psycopg.Connection[Any], url: EmbeddedAddresses) -> None:
    """Make the logins of `derived` addresses where they are missing, and give them their passwords. Safe to repeat."""
    with connection.transaction():
        for login, roles in _MAY_BECOME.items():
            name = sql.Identifier(login)
            ((_, _, _, exists),) = connection.execute(_LOGINS["known"], {"login": login}).fetchall()
            if not exists:
                connection.execute(_LOGINS["create_process"].format(login=name))
            if not exists or not database_logins.has_password(connection, login, _password(url, login)):
                database_logins.set_password(connection, login, _password(url, login))
            for role in roles:
                connection.execute(_LOGINS["grant_role"].format(role=sql.Identifier(role), login=name))
        connection.execute(_SQL["hand_over_dagster"].format(login=sql.Literal(DAGSTER)))


def with_other_passwords(connection: psycopg.Connection[Any], url: EmbeddedAddresses) -> list[str]:
    """Logins of processes that have another password than ours: a login may change its own, and so may a bug."""
    return [
        login for login in _MAY_BECOME if not database_logins.has_password(connection, login, _password(url, login))
    ]


def _as_login(owner_url: str, login: str) -> str:
    address = make_url(owner_url).set(username=login, password=_password(owner_url, login).reveal())
    return address.render_as_string(hide_password=False)


def _password(owner_url: str, login: str) -> Secret:
    owners = str(make_url(owner_url).password or "").encode()
    derived_key = hmac.digest(owners, f"minutebook process login {login}".encode(), hashlib.sha256)
    return Secret(base64.urlsafe_b64encode(derived_key).decode().rstrip("="))
