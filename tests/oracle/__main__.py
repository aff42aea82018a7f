"""Thousands of generated tenants in one warehouse and one build, against the oracle.

python -m tests.oracle --tenants 3000 --seed 7
"""

import argparse
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from orchestration.building import build
from tests.oracle.comparing import compare
from tests.oracle.loading import load
from tests.oracle.months import generated
from warehouse.connect import Role, connect
from warehouse.embedded import running
from warehouse.migrate import migrate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="the same seed, the same world")
    parser.add_argument("--show", type=int, default=3, help="disagreements shown of each kind")
    chosen = parser.parse_args()
    sys.stdout.write(f"seed {chosen.seed}, {chosen.tenants} tenants\n")
    world = generated(chosen.seed, chosen.tenants)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as url:
        migrate(url)
        with connect(url, Role.OWNER, autocommit=True) as connection:
            load(connection, world)
            started = time.monotonic()
            built = build(url, Path(folder) / "home", world.as_of)
            sys.stdout.write(f"built in {time.monotonic() - started:.1f} s; {len(built.warnings)} warnings\n")
            found = compare(connection, world)
    sys.stdout.write("compared " + ", ".join(f"{number} {what}s" for what, number in found.counts.items()) + "\n")
    shown: Counter[str] = Counter()
    for one in found.disagreements:
        shown[one.what] += 1
        if shown[one.what] <= chosen.show:
            sys.stdout.write(f"{one}\n")
    for what, number in shown.items():
        sys.stdout.write(f"{number} disagreements on {what}\n")
    return 1 if found.disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
