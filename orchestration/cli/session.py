"""What every command starts from: settings, a connection as operator, and errors in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import typer
from typer.exceptions import TyperException

from orchestration.cli.output import complain
from orchestration.operations.logs import without
from orchestration.remedies.errors import with_next_step
from orchestration.settings import Settings
from sources.errors import SourceFailure
from sources.text import clean
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.database.errors import WarehouseError
from warehouse.marts.freshness import MartsBehind, require_built, require_fresh

# What Typer itself turns into an exit code: 2 for usage errors.
USAGE_ERRORS: tuple[type[BaseException], ...] = (typer.Exit, typer.Abort, TyperException)


class CommandFailed(Exception):
    """A command that did its work and found that something needs attention."""


@dataclass(frozen=True)
class Session:
    """One invocation of the command line."""

    settings: Settings
    is_debug: bool = False

    @contextmanager
    def operator(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection that may change control data; commits when its block ends well."""
        with self.settings.database() as url, self.operator_of(url) as connection:
            yield connection

    @contextmanager
    def operator_of(self, url: str) -> Iterator[psycopg.Connection[Any]]:
        """The same, on a server that is known to be up."""
        with connect(url, Role.OPERATOR, actor=self.settings.actor) as connection:
            yield connection

    @contextmanager
    def door(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection that may change who signs in to the pages; commits when its block ends well."""
        with self.settings.database() as url, connect(url, Role.SERVER, actor=self.settings.actor) as connection:
            yield connection


def session(ctx: typer.Context) -> Session:
    """The session of the running command."""
    found = ctx.find_object(Session)
    if found is None:
        raise RuntimeError("a command was called outside the minutebook application")
    return found


def require_marts(connection: psycopg.Connection[Any]) -> None:
    """Before numbers are read: say on stderr since when the marts are old, and why. Raises MartsBehind without any."""
    require_built(connection)
    try:
        require_fresh(connection, clock.today())
    except MartsBehind as error:
        complain(clean(with_next_step(error)), style="yellow")


@contextmanager
def errors_in_one_line(ctx: Any) -> Iterator[None]:
    """What goes wrong is told in one line on stderr, and the exit code is 1; `--debug` shows the traceback. Never a
    secret. Usage errors keep their exit code 2."""
    try:
        yield
    except USAGE_ERRORS:
        raise
    except Exception as error:
        current = ctx.find_object(Session)
        if ctx.params.get("debug") or (current and current.is_debug):
            raise
        complain(f"error: {in_one_line(error, current)}")
        raise typer.Exit(1) from None


def in_one_line(error: Exception, current: Session | None) -> str:
    """What went wrong, in one line, and never a secret."""
    return without(current.settings.secrets if current else (), _one_line(error))


_SAID: dict[type[Exception], str] = {
    psycopg.errors.LockNotAvailable: "nothing of this step was changed: run the command again",
    psycopg.errors.NumericValueOutOfRange: "a number is larger than any that is kept: nothing of this step was changed",
    psycopg.errors.DiskFull: "the database has no room left on its disk: make some, then run the command again",
    psycopg.errors.QueryCanceled: "it took longer than it may, or was cancelled: run the command again",
}


def _one_line(error: Exception) -> str:
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
        return "the database misses a table of this release; run: minutebook init (and minutebook build for the marts)"
    if isinstance(error, psycopg.errors.UniqueViolation | psycopg.errors.ExclusionViolation):
        # One of a trigger's has words of its own, and no constraint.
        worded = None if error.diag.constraint_name else error.diag.message_primary
        said = worded or "somebody else wrote the same at the same moment"
        return f"{said}; nothing of this step was changed: run the command again"
    text = clean(with_next_step(error)) or type(error).__name__
    for kind, said in _SAID.items():
        if isinstance(error, kind):
            return f"{text}; {said}"
    own = type(error).__module__.partition(".")[0] in {"orchestration", "sources", "warehouse"}
    if own or isinstance(error, WarehouseError | SourceFailure | OSError | ValueError):
        return text
    return f"unexpected {type(error).__name__}: {text} (minutebook --debug shows where)"
