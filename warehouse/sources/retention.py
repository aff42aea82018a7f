"""Raw rows that nobody reads any more, and their end.

Raw is append only, so a restated day leaves the rows of its former pull behind, and a failed pull what it had landed.
They are kept a while, to be looked at (`minutebook pull diff`), and then deleted. Never deleted: rows of current pulls,
and of those that were current when a line about their usage date was frozen. The database itself holds that rule
(`ledger.purge_raw`): who calls it can name an age and a number, and no row.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from warehouse.database.queries import Connection, Row, first, rows

FILE = "sources/retention"
BATCH_ROWS = 10_000  # of a source in one transaction: about half a second, so that nobody waits long for its locks


@dataclass(frozen=True)
class Purged:
    """What was deleted of one source."""

    source: str
    pulls: int
    raw_rows: int


def purge(
    connection: Connection,
    closed_before: datetime,
    at_most: int = BATCH_ROWS,
    on_batch: Callable[[int], None] | None = None,
) -> list[Purged]:
    """Delete the raw rows of unread pulls closed before then, in small transactions; what was deleted, by source.

    The connection commits by itself (autocommit) and acts as the operator. `on_batch` is told the rows of each batch.
    Safe to repeat, to interrupt and to run twice at once. The pulls stay in the ledger, marked with `purged_at`.

    Raises psycopg.errors.InvalidParameterValue for a moment less than a day ago.
    """
    pulls: Counter[str] = Counter()
    raw_rows: Counter[str] = Counter()
    while True:
        batch = rows(connection, FILE, "batch", closed_before=closed_before, at_most=at_most)
        for row in batch:
            pulls[row["source"]] += row["pulls"]
            raw_rows[row["source"]] += row["raw_rows"]
        gone = sum(row["raw_rows"] for row in batch)
        if on_batch is not None and gone:
            on_batch(gone)
        if not gone and not any(row["pulls"] for row in batch):
            return [Purged(source, pulls[source], raw_rows[source]) for source in sorted(pulls)]


def late(connection: Connection, closed_before: datetime) -> int:
    """How many unread pulls, closed before then, are not purged and not needed."""
    found = first(connection, FILE, "late", closed_before=closed_before)
    return int(found["pulls"]) if found is not None else 0


def waiting(connection: Connection, closed_before: datetime) -> list[Row]:
    """What `purge` would delete, by source: pulls and raw_rows; kept_pulls and kept_rows are as old, and frozen lines
    need them. The connection may read raw (transformer).
    """
    return rows(connection, FILE, "waiting", closed_before=closed_before)
