"""Which account of Stripe's we bill in, and in which mode: what was adopted, and whose each key is."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from warehouse.database import queries

FILE = "stripe/accounts"
_SQL = queries.load(FILE)


@dataclass(frozen=True, slots=True)
class Account:
    """An account in one of its modes, which share nothing."""

    account_id: str
    is_live: bool

    @property
    def mode(self) -> str:
        return "live" if self.is_live else "test"

    def __str__(self) -> str:
        return f"{self.account_id} ({self.mode} mode)"


@dataclass(frozen=True, slots=True)
class Moved:
    """The account that was billed in before, and the first day on which it was not any more."""

    before: Account
    on: date


def adopted(connection: psycopg.Connection[Any]) -> Account | None:
    """The account that is billed in, if anything was ever sent or read."""
    return queries.first_typed(connection, Account, FILE, "adopted")


def adopt(connection: psycopg.Connection[Any], account: Account, now: datetime, *, is_first: bool = False) -> None:
    """From now on this one is billed in; is_first: only where none was adopted before."""
    reported = {"account_id": account.account_id, "is_live": account.is_live, "now": now, "is_first": is_first}
    connection.execute(_SQL["adopt"], reported)


def moved(connection: psycopg.Connection[Any]) -> Moved | None:
    """Since when, and from where, another account or mode is billed in; None while it is the first."""
    row = queries.first(connection, FILE, "moved")
    return Moved(Account(row["account_id"], row["is_live"]), row["day"]) if row else None


def account_of_key(connection: psycopg.Connection[Any], digest: str) -> Account | None:
    """Whose key this is, if Stripe was asked before."""
    return queries.first_typed(connection, Account, FILE, "of_key", key_digest=digest)


def remember_key(connection: psycopg.Connection[Any], digest: str, account: Account, now: datetime) -> None:
    reported = {"key_digest": digest, "account_id": account.account_id, "is_live": account.is_live, "now": now}
    connection.execute(_SQL["remember_key"], reported)


def sent_elsewhere(connection: psycopg.Connection[Any], oldest_day: date) -> tuple[int, int]:
    """How many days of usage since then, and how many invoice items, other accounts hold of us."""
    row = connection.execute(_SQL["sent_elsewhere"], {"oldest_day": oldest_day}).fetchone()
    return (row[0], row[1]) if row else (0, 0)
