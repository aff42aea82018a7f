"""Tables of the marts as CSV and JSON, row by row: what a role may read, and no column more."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier, Literal

from orchestration.plain import plain
from sources.text import clean_lines
from warehouse.database.queries import Connection
from warehouse.marts import mart_tables

FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_AT_ONCE = 5_000
# What a spreadsheet would run instead of show; in full width too, where it reads that as the same.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class TableUnknown(Exception):
    """No table of that name, or none this role may read."""


@dataclass(frozen=True)
class Table:
    """A table of the marts as one role may read it. meanings: of its columns, in their order."""

    name: str
    description: str
    columns: Sequence[str]
    meanings: Sequence[str]
    day_column: str | None


def tables(connection: Connection) -> list[Table]:
    """All tables of which this role may read something."""
    return [
        Table(
            table.name,
            table.description,
            table.columns,
            table.meanings,
            "usage_date" if table.has_days else "period_start" if table.has_periods else None,
        )
        for table in mart_tables.tables(connection)
    ]


def find_table(connection: Connection, name: str) -> Table:
    """The table of that name. Raises TableUnknown."""
    known = {table.name: table for table in tables(connection)}
    if name not in known:
        raise TableUnknown(f"There is no table {name}; there are {', '.join(known) or 'none'}.")
    return known[name]


def rendered(
    connection: Connection, table: Table, kind: str, first_day: date | None = None, last_day: date | None = None
) -> Iterator[str]:
    """The rows as text of that kind, in pieces; days are both included, by usage date or else by period start.

    JSON is exact: amounts are text, as everywhere else in Minutebook's JSON. In CSV a text that a spreadsheet would run
    as a formula gets an apostrophe before it, and what a terminal would act on is left out.
    """
    render = _json if kind == "json" else csv_pieces
    # A cursor on the server: a table of millions of calls passes through in pieces.
    with connection.cursor(name="export", row_factory=tuple_row) as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(_query(table, first_day, last_day))
        yield from render(table.columns, cursor)


def csv_text(columns: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """Rows as CSV with a header line."""
    return "".join(csv_pieces(columns, iter(lines)))


def _query(table: Table, first_day: date | None, last_day: date | None) -> Composed:
    columns = SQL(", ").join(map(Identifier, table.columns))
    query = SQL("select {} from marts.{}").format(columns, Identifier(table.name))
    limits = []
    if table.day_column and first_day:
        limits.append(SQL("{} >= {}").format(Identifier(table.day_column), Literal(first_day)))
    if table.day_column and last_day:
        limits.append(SQL("{} <= {}").format(Identifier(table.day_column), Literal(last_day)))
    where = SQL(" where ") + SQL(" and ").join(limits) if limits else SQL("")
    keys = [name for name in ("tenant_id", "usage_date", "period_start") if name in table.columns]
    order = SQL(" order by {}").format(SQL(", ").join(map(Identifier, keys))) if keys else SQL("")
    return query + where + order


def csv_pieces(columns: Sequence[str], lines: Iterator[Sequence[object]]) -> Iterator[str]:
    """The same in pieces, as rows come."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    for number, line in enumerate(lines, 1):
        writer.writerow([_cell(value) for value in line])
        if number % _AT_ONCE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str):
        text = clean_lines(value)
        return f"'{text}" if text.lstrip().startswith(_FORMULA_STARTS) else text
    if isinstance(value, dict | list):
        return clean_lines(_as_json(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain(value)


def _json(columns: Sequence[str], lines: Iterator[Sequence[object]]) -> Iterator[str]:
    between = "[\n"
    for line in lines:
        yield between + _as_json(dict(zip(columns, line, strict=True)))
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"


def _as_json(value: Any) -> str:
    return msgspec.json.encode(plain(value)).decode()
