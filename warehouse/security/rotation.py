"""Changing keys while work goes on: of a provider, of a tenant's data. (A master key: `Vault.rewrap`.)

Each step is one transaction, so an interruption leaves the former state, or the next one, and both work; the same
command again goes on from there. Needs the operator's role.
"""

import secrets
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from warehouse.database import queries
from warehouse.database.errors import CredentialMissing, VaultError
from warehouse.finding import Hint, Step
from warehouse.security.encryption import seal, unseal
from warehouse.security.second_factors import factor_binding
from warehouse.security.vault import (
    Credential,
    Secret,
    Vault,
    credential_binding,
    endpoint_binding,
    fingerprint,
    hook_binding,
    one_at_a_time,
)

_SQL = queries.load("security/rotation")
_VAULT = queries.load("security/vault")
Connection = psycopg.Connection[Any]


def stage(vault: Vault, connection: Connection, tenant_id: str | None, provider: str, secret: Secret) -> int:
    """Store the successor of a live credential beside it and return its id; a former candidate is dropped.

    Raises:
        CredentialMissing: there is none to succeed. VaultError: empty.
    """
    value = secret.reveal().strip()
    if not value:
        raise VaultError(f"The {provider} secret is empty.")
    owner = {"tenant_id": tenant_id, "provider": provider}
    with connection.transaction():
        one_at_a_time(connection, tenant_id)
        _live(connection, owner)
        data_key_id, data_key = vault.data_key(connection, tenant_id)
        ((credential_id,),) = connection.execute(_VAULT["next_credential_id"]).fetchall()
        bound_to = credential_binding(tenant_id, provider, credential_id, data_key_id)
        row = {
            **owner,
            "credential_id": credential_id,
            "data_key_id": data_key_id,
            "ciphertext": seal(data_key, value.encode(), bound_to),
            "fingerprint": fingerprint(data_key, value),
        }
        connection.execute(_SQL["drop_candidate"], owner)
        connection.execute(_SQL["add_candidate"], row)
    return int(credential_id)


def candidate(vault: Vault, connection: Connection, tenant_id: str | None, provider: str) -> Credential:
    """The successor that waits, opened, to ask the provider about it. Raises CredentialMissing, VaultError."""
    owner = {"tenant_id": tenant_id, "provider": provider}
    _, settings, _ = _live(connection, owner)
    row = connection.execute(_SQL["candidate"], owner).fetchone()
    if row is None:
        raise CredentialMissing(f"No {provider} key waits to be verified", Hint(Step.ROTATE_CREDENTIAL))
    credential_id, ciphertext, data_key_id, master_key_id, wrapped = row
    connection.execute(_VAULT["record_use"], {"credential_id": credential_id})
    data_key = vault.unwrapped(tenant_id, data_key_id, master_key_id, wrapped)
    value = unseal(data_key, ciphertext, credential_binding(tenant_id, provider, credential_id, data_key_id))
    return Credential(credential_id, Secret(value.decode()), settings, tenant_id, provider)


def promote(connection: Connection, successor: Credential) -> None:
    """Put the successor, which its provider accepted, in the place of the live credential, with its settings.

    Raises:
        CredentialMissing: it is no longer the candidate, since another took its place meanwhile.
    """
    owner = {"tenant_id": successor.tenant_id, "provider": successor.provider}
    with connection.transaction():
        one_at_a_time(connection, successor.tenant_id)
        _, settings, used_from = _live(connection, owner)
        connection.execute(_VAULT["retire"], owner)
        row = {**owner, "credential_id": successor.credential_id, "settings": Jsonb(settings), "used_from": used_from}
        if connection.execute(_SQL["promote"], row).fetchone() is None:
            raise CredentialMissing("Another key was stored meanwhile", Hint(Step.ROTATE_CREDENTIAL))
        connection.execute(_SQL["drop_candidate"], owner)


