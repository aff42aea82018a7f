"""Providers' secrets, sealed: AES-256-GCM under a data key per tenant, each wrapped by a master key of the environment.

    master key (environment) ──wraps──▶ data key (control.data_keys) ──seals──▶ secret (control.credentials)

Each ciphertext is bound to its table, tenant, provider and row, so one that is edited, or moved to another row, does
not open (`sealing`). Rotation is in `rotation`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from warehouse.database import queries
from warehouse.database.errors import CredentialMissing, MasterKeyMissing, VaultError
from warehouse.finding import Hint, Step
from warehouse.security.encryption import binding, seal, unseal
from warehouse.security.master_keys import MasterKey, WrappingKey

__all__ = ["Credential", "MasterKey", "Secret", "Vault"]

_SQL = queries.load("security/vault")


class Secret:
    """A secret that is shown by `reveal()` and by nothing else: not by repr, str, format, pickle or a traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a Secret does not leave its process")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True)
class Credential:
    """A live credential. tenant_id is None for the platform's own."""

    credential_id: int
    secret: Secret
    settings: dict[str, Any]
    tenant_id: str | None
    provider: str


def one_line(text: str) -> str:
    """A secret as it was typed or pasted, without the blanks around it. Raises VaultError for one that is no key."""
    secret = text.strip()
    if not secret or any(character.isspace() or not character.isprintable() for character in secret):
        raise VaultError("A secret is one line without blanks; check what was pasted.")
    return secret


class Vault:
    """Seals with the newest of the master keys; opens with any of them."""

    def __init__(self, master_keys: Sequence[WrappingKey]) -> None:
        if not master_keys:
            raise MasterKeyMissing("No master key is configured: set MINUTEBOOK_MASTER_KEYS.")
        self._newest = master_keys[0]
        self._master_keys = {key.key_id: key for key in master_keys}

    def __repr__(self) -> str:
        return f"Vault({', '.join(self._master_keys)})"

    def set_credential(
        self,
        connection: psycopg.Connection[Any],
        tenant_id: str | None,
        provider: str,
        secret: str | Secret,
        settings: Mapping[str, Any] | None = None,
        used_from: date | None = None,
    ) -> int:
        """Store a secret as the live credential of a tenant (None: the platform) and return its id.

        The one it replaces is retired in the same transaction; storing the same again changes nothing. used_from is the
        first usage date read with a tenant's own account; None keeps that of the credential it replaces, if any. Needs
        the operator's role.

        Raises:
            VaultError: empty secret, unknown tenant or provider. MasterKeyMissing: see `secret`.
        """
        value = (secret.reveal() if isinstance(secret, Secret) else secret).strip()
        if not value:
            raise VaultError(f"The {provider} secret is empty.")
        owner = {"tenant_id": tenant_id, "provider": provider}
        try:
            with connection.transaction():
                one_at_a_time(connection, tenant_id)
                data_key_id, data_key = self.data_key(connection, tenant_id)
                wanted = {
                    **owner,
                    "settings": Jsonb(dict(settings or {})),
                    "fingerprint": fingerprint(data_key, value),
                    "used_from": used_from,
                }
                if same := connection.execute(_SQL["live_and_same"], wanted).fetchone():
                    return int(same[0])
                ((credential_id,),) = connection.execute(_SQL["next_credential_id"]).fetchall()
                bound_to = credential_binding(tenant_id, provider, credential_id, data_key_id)
                sealed = {"data_key_id": data_key_id, "ciphertext": seal(data_key, value.encode(), bound_to)}
                if (retired := connection.execute(_SQL["retire"], owner).fetchone()) and used_from is None:
                    wanted["used_from"] = retired[0]
                connection.execute(_SQL["add"], {**wanted, **sealed, "credential_id": credential_id})
        except (psycopg.errors.ForeignKeyViolation, psycopg.errors.CheckViolation):
            raise VaultError(f"There is no tenant {tenant_id}, or no provider {provider}.") from None
        return int(credential_id)

    def secret(self, connection: psycopg.Connection[Any], tenant_id: str | None, provider: str) -> Credential:
        """The live credential of a tenant (None: the platform's own), opened. The loader may do this.

        Each use is in the audit log: commit before the secret leaves the process.

        Raises:
            CredentialMissing: none is stored, or it was retired.
            MasterKeyMissing: it is wrapped by a master key that is not among this vault's.
            VaultError: the row was edited or moved.
        """
        row = connection.execute(_SQL["live"], {"tenant_id": tenant_id, "provider": provider}).fetchone()
        if row is None:
            raise CredentialMissing(
                f"No {provider} credential is stored for {_name(tenant_id)}", Hint(Step.SET_CREDENTIAL)
            )
        credential_id, settings, ciphertext, data_key_id, master_key_id, wrapped = row
        connection.execute(_SQL["record_use"], {"credential_id": credential_id})
        data_key = self.unwrapped(tenant_id, data_key_id, master_key_id, wrapped)
        value = unseal(data_key, ciphertext, credential_binding(tenant_id, provider, credential_id, data_key_id))
        return Credential(credential_id, Secret(value.decode()), settings, tenant_id, provider)

    def rewrap(self, connection: psycopg.Connection[Any]) -> int:
        """Wrap every data key under the newest master key and return how many were not; secrets stay as they are.

        Afterwards the older master keys may go. Processes that know both go on working meanwhile. Needs the operator's
        role; all or nothing.
        """
        with connection.transaction():
            rows = connection.execute(_SQL["wrapped_otherwise"], [self._newest.key_id]).fetchall()
            for data_key_id, tenant_id, master_key_id, wrapped in rows:
                data_key = self.unwrapped(tenant_id, data_key_id, master_key_id, wrapped)
                again = self.wrapped(tenant_id, data_key_id, data_key)
                connection.execute(_SQL["rewrap"], {**again, "data_key_id": data_key_id})
        return len(rows)

    def data_key(self, connection: psycopg.Connection[Any], tenant_id: str | None) -> tuple[int, bytes]:
        """The owner's data key, made if it has none; the caller holds the owner's lock."""
        row = connection.execute(_SQL["data_key"], {"tenant_id": tenant_id}).fetchone()
        if row is not None:
            return row[0], self.unwrapped(tenant_id, *row)
        data_key = secrets.token_bytes(32)
        ((data_key_id,),) = connection.execute(_SQL["next_data_key_id"]).fetchall()
        made = self.wrapped(tenant_id, data_key_id, data_key)
        connection.execute(_SQL["add_data_key"], {**made, "tenant_id": tenant_id, "data_key_id": data_key_id})
        return data_key_id, data_key

    def wrapped(self, tenant_id: str | None, data_key_id: int, data_key: bytes) -> dict[str, Any]:
        """The columns of a data key's row, wrapped by the newest master key."""
        key_id = self._newest.key_id
        bound_to = _data_key_binding(tenant_id, data_key_id, key_id)
        return {"master_key_id": key_id, "wrapped_key": self._newest.wrap(data_key, bound_to)}

    def unwrapped(self, tenant_id: str | None, data_key_id: int, master_key_id: str, wrapped: bytes) -> bytes:
        """A data key, opened by whichever master key wrapped it. Raises MasterKeyMissing, VaultError."""
        master_key = self._master_keys.get(master_key_id)
        if master_key is None:
            raise MasterKeyMissing(
                f"The secrets of {_name(tenant_id)} are under master key {master_key_id}, which is not configured"
                f" (there are: {', '.join(self._master_keys)}). Add it to MINUTEBOOK_MASTER_KEYS."
            )
        return master_key.unwrap(bytes(wrapped), _data_key_binding(tenant_id, data_key_id, master_key_id))


