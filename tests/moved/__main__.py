"""`python -m tests.moved DATES [PYTEST ARGUMENTS]`: pytest on a machine whose date was moved, once per date.

DATES are separated by commas: +60 (days from now), or a moment such as 2028-02-29 or 2026-12-31T23:59. Without further
arguments the whole suite runs. Exits 1 if any run failed.
"""

import sys
from datetime import UTC, datetime

from tests.moved.machine import run_moved


def main(arguments: list[str]) -> int:
    """Runs pytest on each of the dates; the number of dates on which it failed."""
    if not arguments:
        sys.exit(__doc__)
    dates, *rest = arguments
    failed = 0
    for date in dates.split(","):
        print(f"— pytest with the machine's date at {date}", flush=True)
        failed += run_moved([sys.executable, "-m", "pytest", *rest], seconds_to(date)) != 0
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