def discard(connection: Connection, tenant_id: str | None, provider: str) -> None:
    """Drop the successor, which its provider refused; the live credential stays."""
    connection.execute(_SQL["drop_candidate"], {"tenant_id": tenant_id, "provider": provider})


def rotate_data_key(vault: Vault, connection: Connection, tenant_id: str | None) -> int:
    """Seal everything of an owner (None: the platform) under a new data key and return how many secrets that were.

    Retired credentials too: the former data key is gone afterwards. Who reads meanwhile reads the former or the new.
    """
    owner = {"tenant_id": tenant_id}
    count = 0
    with connection.transaction():
        one_at_a_time(connection, tenant_id)
        row = connection.execute(_SQL["data_key"], owner).fetchone()
        if row is None:
            raise CredentialMissing("Nothing is stored under a data key of its own.")
        data_key_id = row[0]
        former, new = vault.unwrapped(tenant_id, *row), secrets.token_bytes(32)
        for kind in ("credential", "candidate"):
            rows = connection.execute(_SQL[f"sealed_{kind}s"], {"data_key_id": data_key_id}).fetchall()
            for credential_id, provider, ciphertext in rows:
                bound_to = credential_binding(tenant_id, provider, credential_id, data_key_id)
                value = unseal(former, ciphertext, bound_to)
                again = {
                    "credential_id": credential_id,
                    "ciphertext": seal(new, value, bound_to),
                    "fingerprint": fingerprint(new, value.decode()),
                }
                connection.execute(_SQL[f"reseal_{kind}"], again)
            count += len(rows)
        count += _reseal_endpoints(connection, tenant_id, data_key_id, former, new)
        if tenant_id is None:
            count += _reseal_second_factors(connection, data_key_id, former, new)
        count += _reseal_hooks(connection, data_key_id, former, new)
        connection.execute(_VAULT["rewrap"], {**vault.wrapped(tenant_id, data_key_id, new), "data_key_id": data_key_id})
    return count


def _reseal_endpoints(
    connection: Connection, tenant_id: str | None, data_key_id: int, former: bytes, new: bytes
) -> int:
    rows = connection.execute(_SQL["sealed_endpoints"], {"data_key_id": data_key_id}).fetchall()
    for endpoint_id, ciphertext in rows:
        bound_to = endpoint_binding(tenant_id, endpoint_id, data_key_id)
        again = {"endpoint_id": endpoint_id, "ciphertext": seal(new, unseal(former, ciphertext, bound_to), bound_to)}
        connection.execute(_SQL["reseal_endpoint"], again)
    return len(rows)


def _reseal_second_factors(connection: Connection, data_key_id: int, former: bytes, new: bytes) -> int:
    rows = connection.execute(_SQL["sealed_second_factors"], {"data_key_id": data_key_id}).fetchall()
    for login_id, ciphertext in rows:
        bound_to = factor_binding(login_id, data_key_id)
        again = {"login_id": login_id, "ciphertext": seal(new, unseal(former, ciphertext, bound_to), bound_to)}
        connection.execute(_SQL["reseal_second_factor"], again)
    return len(rows)


def _reseal_hooks(connection: Connection, data_key_id: int, former: bytes, new: bytes) -> int:
    rows = connection.execute(_SQL["sealed_hooks"], {"data_key_id": data_key_id}).fetchall()
    for hook_id, ciphertext in rows:
        bound_to = hook_binding(hook_id, data_key_id)
        again = {"hook_id": hook_id, "ciphertext": seal(new, unseal(former, ciphertext, bound_to), bound_to)}
        connection.execute(_SQL["reseal_hook"], again)
    return len(rows)


def owners(connection: Connection) -> list[str | None]:
    """Whoever has a data key: the platform (None), then tenants."""
    return [tenant_id for (tenant_id,) in connection.execute(_SQL["owners"]).fetchall()]


def _live(connection: Connection, owner: dict[str, str | None]) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(_SQL["live"], owner).fetchone()
    if row is None:
        raise CredentialMissing(f"There is no {owner['provider']} credential to rotate: store it with credential set.")
    return row