def one_at_a_time(connection: psycopg.Connection[Any], tenant_id: str | None) -> None:
    """Until the transaction ends, nobody else writes secrets of this owner, None being the platform."""
    connection.execute(_SQL["one_at_a_time"], {"tenant_id": tenant_id})


def fingerprint(data_key: bytes, value: str) -> str:
    """Distinguishes two secrets of one owner, and reveals nothing about either."""
    return hmac.digest(data_key, value.encode(), hashlib.sha256)[:8].hex()


def _name(tenant_id: str | None) -> str:
    return "the platform" if tenant_id is None else f"tenant {tenant_id}"


def _data_key_binding(tenant_id: str | None, data_key_id: int, master_key_id: str) -> bytes:
    return binding("control.data_keys", tenant_id, data_key_id, master_key_id)


def credential_binding(tenant_id: str | None, provider: str, credential_id: int, data_key_id: int) -> bytes:
    """What a secret's ciphertext is bound to."""
    return binding("control.credentials", tenant_id, provider, credential_id, data_key_id)


def hook_binding(hook_id: str, data_key_id: int) -> bytes:
    """What the ciphertext of a hook's secret is bound to."""
    return binding("control.hooks", hook_id, data_key_id)


def endpoint_binding(tenant_id: str | None, endpoint_id: str, data_key_id: int) -> bytes:
    """What an endpoint's address and signing secret are bound to."""
    return binding("control.endpoints", tenant_id, endpoint_id, data_key_id)
