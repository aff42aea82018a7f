"""Closing a month of many tenants: review, approve and close, against the time of the build they rest on.

python -m tests.benchmarks.closing [tenants, default 1000]
"""

import sys
import tempfile
import time
from pathlib import Path

from orchestration.building import build
from tests.oracle.loading import load
from tests.oracle.months import generated
from warehouse import periods
from warehouse.connect import Role, connect
from warehouse.embedded import running
from warehouse.migrate import migrate
from warehouse.periods import Month

MOST_SECONDS = 300.0


def main() -> int:
    world = generated(3, int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as url:
        migrate(url)
        with connect(url, Role.OWNER, autocommit=True) as owner:
            load(owner, world)
        started = time.perf_counter()
        build(url, Path(folder) / "home", world.as_of)
        print(f"build {time.perf_counter() - started:.1f} s", flush=True)
        taken, approved = 0.0, 0
        with connect(url, Role.OPERATOR, actor="bench") as operator:
            start = world.as_of.replace(day=1)
            for _ in range(6):
                start = Month.parse(f"{start:%Y-%m}").start
                month = Month.parse(f"{start.year - (start.month == 1)}-{(start.month - 2) % 12 + 1:02}")
                rows = [row for row in periods.statements(operator, month) if row["ends_on"] <= world.as_of]
                begun = time.perf_counter()
                for row in rows:
                    periods.approve(operator, row, world.as_of, "bench", "benchmark")
                for row in periods.periods_of(operator, month):
                    periods.close(operator, row, "bench")
                operator.commit()
                spent = time.perf_counter() - begun
                print(f"{month}: {len(rows)} statements approved and closed in {spent:.1f} s", flush=True)
                taken, approved, start = taken + spent, approved + len(rows), month.start
    each = taken / max(approved, 1)
    print(f"{each * 1000:.1f} ms a statement: {each * 1000:.1f} s for 1,000 tenants (at most {MOST_SECONDS:.0f} s)")
    return 0 if each * 1000 <= MOST_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
