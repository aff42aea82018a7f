"""Closing a month of many tenants as finance does it: review, approve and close at a terminal, beside the build they
rest on.

python -m tests.benchmarks.billing.closing [tenants, default 1000]
"""

import os
import pty
import re
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from tests.benchmarks._measuring import verdict
from tests.oracle.worlds.loading import load
from tests.oracle.worlds.months import generated
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.statements.periods import Month

MOST_SECONDS = 300.0
MINUTEBOOK = Path(sys.executable).with_name("minutebook")
SHARE = re.compile(r"(\d+)%")
CLOSED = "select count(*) from ledger.periods where state = 'closed' and period_start >= %s and period_start < %s"


def main() -> int:
    tenants = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    world = generated(3, tenants)
    month = Month.parse(f"{(world.as_of.replace(day=1) - timedelta(days=32)):%Y-%m}")
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as url:
        at_a_terminal(Path(folder) / "home", "init")
        with connect(url, Role.OWNER, autocommit=True) as owner:
            load(owner, world)
        built, _ = at_a_terminal(Path(folder) / "home", "build")
        print(f"{tenants} tenants: build {built:.1f} s", flush=True)
        taken = 0.0
        for name, more in (("review", ()), ("approve", ("--override", "benchmark")), ("close", ())):
            seconds, shares = at_a_terminal(Path(folder) / "home", name, str(month), *more)
            print(f"{name} {month}: {seconds:.1f} s, progress shown {len(shares)} times", flush=True)
            if len(shares) < 3:
                print(f"{name} showed no progress at a terminal")
                return 1
            taken += seconds
        with connect(url, Role.OPERATOR) as operator:
            counted = operator.execute(CLOSED, [month.start, month.end]).fetchone()
            closed = counted[0] if counted else 0
    print(f"{closed} statements reviewed, approved and closed in {taken:.1f} s, {taken / built:.2f} of their build")
    print(f"{taken / closed * 1000:.1f} s for 1,000 tenants (at most {MOST_SECONDS:.0f} s)")
    return verdict(taken / closed * 1000 <= MOST_SECONDS)


def at_a_terminal(home: Path, *arguments: str) -> tuple[float, list[str]]:
    """Run the command line at a terminal of its own; seconds, and the shares of progress a person saw."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MINUTEBOOK_")}
    terminal, side = pty.openpty()
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(MINUTEBOOK), *arguments], stdin=side, stdout=side, stderr=side,
        env=environment | {"MINUTEBOOK_HOME": str(home), "TERM": "xterm", "COLUMNS": "200"},
    )  # fmt: skip
    os.close(side)
    said = bytearray()
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the last writer has gone
            break
        if not part:
            break
        said += part
    os.close(terminal)
    text = said.decode(errors="replace")
    if process.wait():
        sys.exit(f"minutebook {' '.join(arguments)} ended with {process.returncode}:\n{text[-2000:]}")
    return time.perf_counter() - started, SHARE.findall(text)


if __name__ == "__main__":
    sys.exit(main())
