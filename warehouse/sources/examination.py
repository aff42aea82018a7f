"""How an installation is: what is used, what lacks a key, what readings noticed. Owns no table."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from warehouse.database.queries import Connection, first, first_typed, rows, typed

FILE = "sources/examination"


@dataclass(frozen=True)
class Unopened:
    """A tenant that uses a provider for which nobody has stored a credential; is_shared: the platform's would do."""

    tenant_id: str
    provider: str
    is_shared: bool


@dataclass(frozen=True)
class LastWord:
    """How a provider last took a key; no cause: a day was read with it."""

    cause_code: str | None
    cause: str | None
    closed_at: datetime


@dataclass(frozen=True)
class Noticed:
    """What the readings of an account's days counted of themselves, in all."""

    source: str
    account: str
    tenant_id: str | None
    days: int
    first_day: date
    last_day: date
    noticed: Decimal


def is_migrated(connection: Connection) -> bool:
    """Whether the database is Minutebook's at all."""
    row = first(connection, FILE, "is_migrated")
    return row is not None and bool(row["is_migrated"])


def applied_migrations(connection: Connection) -> set[str]:
    """The names of the migrations that were applied."""
    return {row["name"] for row in rows(connection, FILE, "applied")}


def sources_in_use(connection: Connection, today: date) -> list[str]:
    """Of tenants that are active, will be, or closed so lately that their last days are still looked at again."""
    return [row["source"] for row in rows(connection, FILE, "sources_in_use", today=today)]


def tenants_without_credential(connection: Connection, today: date) -> list[Unopened]:
    """Who uses what nobody has a key for."""
    return typed(connection, Unopened, FILE, "tenants_without_credential", today=today)


def last_word_on_key(
    connection: Connection, provider: str, tenant_id: str | None, sources: Collection[str]
) -> LastWord | None:
    """How the key that is stored now was last taken; None where it was not used yet."""
    asked = {"provider": provider, "tenant_id": tenant_id, "sources": list(sources)}
    return first_typed(connection, LastWord, FILE, "last_word_on_key", **asked)


def noticed(connection: Connection, name: str, first_day: date) -> list[Noticed]:
    """By account, what readings counted under a name, of each day since as it was last read well."""
    return typed(connection, Noticed, FILE, "noticed", name=name, first_day=first_day)
