"""Thousands of generated tenants in one warehouse and one build, against the oracle.

Then their periods are approved and told again, month after month, and compared each time.

python -m tests.oracle --tenants 3000 --seed 7
"""

import argparse
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from orchestration.installing import install as migrate
from orchestration.marts.building import build
from tests.oracle.comparing import Comparison, Disagreement, compare
from tests.oracle.worlds.histories import unfolded
from tests.oracle.worlds.loading import load
from tests.oracle.worlds.months import generated
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="the same seed, the same world")
    parser.add_argument("--rounds", type=int, default=4, help="months of approvals and late news that follow")
    parser.add_argument("--show", type=int, default=3, help="disagreements shown of each kind, after each build")
    chosen = parser.parse_args()
    sys.stdout.write(f"seed {chosen.seed}, {chosen.tenants} tenants\n")
    world = generated(chosen.seed, chosen.tenants)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as url:
        home = Path(folder) / "home"
        migrate(url)
        with (
            connect(url, Role.OWNER, autocommit=True) as owner,
            connect(url, Role.OPERATOR, actor="finance") as operator,
        ):
            load(owner, world)
            started = time.monotonic()
            built = build(url, home, world.as_of)
            sys.stdout.write(f"built in {time.monotonic() - started:.1f} s; {len(built.warnings)} warnings\n")
            disagreements = _reported(compare(owner, world), chosen.show)
            history = unfolded(owner, operator, home, url, world, Random(chosen.seed), chosen.rounds)
            for number, of_round in enumerate(history, 1):
                sys.stdout.write(
                    f"round {number}: {len(of_round.approved)} approved, {len(of_round.approved_again)} of them again,"
                    f" {len(of_round.reopened)} reopened, {len(of_round.refused)} refused to, as of"
                    f" {of_round.found.world.as_of}; {of_round.written.total()} versions written or refused\n"
                )
                disagreements += _reported(of_round.found, chosen.show)
    for what, number in Counter(one.what for one in disagreements).items():
        sys.stdout.write(f"{number} disagreements on {what}\n")
    return 1 if disagreements else 0


def _reported(found: Comparison, show: int) -> list[Disagreement]:
    """At once: a long run is worth nothing if its first disagreement is only told at its end."""
    sys.stdout.write("compared " + ", ".join(f"{number} {what}s" for what, number in found.counts.items()) + "\n")
    shown: Counter[str] = Counter()
    for one in found.disagreements:
        shown[one.what] += 1
        if shown[one.what] <= show:
            sys.stdout.write(f"{one}\n")
    sys.stdout.flush()
    return found.disagreements


if __name__ == "__main__":
    sys.exit(main())
