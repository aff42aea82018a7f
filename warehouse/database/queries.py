"""SQL lies beside the module that runs it; Python calls it by name. A section starts with a line `-- name: take_over`;
locks go by name (`warehouse.database.locks`). Without parameters a statement is sent as it is written; with some, a
percent sign is doubled."""

import re
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.sql import SQL

from warehouse.database.locks import Lock

Connection = psycopg.Connection[Any]
Row = dict[str, Any]
T = TypeVar("T")
WAREHOUSE = Path(__file__).parents[1]
_LOCK = re.compile(r"\{lock_(\w+)\}")
_HEADER = re.compile(r"^-- name: (\w+)$", flags=re.MULTILINE)


@cache
def load(file: str) -> dict[str, SQL]:
    """The statements of warehouse/<file>.sql by name; file is like `ingestion/pulls`."""
    text = _LOCK.sub(lambda named: str(Lock[named[1].upper()].value), (WAREHOUSE / f"{file}.sql").read_text())
    _, *parts = _HEADER.split(text)
    return {name: SQL(statement.strip()) for name, statement in zip(parts[::2], parts[1::2], strict=True)}


def rows(connection: Connection, file: str, name: str, /, **parameters: object) -> list[Row]:
    """All rows of a named statement of `warehouse/<file>.sql`."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load(file)[name], parameters or None).fetchall()


def typed(connection: Connection, kind: type[T], file: str, name: str, /, **parameters: object) -> list[T]:
    """All rows of a named statement, each as a `kind`, whose fields are the statement's columns."""
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(load(file)[name], parameters or None).fetchall()


def first_typed(connection: Connection, kind: type[T], file: str, name: str, /, **parameters: object) -> T | None:
    """The first row of a named statement as a `kind`, or None."""
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(load(file)[name], parameters or None).fetchone()


def first(connection: Connection, file: str, name: str, /, **parameters: object) -> Row | None:
    """The first row of a named statement, or None."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load(file)[name], parameters or None).fetchone()


def execute(connection: Connection, file: str, name: str, /, **parameters: object) -> int:
    """Run a named statement and return how many rows it touched."""
    return connection.execute(load(file)[name], parameters or None).rowcount
