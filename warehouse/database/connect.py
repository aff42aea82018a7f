"""Connections: one address, one role per kind of work, UTC, and no name looked up by search path.

Whoever connects must be allowed to act as the roles (the user that ran the migrations is), or there is a login for each
(`Addresses`): on the embedded server always, elsewhere where the settings name them. The role is a startup option, so
`RESET ALL` cannot drop it, and is read back; where a pooler drops or refuses options it is set (`session`).
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import psycopg
from psycopg.types.json import set_json_dumps, set_json_loads
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from warehouse.database.errors import DatabaseUnreachable, DatabaseUnsuitable
from warehouse.database.limits import OF_THE_NETWORK, OF_THE_SERVER
from warehouse.database.session import Session, backend_of, require_sessions
from warehouse.database.waiting import Noticing
from warehouse.finding import Hint, Step

# A number in JSON keeps its digits, out of the database and back into it.
set_json_loads(partial(json.loads, parse_float=Decimal))
set_json_dumps(msgspec.json.Encoder(decimal_format="number").encode)

OLDEST_MAJOR = 15
PROCESS_LOGIN = "_login"
"""How the names of the logins end that `warehouse.security.process_logins` makes."""
_REFUSED_OPTION = "unsupported startup parameter"

Place = tuple[str | None, int | None]
"""A host and a port."""
_takes_no_options: set[Place] = set()
Opened = TypeVar("Opened")


class Role(StrEnum):
    """Who acts; OWNER keeps the user of the address."""

    OWNER = ""
    LOADER = "minutebook_loader"
    TRANSFORMER = "minutebook_transformer"
    BILLING = "minutebook_billing"
    OPERATOR = "minutebook_operator"
    ANALYST = "minutebook_analyst"
    TENANT = "minutebook_tenant"
    SERVER = "minutebook_server"
    INTAKE = "minutebook_intake"
    AUTOMATIONS = "minutebook_automations"


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


def connect(url: str, role: Role, *, actor: str | None = None, autocommit: bool = False) -> Noticing:
    """A connection that acts as role, within its limits. actor is the person or process named in the audit log.

    Raises:
        DatabaseUnreachable: nothing answers there, or the credentials are refused.
        DatabaseUnsuitable: older than PostgreSQL 15, not migrated, or the user may not act as role.
    """
    address = _parse(url_for(url, role))
    session = Session(role.value, actor or "")
    try:
        place, ours = (address.host, address.port), _options(address, session)
        connection = with_options(place, ours, _given(address), lambda options: _open(address, options))
        try:
            _establish(connection, address, session)
        except BaseException:
            connection.close()
            raise
        connection.autocommit = autocommit
        connection.opener = partial(_who_may_ask, url, role)
    except psycopg.Error as error:
        problem = _explained(error, address, role)
    else:
        return connection
    # Raised outside the except block: the driver's own error, which may quote the address, is not chained to it.
    raise problem


def _who_may_ask(url: str, role: Role) -> psycopg.Connection[Any]:
    """For whom a reader waits the pages' role asks: no reader sees what others do."""
    asks = Role.SERVER if role in (Role.ANALYST, Role.TENANT) else role
    other = connect(url, asks, autocommit=True)
    other.opener = None
    return other


def opener(url: str, role: Role) -> type[psycopg.Connection[Any]]:
    """What a pool opens its connections by: each is one of `connect`."""

    class Acting(psycopg.Connection[Any]):
        @classmethod
        def connect(cls, conninfo: str = "", **kwargs: Any) -> psycopg.Connection[Any]:  # type: ignore[override]
            connection = connect(url, role)
            connection.prepare_threshold = kwargs.get("prepare_threshold", connection.prepare_threshold)
            return connection

    return Acting


def with_options(place: Place, ours: str, without: str, open_with: Callable[[str], Opened]) -> Opened:
    """What open_with opens, given our startup options; without ours where a pooler at place refuses them."""
    if place not in _takes_no_options:
        try:
            return open_with(ours)
        except Exception as error:
            if _REFUSED_OPTION not in str(error):
                raise
            _takes_no_options.add(place)
    return open_with(without)


