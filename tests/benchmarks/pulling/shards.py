"""A night over two worker processes, each on a host of its own, against the same night in one: nothing is pulled twice.

python -m tests.benchmarks.pulling.shards [tenants, default 500] [calls of each, default 20]

A host is a network namespace, which needs root. Two cores say nothing of the wall; what counts is that two processes
take little more processor time than one, and ask the providers for nothing more.
"""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import psycopg
from sqlalchemy.engine import make_url

from tests.benchmarks._deployment import Deployment, deployment, run_in_dagster
from tests.benchmarks._measuring import verdict
from tests.deploy.hosts import hosts
from tests.faults.links import link

MOST_OVERHEAD = 1.3  # of one process's time: each imports, and plans its own run
WHOLE = 10_000
WRITTEN = """
select (select count(*) from ledger.pulls where usage_date = %(day)s),
    (select coalesce(sum(requests), 0) from ledger.pulls where usage_date = %(day)s),
    (select count(*) from raw_vapi.calls where usage_date = %(day)s),
    (select count(distinct (source, account)) from ledger.pulls where usage_date = %(day)s and state = 'published')
"""


@dataclass(frozen=True)
class Night:
    """What it took. own: processor seconds of all workers."""

    wall: float
    own: float
    written: tuple[int, ...]


def night(deployed: Deployment, day: date, workers: int) -> Night:
    """The day of all tenants, in so many processes, each with the tenants that lie beside each other."""
    ports = [int(make_url(deployed.url).port or 0)]
    ports.append(int(make_url(os.environ["MINUTEBOOK_VAPI_URL"]).port or 0))
    share = -(-len(deployed.tenants) // workers)
    with ExitStack() as stack:
        started = []
        machines = stack.enter_context(hosts(*"ab"[:workers]))
        for number, host in enumerate(machines):
            for port in ports:
                stack.enter_context(link(port, host.gateway, port))
            part = deployed.tenants[number * share : (number + 1) * share]
            command = [
                sys.executable,
                "-m",
                "tests.benchmarks.pulling.shards",
                "part",
                part[0],
                part[-1],
                day.isoformat(),
            ]
            started.append((["ip", "netns", "exec", host.namespace, *command], host.gateway))
        began, before = time.perf_counter(), os.times()
        processes = [
            subprocess.Popen(
                command, env={name: value.replace("127.0.0.1", gateway) for name, value in os.environ.items()}
            )
            for command, gateway in started
        ]
        assert [process.wait() for process in processes] == [0] * workers
        wall, after = time.perf_counter() - began, os.times()
    own = after.children_user + after.children_system - before.children_user - before.children_system
    with psycopg.connect(deployed.url) as owner:
        written = owner.execute(WRITTEN, {"day": day}).fetchone()
    return Night(wall, own, written or ())


def main(tenants: int = 500, calls: int = 20) -> int:
    today = datetime.now(UTC).date()
    with deployment(tenants, calls) as deployed:
        one = night(deployed, today - timedelta(days=1), 1)
        two = night(deployed, today - timedelta(days=2), 2)
    print(f"{'':10}{'pulls':>8}{'requests':>10}{'rows':>10}{'wall s':>8}{'own CPU s':>11}")
    for name, found in (("one", one), ("two", two)):
        pulls, requests, rows, _ = found.written
        print(f"{name:10}{pulls:8,}{requests:10,}{rows:10,}{found.wall:8.1f}{found.own:11.1f}")
    assert one.written == two.written, "two processes ask and write what one does"
    assert one.written[0] == one.written[3] == tenants, "every tenant's day is published, once"
    assert one.written[2] == tenants * calls
    print(f"two take {two.own / one.own:.2f} of one's processor time (under {MOST_OVERHEAD})")
    if tenants < WHOLE:
        print(f"of {WHOLE:,} tenants: python -m tests.benchmarks.pulling.shards {WHOLE}")
    return verdict(two.own / one.own < MOST_OVERHEAD)


def part(first: str, last: str, day: str) -> int:
    """One worker's share."""
    usage_date = date.fromisoformat(day)
    with dg.DagsterInstance.get() as instance:
        run_in_dagster(instance, (first, usage_date), (last, usage_date))
    return 0


if __name__ == "__main__":
    sys.exit(part(*sys.argv[2:]) if sys.argv[1:2] == ["part"] else main(*map(int, sys.argv[1:])))
