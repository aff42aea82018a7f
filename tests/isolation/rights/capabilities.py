"""What each role can do, by the catalogue of a built warehouse: a line for each right.

python -m tests.isolation.rights.capabilities URL > tests/isolation/rights/capabilities.txt
"""

import sys
from itertools import groupby
from pathlib import Path

import psycopg

WRITTEN = Path(__file__).with_suffix(".txt")
RIGHTS = Path(__file__).with_suffix(".sql")


def capabilities(connection: psycopg.Connection[tuple[str, str, str, str]]) -> list[str]:
    """`role: right on schema: names`, sorted; a schema all of whose relations are meant is named alone."""
    rows = connection.execute(RIGHTS.read_text()).fetchall()  # type: ignore[call-overload]
    lines = []
    for (role, right, place), of_place in groupby(sorted(rows), key=lambda row: row[:3]):
        names = ", ".join(name for *_, name in of_place if name)
        lines.append(f"{role}: {right} {place}" + (f": {names}" if names else ""))
    return lines


if __name__ == "__main__":
    with psycopg.connect(sys.argv[1]) as asked:
        print("\n".join(capabilities(asked)))  # noqa: T201
