"""Hooks: the addresses to which providers report rows of one account as they happen, and what was heard at them.

A hook's id is 128 random bits; the secret that proves a delivery is sealed like a credential. An account has two valid
hooks of a provider at most, so that one can be replaced while the other is in use.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from warehouse.database import queries
from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Row
from warehouse.security.encryption import seal, unseal
from warehouse.security.vault import Secret, Vault, hook_binding, one_at_a_time

FILE = "intake/hooks"
_SQL = queries.load(FILE)
_NOT_ADOPTED = {
    "unheard": "No hook of {account} was told of {row_id}.",
    "gone": "{row_id} of {day} was deleted at its provider.",
    "unread": "{day} was not read since {row_id} was reported: pull it first, it may be listed.",
    "listed": "{row_id} of {day} is listed by its provider, or set aside: what is listed is the record.",
    "unmeasured": "No report of {row_id} of {day} says when it ended.",
}


class HookRefused(WarehouseError):
    """A hook cannot be made or revoked; the message says why and what to do."""


@dataclass(frozen=True)
class Hook:
    """What is known of an address that was given out. tenant_id None: the platform's account."""

    provider: str
    tenant_id: str | None
    method: str
    settings: Mapping[str, str]
    revoked_at: datetime | None
    ciphertext: bytes
    data_key_id: int
    master_key_id: str
    wrapped_key: bytes

    def secret(self, vault: Vault, hook_id: str) -> Secret:
        """What proves a delivery. Raises VaultError, MasterKeyMissing."""
        data_key = vault.unwrapped(self.tenant_id, self.data_key_id, self.master_key_id, self.wrapped_key)
        return Secret(unseal(data_key, self.ciphertext, hook_binding(hook_id, self.data_key_id)).decode())


@dataclass(frozen=True)
class Reported:
    """A report as it is kept; fields as in `intake.reports`."""

    of_source: str
    of_row: str
    kind: str
    status: str
    created_at: datetime
    ended_at: datetime | None
    cost: Decimal | None
    is_final: bool
    is_gone: bool
    content_hash: bytes
    payload: str


def create(
    vault: Vault,
    connection: psycopg.Connection[Any],
    tenant_id: str | None,
    provider: str,
    method: str,
    settings: Mapping[str, str],
    secret: Secret,
) -> str:
    """Make a hook and return its id. As the operator. Raises HookRefused."""
    hook_id = secrets.token_hex(16)  # not one that begins with "-", which a command would take for an option
    try:
        with connection.transaction():
            one_at_a_time(connection, tenant_id)
            data_key_id, data_key = vault.data_key(connection, tenant_id)
            sealed = seal(data_key, secret.reveal().encode(), hook_binding(hook_id, data_key_id))
            connection.execute(
                _SQL["create"],
                {
                    "hook_id": hook_id,
                    "provider": provider,
                    "tenant_id": tenant_id,
                    "method": method,
                    "settings": Jsonb(dict(settings)),
                    "data_key_id": data_key_id,
                    "ciphertext": sealed,
                },
            )
    except psycopg.errors.CheckViolation as error:
        if "two valid hooks" not in str(error):
            raise
        whose = f"tenant {tenant_id}" if tenant_id else "the platform"
        raise HookRefused(
            f"There are two valid hooks of {provider} for {whose} already: revoke one that is not used any more."
        ) from None
    return hook_id


def revoke(connection: psycopg.Connection[Any], hook_id: str, now: datetime) -> bool:
    """End a hook; False when it was revoked before. Raises HookRefused for no hook."""
    found = queries.first(connection, FILE, "exists", hook_id=hook_id)
    if found is None or not found["is_known"]:
        raise HookRefused(f"There is no hook {hook_id}.")
    return queries.execute(connection, FILE, "revoke", hook_id=hook_id, now=now) > 0


def health(connection: psycopg.Connection[Any], tenant_id: str | None, first_day: date, last_day: date) -> list[Row]:
    """Hooks, all of them or a tenant's, revoked ones too, with when each was last heard and refused; and of the days,
    how many rows of its account were heard of and not listed, and listed and not heard of. As the operator.
    """
    return queries.rows(connection, FILE, "health", tenant_id=tenant_id, first_day=first_day, last_day=last_day)


def notices(connection: psycopg.Connection[Any]) -> list[Row]:
    """What somebody has to know of what came, and nobody has seen since. As the operator."""
    return queries.rows(connection, FILE, "notices")


def note_seen(connection: psycopg.Connection[Any], hook_id: str, now: datetime) -> int:
    """Take a hook's notices as seen, until such a message comes again; how many. As the operator."""
    return queries.execute(connection, FILE, "note_seen", hook_id=hook_id, now=now)


def missing(connection: psycopg.Connection[Any], first_day: date, last_day: date) -> list[Row]:
    """Rows that a provider reported and that are not in the pull that read their day afterwards, by account and day."""
    return queries.rows(connection, FILE, "missing", first_day=first_day, last_day=last_day)


def hook_of(connection: psycopg.Connection[Any], hook_id: str) -> Hook | None:
    """The hook of an id; the connection acts as intake."""
    return queries.first_typed(connection, Hook, FILE, "hook_of", hook_id=hook_id)


def used(connection: psycopg.Connection[Any], hook_id: str, now: datetime, *, is_taken: bool) -> None:
    """Note that a delivery was taken, or refused."""
    connection.execute(_SQL["use"], {"hook_id": hook_id, "now": now, "is_taken": is_taken})


def take(connection: psycopg.Connection[Any], hook_id: str, report: Reported) -> bool:
    """Keep a report of a hook's account; whether it was new. As intake."""
    ((is_new,),) = connection.execute(_SQL["take"], {"hook_id": hook_id, **vars(report)}).fetchall()
    return bool(is_new)


def notice(connection: psycopg.Connection[Any], hook_id: str, code: str, about: str) -> None:
    """Keep what somebody has to know. As intake."""
    connection.execute(_SQL["notice"], {"hook_id": hook_id, "code": code, "about": about[:500]})


def adopt(
    connection: psycopg.Connection[Any], source: str, account: str, row_id: str, reason: str
) -> tuple[date, bool]:
    """Let the report of a row that its provider lists no more be a row of its day; the day, and whether that is new.
    As the operator. Safe to repeat. Raises HookRefused.
    """
    asked = {"source": source, "account": account, "row_id": row_id, "reason": reason}
    ((day, outcome),) = connection.execute(_SQL["adopt"], asked).fetchall()
    if outcome in _NOT_ADOPTED:
        raise HookRefused(_NOT_ADOPTED[outcome].format(account=account, row_id=row_id, day=day))
    return day, outcome == "adopted"


def adopted(connection: psycopg.Connection[Any], source: str, account: str, usage_date: date) -> dict[str, str]:
    """Rows of an account's day that a person adopted, by id: each as its source would list it. As the loader."""
    asked = {"source": source, "account": account, "usage_date": usage_date}
    return dict(connection.execute(_SQL["adopted"], asked).fetchall())
