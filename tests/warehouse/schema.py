"""The whole database on one page, `warehouse/schema.sql`: what the migrations make, but for the raw schemas.

`make schema` writes it, with the embedded server's own pg_dump.
"""

import re
import subprocess
import tempfile
from pathlib import Path

import psycopg

from warehouse.database.embedded import DEFAULT_MAJOR, POSTGRES_VERSIONS, running
from warehouse.install import FOLDER, migrate

WRITTEN = FOLDER.parent / "schema.sql"
HEADER = """\
-- The database as warehouse/migrations make it, but for the raw schemas: to read, not to run. `make schema` writes it.

"""
# A heading of each object, settings of the session that would restore it, and psql's commands.
_NOISE = re.compile(
    r"^(?:--\n-- Name: .*\n--|--|-- (?:PostgreSQL database|Dumped).*|SET .*;|SELECT pg_catalog\.set_config.*;|\\.*)\n",
    re.MULTILINE,
)
# What is said of an object stands under it.
_FOLLOWS = re.compile(
    r"\n+(?=(?:COMMENT|GRANT|REVOKE|CREATE (?:UNIQUE )?INDEX|CREATE (?:CONSTRAINT )?TRIGGER|CREATE POLICY|ALTER) )"
)


def schema(url: str) -> str:
    """What pg_dump of the default major says of the database, with its owner as CURRENT_USER."""
    with psycopg.connect(url) as connection:
        owner = connection.info.user
    dumped = subprocess.run(
        [
            str(POSTGRES_VERSIONS[DEFAULT_MAJOR] / "pg_dump"),
            *("--schema-only", "--no-owner", "--exclude-schema=raw_*", "--exclude-table=contracts.*"),
            "--exclude-table=intake.events_[0-9]*",  # months, which install makes by the calendar
            *("--exclude-schema=pg_catalog", url),
        ],
        capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    page = _FOLLOWS.sub("\n", re.sub(r"\n{3,}", "\n\n", _NOISE.sub("", dumped)).strip("\n"))
    return HEADER + re.sub(rf"^(CREATE POLICY .* TO ){owner}\b", r"\1CURRENT_USER", page, flags=re.MULTILINE) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home, running(Path(home)) as url:
        migrate(url)
        WRITTEN.write_text(schema(url))
