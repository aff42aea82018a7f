"""API keys: `mbk_<8 public characters>_<43 random ones>`, shown once. Only the SHA-256 of a whole key is kept.

A tenant has at most two valid keys of one scope, so that one can be replaced while the other is in use.
"""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg

from warehouse.database import queries
from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Row
from warehouse.security.vault import Secret
from warehouse.words import day

FILE = "intake/keys"
_SQL = queries.load(FILE)
REACH = {"events": timedelta(days=35), "backfill": timedelta(days=400)}
"""How far back a key of each scope may push events; backfill is with events."""
SCOPES = tuple(REACH)
_SHAPE = re.compile(r"mbk_([0-9A-Za-z]{8})_[0-9A-Za-z_-]{43}")
_ALPHABET = string.ascii_letters + string.digits


class KeyRefused(WarehouseError):
    """A key cannot be made or revoked; the message says why and what to do."""


@dataclass(frozen=True)
class Key:
    """What is known of a key that was shown. tenant_id None: the platform's, whose events name their tenant."""

    tenant_id: str | None
    scopes: Sequence[str]
    token_hash: bytes
    expires_at: datetime | None
    revoked_at: datetime | None

    def opens(self, token: str, now: datetime) -> bool:
        """Whether this is the key, and it is valid at that moment."""
        is_it = hmac.compare_digest(hash_of(token), self.token_hash)
        return is_it and self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True)
class Owner:
    """Whose events are pushed: from when on the tenant is closed, what it wants kept of what is personal, and how many
    events its plan lets it push; None without a plan.
    """

    closed_from: date | None
    phone_numbers: str
    transcripts: str
    recordings: str
    events_per_minute: int | None

    def is_closed(self, now: datetime) -> bool:
        """Whether the tenant is closed by then."""
        return self.closed_from is not None and self.closed_from <= now.date()


def hash_of(token: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(token.encode()).digest()


def public_part(token: str) -> str | None:
    """By what a key is looked up; None for what is no key."""
    found = _SHAPE.fullmatch(token)
    return found[1] if found else None


def end_of(last_day: date) -> datetime:
    """When a key ends that is valid on a day and no longer."""
    return datetime.combine(last_day, time.max, tzinfo=UTC)


def create(
    connection: psycopg.Connection[Any],
    tenant_id: str | None,
    scopes: Sequence[str],
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[Secret, Row]:
    """Make a key and return it, to be shown once, with what is kept of it. Raises KeyRefused."""
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    token = Secret(f"mbk_{key_id}_{secrets.token_urlsafe(32)}")
    if expires_at is not None and expires_at <= now:
        raise KeyRefused(f"It would have expired already: choose a day after {day(now)}.")
    wanted = {
        "key_id": key_id,
        "tenant_id": tenant_id,
        "scopes": sorted(set(scopes) | {"events"}),
        "token_hash": hash_of(token.reveal()),
        "created_at": now,
        "expires_at": expires_at,
    }
    try:
        with connection.transaction():
            (row,) = queries.rows(connection, FILE, "create", **wanted)
    except psycopg.errors.CheckViolation as error:
        if "two valid keys" not in str(error):
            raise
        whose = f"Tenant {tenant_id}" if tenant_id else "The platform"
        raise KeyRefused(f"{whose} has two valid keys already: revoke one that is not used any more.") from None
    return token, row


def listed(connection: psycopg.Connection[Any], tenant_id: str | None = None) -> list[Row]:
    """Keys, all of them or a tenant's, revoked and expired ones too; of none more than its public part."""
    return queries.rows(connection, FILE, "listed", tenant_id=tenant_id)


def revoke(connection: psycopg.Connection[Any], key_id: str, now: datetime) -> bool:
    """End a key; False when it was revoked before. Raises KeyRefused for no key."""
    found = queries.first(connection, FILE, "exists", key_id=key_id)
    if found is None or not found["is_known"]:
        raise KeyRefused(f"There is no key {key_id}.")
    return queries.execute(connection, FILE, "revoke", key_id=key_id, now=now) > 0


def key_of(connection: psycopg.Connection[Any], key_id: str) -> Key | None:
    """The key of a public part; the connection acts as intake."""
    return queries.first_typed(connection, Key, FILE, "key_of", key_id=key_id)


def owner_of(connection: psycopg.Connection[Any], tenant_id: str) -> Owner | None:
    """What is to be known of a tenant whose events are pushed; None for no tenant."""
    return queries.first_typed(connection, Owner, FILE, "tenant_of_events", tenant_id=tenant_id)


def used(connection: psycopg.Connection[Any], key_id: str, now: datetime) -> None:
    """Note that a key is in use."""
    connection.execute(_SQL["use"], {"key_id": key_id, "now": now})
