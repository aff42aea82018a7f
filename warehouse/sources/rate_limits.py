"""The time of each provider's key, given out to every run that asks with it: night, backfills and people together.

What is taken lies seconds ahead and belongs to whoever took it; a process that dies leaves at most that unused.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import psycopg

from warehouse.database import queries

_SQL = queries.load("sources/rate_limits")


@dataclass(frozen=True)
class KeyPace:
    """One key's time. Any thread may use it."""

    connection: psycopg.Connection[Any]
    provider: str
    fingerprint: bytes

    def reserve(self, seconds: float) -> float:
        """Take the next `seconds` that nobody has; gives how long it is until they begin. Raises psycopg.Error."""
        asked = {"provider": self.provider, "fingerprint": self.fingerprint, "seconds": seconds}
        ((wait,),) = self.connection.execute(_SQL["reserve"], asked).fetchall()
        return max(0.0, float(wait))

    def pause(self, seconds: float) -> None:
        """Nothing that is taken from now on begins sooner than this. Raises psycopg.Error."""
        asked = {"provider": self.provider, "fingerprint": self.fingerprint, "seconds": seconds}
        self.connection.execute(_SQL["pause"], asked)


class Pacing:
    """All keys' time, over a connection of its own: in a transaction of somebody's, others would wait for its end."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(_SQL["never_idle_out"])
        self._connection = connection

    def of(self, provider: str, secret: str) -> KeyPace:
        """The time of this key at this provider."""
        return KeyPace(self._connection, provider, sha256(f"{provider}/{secret}".encode()).digest()[:8])
