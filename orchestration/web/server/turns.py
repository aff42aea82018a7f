"""Whose turn it is: some requests of each kind at once, few of them by one login, the others a little while in line.

Nobody waits in a thread: a thread is taken with the turn, so what one login asks for never stands before another's.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from starlette.exceptions import HTTPException


@dataclass(frozen=True)
class Kind:
    """One kind of work and its bounds. Connections of one kind are never lent to another."""

    name: str
    at_once: int
    per_login: int
    in_line: int
    wait_seconds: float
    statement_seconds: int
    age_seconds: int
    """How long a transaction may last."""
    when_full: int = 503
    """The status of an answer for which there is no turn."""


DOOR = Kind("door", at_once=4, per_login=4, in_line=200, wait_seconds=5, statement_seconds=5, age_seconds=10)
PAGE = Kind("page", at_once=10, per_login=2, in_line=20, wait_seconds=10, statement_seconds=15, age_seconds=30)
DECISION = Kind("decision", at_once=4, per_login=2, in_line=4, wait_seconds=20, statement_seconds=120, age_seconds=300)
DOWNLOAD = Kind("download", at_once=3, per_login=1, in_line=3, wait_seconds=30, statement_seconds=300, age_seconds=900)
INTAKE = Kind("intake", at_once=4, per_login=4, in_line=100, wait_seconds=2, statement_seconds=10, age_seconds=20)
WEBHOOK = Kind("webhook", at_once=4, per_login=4, in_line=100, wait_seconds=5, statement_seconds=5, age_seconds=10)
# Passwords are hashed one at a time, and for who comes from a device that signed in before beside all others.
HASHING = Kind("hashing", 1, per_login=1, in_line=1, wait_seconds=3, statement_seconds=0, age_seconds=0, when_full=429)
HASHING_KNOWN = replace(HASHING, name="hashing for known devices")
KINDS = (DOOR, PAGE, DECISION, DOWNLOAD, INTAKE, WEBHOOK, HASHING, HASHING_KNOWN)


class Crowded(HTTPException):
    """No turn now: 429 where the login itself is the reason, else 503; both say when to come again."""

    def __init__(self, status: int, said: str, seconds: int = 2) -> None:
        super().__init__(status, said, {"Retry-After": str(seconds)})


class _Line:
    def __init__(self, places: int, longest: int) -> None:
        self.turns = asyncio.Semaphore(places)
        self.longest = longest
        self.users = 0


class Turns:
    """Gives out turns within one event loop."""

    def __init__(self) -> None:
        self._all = {kind: _Line(kind.at_once, kind.at_once + 10 * kind.in_line) for kind in KINDS}
        self._own: dict[tuple[Kind, str], _Line] = {}

    @asynccontextmanager
    async def turn(self, kind: Kind, login: str) -> AsyncIterator[None]:
        """A turn of this kind for a login, first in its own line, then in everybody's. Raises Crowded."""
        own = self._own.setdefault((kind, login), _Line(kind.per_login, kind.per_login + kind.in_line))
        try:
            async with (
                _place(own, kind, 429, "Too much at once from you: try again when the rest is done."),
                _place(self._all[kind], kind, kind.when_full, "Too many people are at this at once: try again soon."),
            ):
                yield
        finally:
            if not own.users:
                self._own.pop((kind, login), None)


@asynccontextmanager
async def _place(line: _Line, kind: Kind, status: int, said: str) -> AsyncIterator[None]:
    if line.users >= line.longest:
        raise Crowded(status, said)
    line.users += 1
    try:
        try:
            await asyncio.wait_for(line.turns.acquire(), kind.wait_seconds)
        except TimeoutError:
            raise Crowded(status, said) from None
        try:
            yield
        finally:
            line.turns.release()
    finally:
        line.users -= 1
