"""One shape for every write: put an object or a version, and learn whether that created, changed or left it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from warehouse.database import queries

Connection = psycopg.Connection[Any]
Row = dict[str, Any]


class Action(StrEnum):
    """What a write did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Change:
    """What a write did. `what` names the object, such as "plan growth"; `detail` adds what a person may miss."""

    what: str
    action: Action
    detail: str = ""


def rows(connection: Connection, file: str, name: str, /, **parameters: object) -> list[Row]:
    """All rows of a named statement of `warehouse/<file>.sql`."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_statement(file, name), parameters).fetchall()


def first(connection: Connection, file: str, name: str, /, **parameters: object) -> Row | None:
    """The first row of a named statement, or None."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_statement(file, name), parameters).fetchone()


def execute(connection: Connection, file: str, name: str, /, **parameters: object) -> int:
    """Run a named statement and return how many rows it touched."""
    return connection.execute(_statement(file, name), parameters).rowcount


def put(connection: Connection, file: str, name: str, parameters: Mapping[str, object]) -> tuple[Action, date | None]:
    """Run a `put_…` statement; returns what it did, and for a version the day on which the next one starts."""
    row = first(connection, file, name, **parameters)
    assert row is not None, name  # noqa: S101  an aggregate always answers
    if not row["written"]:
        return Action.UNCHANGED, row["next_from"]
    return (Action.CHANGED if row["existed"] else Action.CREATED), row["next_from"]


def _statement(file: str, name: str) -> sql.SQL:
    return queries.load(file)[name]
