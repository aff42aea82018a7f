"""The tables of the marts as one role may read them."""

from dataclasses import dataclass

from warehouse.database.queries import Connection, typed

FILE = "marts/mart_tables"


@dataclass(frozen=True, slots=True)
class MartTable:
    """A table and the columns of it that the role may read, with what each means; has_days, has_periods: by which it
    can be cut."""

    name: str
    description: str
    columns: list[str]
    meanings: list[str]
    has_days: bool
    has_periods: bool


def tables(connection: Connection) -> list[MartTable]:
    """All tables of which this role may read a column, by name."""
    return typed(connection, MartTable, FILE, "tables")
