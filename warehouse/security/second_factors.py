"""One-time codes of an authenticator as the second factor of who sees all tenants; recovery codes for who lost it.

The authenticator's secret is sealed under the platform's data key; recovery codes are kept as hashes, each good once.
"""

import secrets
from typing import Any

import psycopg
import pyotp
from psycopg.rows import dict_row

from warehouse import clock
from warehouse.database import queries
from warehouse.finding import Hint, Step
from warehouse.security.encryption import binding, seal, unseal
from warehouse.security.vault import Vault, one_at_a_time
from warehouse.security.web_logins import LoginError, digest

_SQL = queries.load("security/second_factors")
_LOGINS = queries.load("security/web_logins")
_RECOVERY_CODES = 10
_STEP_SECONDS = 30
Connection = psycopg.Connection[Any]


def proposed(vault: Vault, connection: Connection, login_id: str, token: str) -> str:
    """The secret to put into an authenticator, in base 32; the same for a session until a code confirms it.

    No other session is shown it: who knew a password before its owner had a second factor knows none of it then.
    """
    row = _row(connection, login_id)
    if row is None or not (row["is_confirmed"] or row["proposed_in"] == digest(token)):
        with connection.transaction():
            one_at_a_time(connection, None)
            data_key_id, data_key = vault.data_key(connection, None)
            sealed = seal(data_key, pyotp.random_base32().encode(), factor_binding(login_id, data_key_id))
            values = {"login_id": login_id, "data_key_id": data_key_id, "ciphertext": sealed}
            values["token_hash"] = digest(token)
            connection.execute(_SQL["propose_second_factor"], values)
        row = _row(connection, login_id)
    if row is None or row["is_confirmed"]:
        raise LoginError(f"{login_id} has a second factor", Hint(Step.RESET_FACTOR, {"login_id": login_id}))
    return _secret(vault, row, login_id)


def address_for_authenticator(secret: str, login_id: str) -> str:
    """The secret as an otpauth:// address."""
    return pyotp.TOTP(secret).provisioning_uri(name=login_id, issuer_name="Minutebook")


def confirm(vault: Vault, connection: Connection, login_id: str, code: str) -> list[str] | None:
    """Confirm the proposed secret by a code of it; recovery codes, shown this once, or None for a wrong code."""
    with connection.transaction():
        if not _is_code(vault, connection, login_id, code):
            return None
        made = ["-".join(secrets.token_hex(5)[at : at + 5] for at in (0, 5)) for _ in range(_RECOVERY_CODES)]
        connection.execute(_SQL["forget_recovery_codes"], {"login_id": login_id})
        for recovery in made:
            connection.execute(_SQL["add_recovery_code"], {"login_id": login_id, "code_hash": digest(recovery)})
        connection.execute(_SQL["confirm_second_factor"], {"login_id": login_id, "codes": len(made)})
    return made


def is_good(vault: Vault, connection: Connection, login_id: str, code: str) -> bool:
    """Whether it is the authenticator's code of now, not used yet, or a recovery code, which is used up by this."""
    code = code.strip().lower()
    with connection.transaction():
        if code.replace(" ", "").isdigit():
            return _is_code(vault, connection, login_id, code)
        values = {"login_id": login_id, "code_hash": digest(code)}
        return connection.execute(_SQL["use_recovery_code"], values).fetchone() is not None


def pass_session(connection: Connection, token: str) -> str | None:
    """Let the session in, under another token: whoever knew its former one stays out. None where it ended."""
    new = secrets.token_urlsafe(32)
    values = {"token_hash": digest(token), "new_hash": digest(new)}
    return new if connection.execute(_SQL["pass_session"], values).fetchone() else None


def reset(connection: Connection, login_id: str) -> None:
    """Take the second factor away and end the login's sessions: the next sign-in sets up another. In the audit log.

    Raises:
        LoginError: it has none.
    """
    with connection.transaction():
        if connection.execute(_SQL["reset_second_factor"], {"login_id": login_id}).fetchone() is None:
            raise LoginError(f"There is no login {login_id} with a second factor", Hint(Step.LIST_LOGINS))
        for statement in (
            _SQL["forget_second_factor"], _SQL["forget_recovery_codes"], _LOGINS["end_sessions_of"],
            _LOGINS["forget_devices"],
        ):  # fmt: skip
            connection.execute(statement, {"login_id": login_id})


def factor_binding(login_id: str, data_key_id: int) -> bytes:
    """What an authenticator's secret is bound to."""
    return binding("control.second_factors", login_id, data_key_id)


def _is_code(vault: Vault, connection: Connection, login_id: str, code: str) -> bool:
    row = _row(connection, login_id)
    if row is None:
        return False
    now, authenticator = clock.now(), pyotp.TOTP(_secret(vault, row, login_id))
    step = int(now.timestamp()) // _STEP_SECONDS
    for near in (step, step - 1, step + 1):  # clocks differ by a step
        if pyotp.utils.strings_equal(code.replace(" ", ""), authenticator.generate_otp(near)):
            values = {"login_id": login_id, "step": near}
            return connection.execute(_SQL["take_step"], values).fetchone() is not None
    return False


def _row(connection: Connection, login_id: str) -> dict[str, Any] | None:
    return connection.cursor(row_factory=dict_row).execute(_SQL["second_factor"], {"login_id": login_id}).fetchone()


def _secret(vault: Vault, row: dict[str, Any], login_id: str) -> str:
    data_key = vault.unwrapped(None, row["data_key_id"], row["master_key_id"], row["wrapped_key"])
    return unseal(data_key, row["ciphertext"], factor_binding(login_id, row["data_key_id"])).decode()