def url_as(url: str, role: Role) -> str:
    """The same address, acting as role in UTC: for clients that open their own connections (dlt, ADBC).

    What they open is to be established as a `Session` all the same: a pooler may drop the options.
    """
    address = _parse(url_for(url, role))
    takes_options = (address.host, address.port) not in _takes_no_options
    options = _options(address, Session(role.value)) if takes_options else _given(address)
    # dlt renders the address again for ADBC and writes a space as +, which libpq does not read as one; a tab survives.
    return _libpq(address.update_query_dict({"options": re.sub(r"(?<!\\) ", "\t", options)}))


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
    return address.set(query={**OF_THE_NETWORK, "fallback_application_name": application(), **address.query})


def application() -> str:
    """How our sessions are named to whoever waits for them: by the command, never by what it was given."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    return f"minutebook {word}" if re.fullmatch(r"[a-z-]{2,20}", word) and word[0] != "-" else "minutebook"


def _libpq(address: URL) -> str:
    # libpq percent-decodes, but takes neither a space, nor a + for one; SQLAlchemy writes the former and the latter.
    before, question_mark, query = address.render_as_string(hide_password=False).partition("?")
    return before.replace(" ", "%20") + question_mark + query.replace("+", "%20")


def _open(address: URL, options: str) -> Noticing:
    plain = _libpq(address.difference_update_query(["options"]))
    return Noticing.connect(plain, options=options, autocommit=True)


def _establish(connection: psycopg.Connection[Any], address: URL, session: Session) -> None:
    major = connection.info.server_version // 10_000
    if major < OLDEST_MAJOR:
        raise DatabaseUnsuitable(
            f"PostgreSQL {major} at {_place(address)} is too old: Minutebook needs {OLDEST_MAJOR} or newer."
            " Upgrade the server or point MINUTEBOOK_DATABASE_URL at another."
        )
    # A pooler tells a client a backend's id of its own making. It is asked before the first setting, which in
    # transaction mode would be left to whoever comes next.
    if backend_of(connection) != connection.info.backend_pid:
        place = (address.host, address.port, address.database, address.username)
        require_sessions(place, _place(address), lambda: _in_transactions(_open(address, _given(address))))
    session.establish(connection.cursor())


def _in_transactions(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    connection.autocommit = False
    return connection


def _given(address: URL) -> str:
    given = address.query.get("options", "")
    return given if isinstance(given, str) else " ".join(given)


def _options(address: URL, session: Session) -> str:
    return f"{_given(address)} {startup_options(session)}".strip()


def startup_options(session: Session) -> str:
    """What a session is asked for at its start."""
    asked = {**session.settings(), **OF_THE_SERVER}
    return " ".join(f"-c {name}={_escaped(value)}" for name, value in asked.items())


def _escaped(value: str) -> str:
    return re.sub(r"([\\\s])", r"\\\1", value)


def _place(address: URL) -> str:
    return f"{address.host or 'the local socket'}:{address.port or 5432}/{address.database}"


def _explained(error: psycopg.Error, address: URL, role: Role) -> DatabaseUnreachable | DatabaseUnsuitable:
    said = hide_password(_libpq(address), " ".join(str(error).split()))
    if role and f'role "{role.value}" does not exist' in said:
        return DatabaseUnsuitable(
            f"{_place(address)} has no role {role.value}, which the migrations make", Hint(Step.INIT)
        )
    if role and "permission denied to set role" in said:
        return DatabaseUnsuitable(
            f"User {address.username} at {_place(address)} may not act as {role.value}:"
            f" run `grant {role.value} to {address.username}` as an administrator, or connect as the migrations' user."
        )
    if "password authentication failed" in said and str(address.username).endswith(PROCESS_LOGIN):
        return DatabaseUnsuitable(
            f"{_place(address)} has no login {address.username} of these settings", Hint(Step.INIT)
        )
    if "password authentication failed" in said or "no password supplied" in said:
        advice = "Check the user and password in MINUTEBOOK_DATABASE_URL."
    elif "does not exist" in said:
        advice = "Create the database and user, or correct their names in MINUTEBOOK_DATABASE_URL."
    else:
        advice = "Check host, port and network in MINUTEBOOK_DATABASE_URL, and that the server runs."
    return DatabaseUnreachable(f"Cannot connect to {_place(address)}. {advice} The server said: {said}")
