"""SQL lives in queries/*.sql; Python calls it by name. A section starts with a line `-- name: take_over`."""

import re
from functools import cache
from pathlib import Path

from psycopg.sql import SQL

FOLDER = Path(__file__).parent / "queries"
_HEADER = re.compile(r"^-- name: (\w+)$", flags=re.MULTILINE)


@cache
def load(file: str) -> dict[str, SQL]:
    """The statements of queries/<file>.sql by name."""
    _, *parts = _HEADER.split((FOLDER / f"{file}.sql").read_text())
    return {name: SQL(statement.strip()) for name, statement in zip(parts[::2], parts[1::2], strict=True)}
