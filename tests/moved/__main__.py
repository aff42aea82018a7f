"""`python -m tests.moved DATES [PYTEST ARGUMENTS]`: pytest on a machine whose date was moved, once per date.

DATES are separated by commas: +60 (days from now), a moment such as 2028-02-29 or 2026-12-31T23:59, or leap-day, the
first that is more than a year away. Without further arguments the whole suite runs. Exits 1 if any run failed.
"""

import sys
from calendar import isleap
from datetime import UTC, date, datetime
from itertools import count

from tests.moved.machine import run_moved


def main(arguments: list[str]) -> int:
    """Runs pytest on each of the dates; the number of dates on which it failed."""
    if not arguments:
        sys.exit(__doc__)
    dates, *rest = arguments
    failed = 0
    for named in dates.split(","):
        print(f"— pytest with the machine's date at {named}", flush=True)
        failed += run_moved([sys.executable, "-m", "pytest", *rest], seconds_to(named)) != 0
    return failed


def seconds_to(named: str) -> int:
    """How far a date of the arguments is from now, in seconds."""
    if named.startswith(("+", "-")):
        return int(named) * 86_400
    now = datetime.now(UTC)
    moment = datetime.fromisoformat(leap_day(now.date()).isoformat() if named == "leap-day" else named)
    if "T" not in named:
        moment = moment.replace(hour=12)
    return int((moment.replace(tzinfo=UTC) - now).total_seconds())


def leap_day(today: date) -> date:
    """The first February 29 that is more than a year after today."""
    leap_days = (date(year, 2, 29) for year in count(today.year + 1) if isleap(year))
    return next(day for day in leap_days if (day - today).days > 365)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
