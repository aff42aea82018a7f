"""Backfills in one run: a year of one tenant; 90 days of many, against one run per tenant-day, measured on a sample.

python -m tests.benchmarks.pulling.backfill [days of one, default 365] [tenants, default 100] \
[days of each, default 90] [sample of single runs, default 5]

Every run is Dagster's with its records in Postgres. A single run is a process of its own that loads the definitions and
pulls one tenant-day, as Dagster launches it; the sample is taken while nothing else of ours is at work.
"""

import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from tests.benchmarks._deployment import deployment, run_in_dagster
from tests.benchmarks._measuring import measured, most_memory, verdict

CALLS_A_DAY = 20
MOST_SECONDS, LEAST_TIMES, MOST_MIB = 60.0, 50.0, 1024


def main(days_of_one: int = 365, tenants: int = 100, days: int = 90, sample: int = 5) -> int:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with deployment(tenants, CALLS_A_DAY) as deployed:
        first, last = deployed.tenants[0], deployed.tenants[-1]
        with measured(deployed.home, deployed.providers) as one:
            deployed.pull_in_dagster((first, yesterday - timedelta(days=days_of_one - 1)), (first, yesterday))
        with measured(deployed.home, deployed.providers) as many:
            deployed.pull_in_dagster((first, yesterday - timedelta(days=days - 1)), (last, yesterday))
        started = time.perf_counter()
        for number in range(sample):
            command = [
                sys.executable,
                "-m",
                "tests.benchmarks.pulling.backfill",
                deployed.tenants[-1 - number],
                str(yesterday),
            ]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        single = (time.perf_counter() - started) / sample
    memory = most_memory()
    print(f"{'':34}{'tenant-days':>12}{'wall s':>8}{'own CPU s':>11}{'server':>8}{'providers':>11}")
    for name, of_run, cost in (("one tenant", days_of_one, one), ("many tenants", tenants * days, many)):
        print(f"{name:34}{of_run:12,}{cost.wall:8.1f}{cost.own:11.1f}{cost.server:8.1f}{cost.beside:11.1f}")
    print(f"{'one run per tenant-day, sampled':34}{sample:12,}{single * sample:8.1f}")
    times = single / (many.wall / (tenants * days))
    print(f"{days_of_one} days of one tenant in {one.wall:.1f} s (under {MOST_SECONDS:.0f}), at most {memory:,.0f} MiB")
    print(f"{times:.0f} times as fast as one run per tenant-day (at least {LEAST_TIMES:.0f})")
    return verdict(one.wall < MOST_SECONDS, times >= LEAST_TIMES, memory < MOST_MIB)


def pull_one(tenant_id: str, usage_date: str) -> None:
    """A single run in this process, by the environment it was started with."""
    tenant_day = tenant_id, date.fromisoformat(usage_date)
    with dg.DagsterInstance.get() as instance:
        run_in_dagster(instance, tenant_day, tenant_day)


if __name__ == "__main__":
    if sys.argv[1:] and not sys.argv[1].isdigit():
        pull_one(*sys.argv[1:])
    else:
        sys.exit(main(*map(int, sys.argv[1:])))
