"""How often somebody was wrong lately, by key, for all processes that serve; kept in a table that a crash empties."""

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any

import psycopg

from warehouse.database import queries

WINDOW_SECONDS = 15 * 60
_SQL = queries.load("security/wrong_tries")
Connection = psycopg.Connection[Any]
Key = tuple[str, ...]


def counted(connection: Connection, keys: Collection[Key]) -> Mapping[Key, tuple[int, int]]:
    """Of those with wrong tries: how many, and in how many seconds they are forgotten."""
    by_hash = {_hash(key): key for key in keys}
    found = connection.execute(_SQL["counted"], _named(keys)).fetchall()
    return {by_hash[bytes(key_hash)]: (failures, seconds) for key_hash, failures, seconds in found}


def count(connection: Connection, keys: Collection[Key]) -> None:
    """One more of each; what is older than the window is forgotten."""
    connection.execute(_SQL["purge"], _named(keys))
    connection.execute(_SQL["count"], _named(keys))


def take_back(connection: Connection, keys: Collection[Key]) -> None:
    """One fewer of each."""
    connection.execute(_SQL["take_back"], _named(keys))


def forget(connection: Connection, keys: Collection[Key]) -> None:
    """None of each."""
    connection.execute(_SQL["forget"], _named(keys))


def _named(keys: Collection[Key]) -> dict[str, object]:
    return {"keys": [_hash(key) for key in keys], "window": WINDOW_SECONDS}


def _hash(key: Key) -> bytes:
    return sha256("\0".join(key).encode(errors="surrogatepass")).digest()
