"""Whoever waits for a lock for more than a few seconds says for whom: login, process, application, since when.

A connection of ours notices by itself, whatever it was asked: while a statement takes long, another connection asks now
and then who holds what it waits for. It goes to the log, and to the error where the wait reached its bound.
"""

import time
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import psycopg
import structlog

from warehouse.database import queries

FEW_SECONDS = 3.0
_AGAIN_AFTER = 30.0
_SQL = queries.load("database/waiting")
_LOG = structlog.get_logger(__name__)


def patiently(take: Callable[[], None], seconds: float) -> None:
    """Take what another may hold until that works, so many seconds at most, each try within the session's own limit.

    Raises:
        LockNotAvailable: it is still held.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return take()
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() >= until:
                raise


class Noticing(psycopg.Connection[Any]):
    """A connection that notices for whom it waits: `opener` opens another, which asks."""

    opener: Callable[[], psycopg.Connection[Any]] | None = None

    def wait(self, gen: Any, *arguments: Any, **named: Any) -> Any:
        """As psycopg does, for whatever is asked of the server."""
        if self.opener is None:
            return super().wait(gen, *arguments, **named)
        return super().wait(_noticed(self, gen), *arguments, **named)


def _noticed(connection: Noticing, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """gen itself; psycopg resumes it ten times a second while nothing comes."""
    begun, look_at, named = time.monotonic(), FEW_SECONDS, ""
    try:
        asked = next(gen)
        while True:
            ready = yield asked
            if time.monotonic() - begun > look_at:
                look_at += _AGAIN_AFTER
                if blockers := _blockers(connection):
                    named = blockers
                    _LOG.warning("waiting for a lock", held_by=named, seconds=round(time.monotonic() - begun))
            asked = gen.send(ready)
    except StopIteration as end:
        return end.value
    except psycopg.errors.LockNotAvailable as error:
        seconds = round(time.monotonic() - begun)
        if not named:
            raise
        raise type(error)(f"waited {seconds} s for a lock that is held by {named}") from error


def _blockers(connection: Noticing) -> str:
    with suppress(Exception):  # who waits goes on waiting, and may still be told by the server
        if connection.opener is not None:
            with connection.opener() as other:
                ((named,),) = other.execute(_SQL["blockers"], {"pid": connection.info.backend_pid}).fetchall()
                return str(named or "")
    return ""
