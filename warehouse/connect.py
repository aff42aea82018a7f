"""Connections: one address, one role per kind of work, UTC, and no name looked up by search path.

Whoever connects must be allowed to act as the roles (the user that ran the migrations is), or there is a login for each
(`Addresses`): on the embedded server always, elsewhere where the settings name them. The role is set by a startup
option, so `RESET ALL` or a rollback cannot drop it.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import psycopg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from warehouse.errors import DatabaseUnreachable, DatabaseUnsuitable

OLDEST_MAJOR = 15
PROCESS_LOGIN = "_login"
"""How the names of the logins end that `warehouse.process_logins` makes."""
_CONNECT_SECONDS = 15


class Role(StrEnum):
    """Who acts; OWNER keeps the user of the address."""

    OWNER = ""
    LOADER = "minutebook_loader"
    TRANSFORMER = "minutebook_transformer"
    BILLING = "minutebook_billing"
    OPERATOR = "minutebook_operator"
    ANALYST = "minutebook_analyst"
    TENANT = "minutebook_tenant"


class Addresses(str):
    """The owner's URL of a server on which each role has a login of its own, which can act as nothing else.

    It is a URL for whoever asks for the owner; `connect` and `url_as` take the role's login instead.
    """

    logins: Mapping[Role, str]

    def __new__(cls, url: str, logins: Mapping[Role, str]) -> "Addresses":
        """logins: the URL of each role that has one."""
        made = super().__new__(cls, url)
        made.logins = logins
        return made

    def __repr__(self) -> str:
        return "Addresses(***)"


def url_for(url: str, role: Role) -> str:
    """The address with which a process of this role connects; it still has to act as it."""
    return url.logins.get(role, str(url)) if isinstance(url, Addresses) else url


def connect(url: str, role: Role, *, actor: str | None = None, autocommit: bool = False) -> psycopg.Connection[Any]:
    """A connection that acts as role. actor is the person or process named in the audit log.

    Raises:
        DatabaseUnreachable: nothing answers there, or the credentials are refused.
        DatabaseUnsuitable: older than PostgreSQL 15, not migrated, or the user may not act as role.
    """
    address = _parse(url_for(url, role))
    options = _options(address, role, {"timezone": "UTC", "search_path": "", "minutebook.actor": actor or ""})
    try:
        connection = psycopg.connect(
            _libpq(address.difference_update_query(["options"])), options=options, autocommit=autocommit
        )
    except psycopg.Error as error:
        problem = _explained(error, address, role)
    else:
        if connection.info.server_version >= OLDEST_MAJOR * 10_000:
            return connection
        major = connection.info.server_version // 10_000
        connection.close()
        problem = DatabaseUnsuitable(
            f"PostgreSQL {major} at {_place(address)} is too old: Minutebook needs {OLDEST_MAJOR} or newer."
            " Upgrade the server or point MINUTEBOOK_DATABASE_URL at another."
        )
    # Raised outside the except block: the driver's own error, which may quote the address, is not chained to it.
    raise problem


def url_as(url: str, role: Role) -> str:
    """The same address, acting as role in UTC: for clients that open their own connections (dlt, ADBC, dbt)."""
    address = _parse(url_for(url, role))
    # dlt renders the address anew for ADBC and writes a space as +, which libpq does not read as one; a tab survives.
    options = re.sub(r"(?<!\\) ", "\t", _options(address, role, {"timezone": "UTC"}))
    return _libpq(address.update_query_dict({"options": options}))


def hide_password(url: str, text: str) -> str:
    """text without the passwords of url, should a driver have quoted one."""
    for address in (url, *(url.logins.values() if isinstance(url, Addresses) else ())):
        password = str(make_url(address).password or "")
        for form in filter(None, (password, quote(password, safe=""), quote(password, safe=" +"))):
            text = text.replace(form, "***")
    return text


def _parse(url: str) -> URL:
    try:
        address = make_url(url)
        is_postgres = address.get_backend_name() in ("postgresql", "postgres")
    except (ArgumentError, ValueError):
        is_postgres = False
    if not is_postgres or not address.database or "@" in (address.host or ""):
        raise DatabaseUnreachable(
            "MINUTEBOOK_DATABASE_URL is not a PostgreSQL URL. Write postgresql://user:password@host:port/database, with"
            " special characters of the password percent-encoded (@ as %40, / as %2F, # as %23)."
        )
    address = address.set(drivername="postgresql")
    if "connect_timeout" not in address.query:
        address = address.update_query_dict({"connect_timeout": str(_CONNECT_SECONDS)})
    return address


def _libpq(address: URL) -> str:
    # libpq percent-decodes, but takes neither a space, nor a + for one; SQLAlchemy writes the former and the latter.
    before, question_mark, query = address.render_as_string(hide_password=False).partition("?")
    return before.replace(" ", "%20") + question_mark + query.replace("+", "%20")


def _options(address: URL, role: Role, settings: dict[str, str]) -> str:
    given = address.query.get("options", "")
    wanted = {"role": role.value, **settings} if role else settings
    rendered = [f"-c {name}={_escaped(value)}" for name, value in wanted.items()]
    return " ".join([*([given] if isinstance(given, str) else given), *rendered]).strip()


def _escaped(value: str) -> str:
    return re.sub(r"([\\\s])", r"\\\1", value)


def _place(address: URL) -> str:
    return f"{address.host or 'the local socket'}:{address.port or 5432}/{address.database}"


def _explained(error: psycopg.Error, address: URL, role: Role) -> DatabaseUnreachable | DatabaseUnsuitable:
    said = hide_password(_libpq(address), " ".join(str(error).split()))
    if role and f'role "{role.value}" does not exist' in said:
        return DatabaseUnsuitable(
            f"{_place(address)} has no role {role.value}: run `minutebook init`, which applies the migrations."
        )
    if role and "permission denied to set role" in said:
        return DatabaseUnsuitable(
            f"User {address.username} at {_place(address)} may not act as {role.value}:"
            f" run `grant {role.value} to {address.username}` as an administrator, or connect as the migrations' user."
        )
    if "password authentication failed" in said and str(address.username).endswith(PROCESS_LOGIN):
        return DatabaseUnsuitable(
            f"{_place(address)} has no login {address.username} of these settings: run `minutebook init`."
        )
    if "password authentication failed" in said or "no password supplied" in said:
        advice = "Check the user and password in MINUTEBOOK_DATABASE_URL."
    elif "does not exist" in said:
        advice = "Create the database and user, or correct their names in MINUTEBOOK_DATABASE_URL."
    else:
        advice = "Check host, port and network in MINUTEBOOK_DATABASE_URL, and that the server runs."
    return DatabaseUnreachable(f"Cannot connect to {_place(address)}. {advice} The server said: {said}")
