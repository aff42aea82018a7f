"""Who may sign in to the pages: logins, their passwords, and sessions that no dump of this database resumes."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import psycopg
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg.rows import dict_row

from warehouse.database import queries
from warehouse.database.errors import WarehouseError
from warehouse.finding import Hint, Step

LoginRole = Literal["operator", "finance", "tenant"]
Standing = Literal["open", "code", "enrolment"]

SHORTEST_PASSWORD = 12
SESSION_SECONDS = 12 * 3600
DEVICE_DAYS = 180
LINK_HOURS = 72
# OWASP's Argon2id of 19 MiB and two passes: a few dozen milliseconds on one core, since tries are made one at a time.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_LOGIN_ID = re.compile(r"[a-z0-9][a-z0-9@._+-]{0,253}")
_SQL = queries.load("security/web_logins")
Connection = psycopg.Connection[Any]


class LoginError(WarehouseError):
    """A login cannot be made or changed; the message says why."""


@dataclass(frozen=True)
class SignedIn:
    """The person of a session. tenant_id is set for a tenant's login only.

    standing says what the session waits for: a one-time code, or that a second factor is set up, or nothing.
    """

    login_id: str
    role: LoginRole
    tenant_id: str | None
    tenant_name: str
    standing: Standing


@dataclass(frozen=True)
class Link:
    """The token of a link that sets a password once. Stored nowhere: show it, or send it."""

    token: str
    expires_at: datetime
    is_invitation: bool

    @property
    def path(self) -> str:
        """Where the pages take it."""
        return f"/password/{self.token}"


@dataclass(frozen=True)
class Linked:
    """Whose password a link sets; is_invitation: it is their first."""

    login_id: str
    role: LoginRole
    tenant_id: str | None
    tenant_name: str
    is_invitation: bool


def add_login(connection: Connection, login_id: str, role: LoginRole, tenant_id: str | None) -> None:
    """Make a login without a password, which cannot sign in yet.

    Raises:
        LoginError: the name is no name, exists already, or role and tenant do not fit.
    """
    if not is_login_id(login_id):
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
        raise LoginError(f"There is no tenant {tenant_id}", Hint(Step.LIST_TENANTS)) from None
    if made is None:
        raise LoginError(f"Login {login_id} exists already", Hint(Step.SET_PASSWORD, {"login_id": login_id}))


def is_login_id(text: str) -> bool:
    """Whether a login can be called so."""
    return _LOGIN_ID.fullmatch(text) is not None


def set_password(connection: Connection, login_id: str, password: str) -> None:
    """Set the password, enable the login, end its sessions, and forget its devices and link.

    Raises:
        LoginError: shorter than 12 characters, or no such login.
    """
    values = {"login_id": login_id, "password_hash": hashed(password)}
    with connection.transaction():
        if connection.execute(_SQL["set_password"], values).fetchone() is None:
            raise LoginError(f"There is no login {login_id}", Hint(Step.CREATE_LOGIN, {"login_id": login_id}))
        _shut_out(connection, login_id)


def change_password(connection: Connection, login_id: str, former_hash: str, password_hash: str) -> bool:
    """Replace a password by another, as `set_password` does, for who gave the former one. Returns False, and changes
    nothing, where the login was disabled since, or its password changed.
    """
    values = {"login_id": login_id, "former_hash": former_hash, "password_hash": password_hash}
    with connection.transaction():
        if connection.execute(_SQL["change_password"], values).fetchone() is None:
            return False
        _shut_out(connection, login_id)
    return True


def hashed(password: str) -> str:
    """A password's hash. Slow on purpose: hold no connection meanwhile. Raises LoginError below 12 characters."""
    if len(password) < SHORTEST_PASSWORD:
        raise LoginError(f"A password has at least {SHORTEST_PASSWORD} characters.")
    return _HASHER.hash(password)


def invite(connection: Connection, login_id: str, role: LoginRole, tenant_id: str | None) -> Link:
    """A link for a new login to set its first password; a login that has set none yet gets another link.

    Raises:
        LoginError: the name is no name, or role and tenant do not fit, or the login is another's or has a password.
    """
    with connection.transaction():
        known = connection.execute(_SQL["known"], {"login_id": login_id}).fetchone()
        if known != (role, tenant_id, True):
            add_login(connection, login_id, role, tenant_id)
        return reset_by_link(connection, login_id)


def reset_by_link(connection: Connection, login_id: str) -> Link:
    """A link that sets another password, and replaces a former link; until then the present password holds.

    Raises:
        LoginError: no such login.
    """
    token = secrets.token_urlsafe(32)
    values = {"login_id": login_id, "token_hash": digest(token), "hours": LINK_HOURS}
    made = connection.execute(_SQL["put_link"], values).fetchone()
    if made is None:
        raise LoginError(f"There is no login {login_id}", Hint(Step.CREATE_LOGIN, {"login_id": login_id}))
    return Link(token, *made)


