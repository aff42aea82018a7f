"""The night: all tenants' day of all three sources in one run, and the same night again, when nothing has changed.

python -m tests.benchmarks.pulling.night [tenants, default 1000] [calls of each, default 200]

The providers answer on loopback from a process of their own, whose processor time is their service time: what the night
would take if we took none. Both runs are Dagster's, in one process, with its records in Postgres.
"""

import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg

from tests.benchmarks._deployment import deployment
from tests.benchmarks._measuring import measured, most_memory, verdict

MOST_OWN_SECONDS, MOST_MIB = 60.0, 1024
WRITTEN = """
select (select count(*) from ledger.pulls), (select coalesce(sum(requests), 0) from ledger.pulls),
    (select count(*) from raw_vapi.calls) + (select count(*) from raw_voiceflow.usage)
    + (select count(*) from raw_usage_metrics.metrics)
"""


def main(tenants: int = 1_000, calls: int = 200) -> int:
    day = datetime.now(UTC).date() - timedelta(days=1)
    costs, counts = [], [(0, 0, 0)]
    with deployment(tenants, calls, day) as deployed, psycopg.connect(deployed.url, autocommit=True) as owner:
        for _ in range(2):
            with measured(deployed.home, deployed.providers) as cost:
                deployed.pull_in_dagster((deployed.tenants[0], day), (deployed.tenants[-1], day))
            costs.append(cost)
            counts.append(owner.execute(WRITTEN).fetchone() or (0, 0, 0))
            failed = owner.execute("select count(*) from ledger.pulls where state in ('failed', 'reading')").fetchone()
            assert failed == (0,)
    memory = most_memory()
    print(
        f"{'':18}{'pulls':>8}{'requests':>10}{'rows':>10}{'wall s':>8}{'own CPU s':>11}{'server':>8}{'providers':>11}"
    )
    reported = [[after - before for before, after in zip(*pair, strict=True)] for pair in pairwise(counts)]
    for name, cost, (pulls, requests, rows) in zip(("first", "again, unchanged"), costs, reported, strict=True):
        print(
            f"{name:18}{pulls:8,}{requests:10,}{rows:10,}"
            f"{cost.wall:8.1f}{cost.own:11.1f}{cost.server:8.1f}{cost.beside:11.1f}"
        )
    first, again = costs
    print(f"{first.own:.1f} s of our own CPU (under {MOST_OWN_SECONDS:.0f})")
    print(f"{memory:,.0f} MiB at most (under {MOST_MIB:,})")
    print(f"on the wall {first.wall / first.beside:.1f} times the providers' own service time")
    print(
        f"unchanged: {again.wall / first.wall:.2f} of the first time's wall, {again.own / first.own:.2f} of its own CPU"
    )
    assert reported[1] == [reported[0][0], reported[0][1], 0], (
        "an unchanged night costs its requests and a row of the ledger each"
    )
    return verdict(first.own < MOST_OWN_SECONDS, memory < MOST_MIB)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
