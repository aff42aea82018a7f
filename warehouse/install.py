"""Numbered, forward-only migrations: each applied once, in its own transaction, checksummed; one over many rows in
batches. Then the sources that are declared: what the database knows of them, and their raw tables.

Besides, what other programs keep here is made in the same serial step: the schema of Dagster's storage, and dlt's own
tables in each raw schema, which would race if parallel loads were to make them.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import structlog
from psycopg.sql import SQL

from warehouse import clock
from warehouse.database import queries
from warehouse.database.connect import Role, connect
from warehouse.database.errors import (
    DatabaseUnsuitable,
    MigrationEdited,
    MigrationError,
    MigrationMissing,
    MigrationUnknown,
)
from warehouse.finding import Hint, Step
from warehouse.intake.events import make_months
from warehouse.security import process_logins
from warehouse.sources import registering
from warehouse.sources.declared import Declared, DeclaredContract
from warehouse.sources.raw_tables import prepare_landing

FOLDER = Path(__file__).parent / "migrations"
IN_BATCHES = "-- in batches"
TOLD_EVERY_SECONDS = 10.0
_SQL = queries.load("install")
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Migration:
    """A file. One that begins with the line `-- in batches` is a single statement, which changes some of the rows that
    still need it: it is repeated, each time in a transaction of its own, until it changes none. Ended at any time, it
    goes on from there; the release before may serve meanwhile, and must be able to read both forms of a row.
    """

    name: str
    statements: str

    @property
    def is_in_batches(self) -> bool:
        return self.statements.startswith(IN_BATCHES + "\n")

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.statements.encode()).hexdigest()


def migrate(url: str, folder: Path = FOLDER) -> list[str]:
    """Bring the database to this release and return the names applied now; none if it was there already.

    Two at once do no harm: the second waits (at most a minute) and finds nothing to do.

    Raises:
        MigrationEdited, MigrationUnknown: the database was made by other files than these; nothing is changed.
        MigrationError: a migration failed, or a lock was not to be had; it is rolled back, those before it stand.
        DatabaseUnreachable, DatabaseUnsuitable: see `connect`.
    """
    with _alone(url) as connection:
        return _migrated(connection, url, folder)


def install(url: str, declared: Sequence[Declared], contracts: Iterable[DeclaredContract]) -> list[str]:
    """`migrate`, and bring what the database knows of sources to their declarations, raw tables among it.

    Raises what `migrate` raises, and DeclarationRefused.
    """
    with _alone(url) as connection:
        applied = _migrated(connection, url, FOLDER)
        registering.register(connection, declared, contracts)
        prepare_landing(connection, url, declared)
        make_months(connection, clock.today())
        return applied


def require_release(connection: psycopg.Connection[Any], folder: Path = FOLDER) -> None:
    """See that a database is of this release, as operator: one of another has other tables, or other meanings of them.

    Raises MigrationMissing where this release is newer, MigrationUnknown where the database is.
    """
    applied = {name for name, _ in connection.execute(_SQL["applied"]).fetchall()}
    known = {path.stem for path in folder.glob("[0-9]*.sql")}
    if newer := sorted(applied - known):
        raise MigrationUnknown(
            f"The database holds migration {newer[0]}, which this release does not have: run the release that has it."
        )
    if missing := sorted(known - applied):
        raise MigrationMissing(f"The database lacks migration {missing[0]} of this release", Hint(Step.INIT))


@contextmanager
def _alone(url: str) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection, while nobody else installs."""
    with connect(url, Role.OWNER, actor="migrate", autocommit=True) as connection:
        # A session lock ends with the connection, however this process ends.
        _guarded(connection, "wait for another migration", _SQL["take_lock"])
        yield connection


def _migrated(connection: psycopg.Connection[Any], url: str, folder: Path) -> list[str]:
    migrations = [Migration(path.stem, path.read_text()) for path in sorted(folder.glob("[0-9]*.sql"))]
    _guarded(connection, "make its own table", _SQL["make_ledger"])
    pending = _pending(connection, migrations)
    for migration in pending:
        _apply(connection, migration)
    _guarded(connection, "make room for Dagster", _SQL["make_dagster_schema"])
    close_doors(connection)
    if isinstance(url, process_logins.EmbeddedAddresses):
        process_logins.make(connection, url)
    return [migration.name for migration in pending]


def close_doors(connection: psycopg.Connection[Any]) -> None:
    """Take from everybody what nobody but a process needs; the database itself forgets it when it is copied."""
    _guarded(connection, "close what everybody may", _SQL["close_doors"])


def _pending(connection: psycopg.Connection[Any], migrations: list[Migration]) -> list[Migration]:
    applied: dict[str, str] = dict(connection.execute(_SQL["applied"]).fetchall())
    known = {migration.name: migration.checksum for migration in migrations}
    newest = max(known, default="")
    for name, checksum in applied.items():
        if name not in known:
            raise MigrationUnknown(
                f"The database holds migration {name}, which this release does not have: "
                + (
                    "install the release that has it."
                    if name > newest
                    else "make a new database, or keep this one with the release that made it."
                )
            )
        if known[name] != checksum:
            raise MigrationEdited(
                f"Migration {name} was applied, but its file is different now."
                " Restore the file as it was; write a new migration for a change."
            )
    pending = [migration for migration in migrations if migration.name not in applied]
    if pending and applied and pending[0].name < max(applied):
        raise MigrationEdited(
            f"Migration {pending[0].name} was inserted before {max(applied)}, which is applied already."
        )
    return pending


def _apply(connection: psycopg.Connection[Any], migration: Migration) -> None:
    if migration.is_in_batches:
        _repeat(connection, migration)
        connection.execute(_SQL["record"], [migration.name, migration.checksum])
        return
    with connection.transaction():
        _guarded(connection, f"apply {migration.name}", SQL(migration.statements))
        connection.execute(_SQL["record"], [migration.name, migration.checksum])


def _repeat(connection: psycopg.Connection[Any], migration: Migration) -> None:
    """Each batch commits by itself: the connection is in autocommit, and the statement is one."""
    changed, told_at = 0, time.monotonic()
    while (rows := _guarded(connection, f"apply {migration.name}", SQL(migration.statements))) > 0:
        changed += rows
        if time.monotonic() - told_at >= TOLD_EVERY_SECONDS:
            told_at = time.monotonic()
            _LOG.warning("migrating in batches", migration=migration.name, rows=changed)


def _guarded(connection: psycopg.Connection[Any], purpose: str, statements: SQL) -> int:
    """Run statements; gives how many rows the first of them changed."""
    try:
        return connection.execute(statements).rowcount
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseUnsuitable(
            f"User {connection.info.user} lacks a right to {purpose}: {error.diag.message_primary}."
            " Migrations need a user that may create roles and schemas in this database."
        ) from None
    except psycopg.errors.LockNotAvailable:
        raise MigrationError(
            f"Could not {purpose}: another session holds a lock. Nothing was changed; try again when it is done."
        ) from None
    except psycopg.Error as error:
        raise MigrationError(f"Could not {purpose}: {error.diag.message_primary or error}") from error
