"""Who may sign in to the pages: logins, salted scrypt passwords, and sessions that no dump of this database resumes."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from warehouse import queries
from warehouse.errors import WarehouseError

LoginRole = Literal["operator", "finance", "tenant"]

SHORTEST_PASSWORD = 12
SESSION_SECONDS = 12 * 3600
# Five wrong passwords, then a quarter of an hour between tries: slow enough to make guessing pointless, short enough
# that nobody is locked out of a month's end by a stranger.
ALLOWED_FAILURES = 5
PAUSE_SECONDS = 15 * 60
# OWASP asks for 2**17 at least or 2**15 with p = 3; three passes keep a try at 32 MiB and about a quarter of a second.
_N, _R, _P = 2**15, 8, 3
_MEMORY_BYTES = 128 * 2**20
_LOGIN_ID = re.compile(r"[a-z0-9][a-z0-9@._+-]{0,253}")
_SQL = queries.load("logins")


class LoginError(WarehouseError):
    """A login cannot be made or changed; the message says why."""


@dataclass(frozen=True)
class SignedIn:
    """The person of a session. tenant_id is set for a tenant's login only."""

    login_id: str
    role: LoginRole
    tenant_id: str | None
    tenant_name: str


def add_login(connection: psycopg.Connection[Any], login_id: str, role: LoginRole, tenant_id: str | None) -> None:
    """Make a login without a password, which cannot sign in yet.

    Raises:
        LoginError: the name is no name, exists already, or role and tenant do not fit.
    """
    if not _LOGIN_ID.fullmatch(login_id):
        raise LoginError(
            "A login is 1 to 254 of a-z 0-9 @ . _ + -, such as ana@example.com, starting with a letter or digit."
        )
    if (role == "tenant") != (tenant_id is not None):
        raise LoginError("A login of role tenant names its tenant; logins of other roles name none.")
    try:
        with connection.transaction():
            made = connection.execute(
                _SQL["add_login"], {"login_id": login_id, "role": role, "tenant_id": tenant_id}
            ).fetchone()
    except psycopg.errors.ForeignKeyViolation:
        raise LoginError(f"There is no tenant {tenant_id}. `minutebook tenant list` names them.") from None
    if made is None:
        raise LoginError(
            f"Login {login_id} exists already. Set its password with `minutebook login password {login_id}`."
        )


def set_password(connection: psycopg.Connection[Any], login_id: str, password: str) -> None:
    """Set the password, enable the login, and end its sessions.

    Raises:
        LoginError: shorter than 12 characters, or no such login.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise LoginError(f"A password has at least {SHORTEST_PASSWORD} characters.")
    salt = secrets.token_bytes(16)
    values = {"salt": salt, "password_hash": _scrypt(password, salt, _N, _R, _P), "n": _N, "r": _R, "p": _P}
    with connection.transaction():
        if connection.execute(_SQL["set_password"], {"login_id": login_id, **values}).fetchone() is None:
            raise LoginError(f"There is no login {login_id}. Make it with `minutebook login add {login_id} --role …`.")
        connection.execute(_SQL["end_sessions_of"], {"login_id": login_id})


def disable(connection: psycopg.Connection[Any], login_id: str) -> None:
    """Let it sign in no more and end its sessions. Raises LoginError where there is no such enabled login."""
    with connection.transaction():
        if connection.execute(_SQL["disable"], {"login_id": login_id}).fetchone() is None:
            raise LoginError(f"There is no enabled login {login_id}.")
        connection.execute(_SQL["end_sessions_of"], {"login_id": login_id})


def list_logins(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """All logins with role, tenant and dates; never a hash."""
    return connection.cursor(row_factory=dict_row).execute(_SQL["logins"]).fetchall()


def sign_in(connection: psycopg.Connection[Any], login_id: str, password: str) -> str | None:
    """A new session's token, or None: unknown login, wrong password and too many tries look the same from outside."""
    limits = {"allowed_failures": ALLOWED_FAILURES, "pause_seconds": PAUSE_SECONDS}
    with connection.transaction():
        found = connection.execute(_SQL["password"], {"login_id": login_id, **limits}).fetchone()
        # An unknown login costs the same time as a known one, so that time does not tell which exist.
        salt, expected, n, r, p, must_wait = found or (b"\0" * 16, b"", _N, _R, _P, False)
        matches = hmac.compare_digest(_scrypt(password, salt, n, r, p), expected)
        if found is None or must_wait:
            return None
        if not matches:
            connection.execute(_SQL["count_failure"], {"login_id": login_id})
            return None
        connection.execute(_SQL["forget_failures"], {"login_id": login_id})
        connection.execute(_SQL["purge_expired_sessions"])
        token = secrets.token_urlsafe(32)
        session = {"token_hash": _digest(token), "login_id": login_id, "seconds": SESSION_SECONDS}
        connection.execute(_SQL["start_session"], session)
    return token


def session_of(connection: psycopg.Connection[Any], token: str) -> SignedIn | None:
    """The person of a session's token while the session lasts and the login is enabled."""
    found = connection.execute(_SQL["session"], {"token_hash": _digest(token)}).fetchone()
    return SignedIn(*found) if found else None


def sign_out(connection: psycopg.Connection[Any], token: str) -> None:
    """End the session; nothing happens where it ended already."""
    connection.execute(_SQL["end_session"], {"token_hash": _digest(token)})


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY_BYTES, dklen=32)
