"""Fields of providers' answers that are in no contract: which were seen, and rows that landed with them before they
were left out. Owns `ledger.new_fields` and `ledger.cleanings`.
"""

from collections.abc import Iterator, Sequence

from warehouse.database import queries
from warehouse.database.queries import Connection, Row, execute, first, rows
from warehouse.sources.declared import Declared, relation

FILE = "sources/fields"
_BATCH = 2_000


def new_fields(connection: Connection, *, with_acknowledged: bool = False) -> list[Row]:
    """Fields that a provider sent and that were not stored, and where each was seen first."""
    return rows(connection, FILE, "new_fields", with_acknowledged=with_acknowledged)


def acknowledge(connection: Connection, source: str, field: str | None, actor: str) -> int:
    """Note that somebody has seen a field, or all of a source; how many were not seen before."""
    return execute(connection, FILE, "acknowledge", source=source, field=field, actor=actor)


def is_cleaning_due(connection: Connection) -> bool:
    """Whether rows stand that landed before what is stored was held to contracts, and were never cleaned."""
    row = first(connection, FILE, "is_cleaning_due")
    return row is not None and bool(row["is_due"])


def payloads(connection: Connection, source: Declared) -> Iterator[tuple[str, str]]:
    """Where each raw row of a source is, and its payload as JSON text."""
    with connection.cursor(name="payloads") as cursor:
        cursor.itersize = _BATCH
        yield from cursor.execute(queries.load(FILE)["payloads"].format(raw=relation(source)))


def clean(connection: Connection, source: str, found: Sequence[tuple[str, str]]) -> int:
    """Replace payloads, by where their rows are; how many changed: a row that moved meanwhile is left alone.

    PostgreSQL refuses it where anything but the members of objects would go, or a fact.
    """
    row_ids, payloads = (list(column) for column in zip(*found, strict=True))
    ((changed,),) = connection.execute(queries.load(FILE)["clean"], [source, row_ids, payloads]).fetchall()
    return int(changed)


def cleaned(connection: Connection, rows_changed: int) -> None:
    """Record that all rows that stood hold fields of their contract only."""
    connection.execute(queries.load(FILE)["cleaned"], [rows_changed])
