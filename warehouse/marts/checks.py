"""Checks that are a statement each: it returns what must not be there, and nothing where all is well. Owns no table."""

from warehouse.database.queries import Connection, Row, load, rows

FILE = "marts/checks"


def require_check(name: str) -> None:
    """Raise KeyError unless there is a check of that name."""
    load(FILE)[name]


def offenders(connection: Connection, name: str, **parameters: object) -> list[Row]:
    """The rows that make the check of that name red."""
    return rows(connection, FILE, name, **parameters)
