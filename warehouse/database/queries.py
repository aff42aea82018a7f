"""SQL lies beside the module that runs it; Python calls it by name. A section starts with a line `-- name: take_over`;
locks go by name (`warehouse.database.locks`)."""

import re
from functools import cache
from pathlib import Path

from psycopg.sql import SQL

from warehouse.database.locks import Lock

WAREHOUSE = Path(__file__).parents[1]
_LOCK = re.compile(r"\{lock_(\w+)\}")
_HEADER = re.compile(r"^-- name: (\w+)$", flags=re.MULTILINE)


@cache
def load(file: str) -> dict[str, SQL]:
    """The statements of warehouse/<file>.sql by name; file is like `ingestion/pulls`."""
    text = _LOCK.sub(lambda named: str(Lock[named[1].upper()].value), (WAREHOUSE / f"{file}.sql").read_text())
    _, *parts = _HEADER.split(text)
    return {name: SQL(statement.strip()) for name, statement in zip(parts[::2], parts[1::2], strict=True)}
