"""`python -m tests.moved DATES [PYTEST ARGUMENTS]`: pytest on a machine whose date was moved, once per date.

DATES are separated by commas: +60 (days from now), or a moment such as 2028-02-29 or 2026-12-31T23:59. Without further
arguments the whole suite runs. Exits 1 if any run failed.
"""

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

SOURCE = Path(__file__).with_name("moved.c")


def main(arguments: list[str]) -> int:
    """Runs pytest on each of the dates; the number of dates on which it failed."""
    if not arguments:
        sys.exit(__doc__)
    dates, *rest = arguments
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "moved.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"], check=True)
        library.chmod(0o644)
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user where we are root
        failed = 0
        for date in dates.split(","):
            print(f"— pytest with the machine's date at {date}", flush=True)
            environment = os.environ | {"LD_PRELOAD": str(library), "CLOCK_MOVED_BY": str(seconds_to(date))}
            done = subprocess.run([sys.executable, "-m", "pytest", *rest], env=environment)
            failed += done.returncode != 0
    return failed


def seconds_to(date: str) -> int:
    """How far a date of the arguments is from now, in seconds."""
    if date.startswith(("+", "-")):
        return int(date) * 86_400
    moment = datetime.fromisoformat(date)
    if len(date) == len("2028-02-29"):
        moment = moment.replace(hour=12)
    return int((moment.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds())


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