def forgotten(connection: Connection, login_id: str) -> Link | None:
    """A link for who says that they forgot a password; None where no enabled login with a password is called so."""
    known, _ = password_of(connection, login_id, "")
    return reset_by_link(connection, login_id) if known else None


def link_of(connection: Connection, token: str) -> Linked | None:
    """Whose link it is; None for one that was used, replaced or is too old."""
    found = connection.execute(_SQL["link"], {"token_hash": digest(token)}).fetchone()
    return Linked(*found) if found else None


def use_link(connection: Connection, token: str, password_hash: str) -> str | None:
    """Set the password as `set_password` does, and return the link's login; None for a link that is no more."""
    with connection.transaction():
        used = connection.execute(_SQL["use_link"], {"token_hash": digest(token)}).fetchone()
        if used is None:
            return None
        login_id: str = used[0]
        connection.execute(_SQL["set_password"], {"login_id": login_id, "password_hash": password_hash})
        _shut_out(connection, login_id)
    return login_id


def disable(connection: Connection, login_id: str) -> None:
    """Let it sign in no more and end its sessions. Raises LoginError where there is no such enabled login."""
    with connection.transaction():
        if connection.execute(_SQL["disable"], {"login_id": login_id}).fetchone() is None:
            raise LoginError(f"There is no enabled login {login_id}.")
        _shut_out(connection, login_id)


def list_logins(connection: Connection) -> list[dict[str, Any]]:
    """All logins with role, tenant and dates; never a hash."""
    return connection.cursor(row_factory=dict_row).execute(_SQL["logins"]).fetchall()


def password_of(connection: Connection, login_id: str, device: str) -> tuple[str | None, bool]:
    """The password's hash (None: no such login, or none that may sign in), and whether the device is known for it."""
    found = connection.execute(_SQL["password"], {"login_id": login_id, "device_hash": digest(device)}).fetchone()
    return found or (None, False)


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether it is the password; a missing hash takes as long. Slow on purpose: hold no connection meanwhile."""
    try:
        return _HASHER.verify(password_hash or _nobodys_hash(), password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def start_session(
    connection: Connection, login_id: str, password_hash: str, *, device: str, client: str = "", browser: str = ""
) -> str | None:
    """A new session's token for who gave this password, from a device that is known from now on.

    None where the password was changed, or the login disabled, since the hash was read.
    """
    token = secrets.token_urlsafe(32)
    values = {
        "token_hash": digest(token),
        "login_id": login_id,
        "password_hash": password_hash,
        "seconds": SESSION_SECONDS,
        "client": client[:100],
        "browser": browser[:200],
    }
    with connection.transaction():
        connection.execute(_SQL["purge_expired_sessions"])
        connection.execute(_SQL["forget_old_devices"], {"days": DEVICE_DAYS})
        if connection.execute(_SQL["start_session"], values).fetchone() is None:
            return None
        connection.execute(_SQL["remember_device"], {"device_hash": digest(device), "login_id": login_id})
    return token


def session_of(connection: Connection, token: str) -> SignedIn | None:
    """The person of a session's token while the session lasts and the login is enabled."""
    found = connection.execute(_SQL["session"], {"token_hash": digest(token)}).fetchone()
    return SignedIn(*found) if found else None


def sessions(connection: Connection, login_id: str | None = None, token: str = "") -> list[dict[str, Any]]:
    """The sessions that last, of one login or of all; is_this marks the one of the token."""
    values = {"login_id": login_id, "token_hash": digest(token)}
    return connection.cursor(row_factory=dict_row).execute(_SQL["sessions"], values).fetchall()


def revoke_session(connection: Connection, login_id: str, session_id: str | UUID) -> None:
    """End one session of a login. Raises LoginError where it has none such."""
    values = {"login_id": login_id, "session_id": str(session_id)}
    if connection.execute(_SQL["revoke_session"], values).fetchone() is None:
        raise LoginError(f"{login_id} has no session {session_id}", Hint(Step.LIST_SESSIONS, {"login_id": login_id}))


def sign_out_everywhere(connection: Connection, login_id: str) -> int:
    """End all sessions of a login, and return how many that were. Raises LoginError where there is no such login."""
    if connection.execute(_SQL["known"], {"login_id": login_id}).fetchone() is None:
        raise LoginError(f"There is no login {login_id}", Hint(Step.LIST_LOGINS))
    return connection.execute(_SQL["end_sessions_of"], {"login_id": login_id}).rowcount


def sign_out(connection: Connection, token: str) -> None:
    """End the session; nothing happens where it ended already."""
    connection.execute(_SQL["end_session"], {"token_hash": digest(token)})


def digest(token: str) -> bytes:
    """How a token is kept."""
    return sha256(token.encode(errors="surrogatepass")).digest()


def _shut_out(connection: Connection, login_id: str) -> None:
    connection.execute(_SQL["end_sessions_of"], {"login_id": login_id})
    connection.execute(_SQL["forget_devices"], {"login_id": login_id})
    connection.execute(_SQL["forget_link"], {"login_id": login_id})


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(secrets.token_urlsafe())
