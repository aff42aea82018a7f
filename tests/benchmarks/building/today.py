"""A build while today moves: one tenant's day in progress was read again, beside the start of dbt and of Python alone.

    python -m tests.benchmarks.building.today [tenants, default 100] [days of history, default 60]

Each is a process of its own, as a run of Dagster's or of the command line is. The start is the same command with
nothing selected: dbt is imported, reads its parsed project, connects and ends.
"""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg

from orchestration.installing import install
from tests.benchmarks._measuring import measured, verdict
from tests.benchmarks.building import history
from tests.oracle.worlds.loading import load
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running

CALLS_A_DAY, MOST_SECONDS, TIMES = 20, 2.0, 3
BEGIN_TODAY = """
insert into ledger.pulls (
    attempt_id, source, account, tenant_id, usage_date, state, row_count, content_hash, closed_at, is_incomplete,
    is_in_progress
)
select max(attempt_id), 'vapi', 't000', 't000', %(day)s, 'published', 0, 'today', now(), true, true from ledger.attempts
"""
MOVE_TODAY = """
with former as (
    update ledger.pulls set state = 'superseded'
    where account = 't000' and usage_date = %(day)s and state = 'published'
    returning pull_id, attempt_id, row_count
),

pull as (
    insert into ledger.pulls (
        attempt_id, source, account, tenant_id, usage_date, state, row_count, content_hash, closed_at, is_incomplete,
        is_in_progress
    )
    select
        attempt_id, 'vapi', 't000', 't000', %(day)s, 'published', row_count + 5, pull_id::text, now(), true, true
    from former
    returning pull_id, row_count
)

insert into raw_vapi.calls (
    account, tenant_id, usage_date, pull_id, call_id, created_at, updated_at, started_at, ended_at, status,
    phone_number_id, payload
)
select
    't000', 't000', %(day)s, p.pull_id, 'today-' || n, %(day)s + n * interval '1 minute', now(),
    %(day)s + n * interval '1 minute', %(day)s + (n + 1) * interval '1 minute', 'ended', 't000-number',
    '{"cost": 0.1234, "costs": [{"type": "vapi", "cost": 0.05}, {"type": "model", "cost": 0.0734123}]}'
from pull as p cross join generate_series(1, p.row_count) as n
"""
BUILD = """
import resource, sys
from datetime import date
from pathlib import Path
from orchestration.marts import building

url, home, day, *more = sys.argv[1:]
day = date.fromisoformat(day)
if more:
    with building.environment(url, Path(home), day):
        building._built(day, [*building.build_arguments(), "--select", "tag:nothing"], None)
else:
    building.build(url, Path(home), day)
for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
    used = resource.getrusage(who)
    print(used.ru_utime + used.ru_stime)
"""


@dataclass
class Busy:
    """Processor seconds."""

    own: float
    server: float

    @property
    def total(self) -> float:
        """Of both."""
        return self.own + self.server


def built(url: str, home: Path, *more: str) -> Busy:
    """What a build costs as a process of its own."""
    with measured(home) as cost:
        command = [sys.executable, "-c", BUILD, url, str(home), history.AS_OF.isoformat(), *more]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Busy(sum(map(float, told.split())), cost.server)


def main(tenants: int, days: int) -> int:
    history.TENANTS = tenants
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), settings=history.UNSAFE) as url:
        home, today = Path(folder), {"day": history.AS_OF}
        install(url)
        with connect(url, Role.OWNER, autocommit=True) as owner:
            load(owner, history.world(days))
            ((attempt,),) = owner.execute("insert into ledger.attempts (trigger) values ('cli') returning attempt_id")
            fill = {"attempt": attempt, "as_of": history.AS_OF, "days": days, "calls": CALLS_A_DAY}
            owner.execute(history.HISTORY, fill)
            owner.execute(BEGIN_TODAY, today)
            owner.execute("vacuum analyze")
        first = built(url, home)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("vacuum analyze")
            moved = []
            for _ in range(TIMES):
                owner.execute(MOVE_TODAY, today)
                moved.append(built(url, home))
            ((counted,),) = owner.execute(
                "select quantity from marts.fct_usage_daily where tenant_id = 't000' and usage_date = %(day)s", today
            )
        assert counted == 5 * TIMES, f"{counted} minutes of today"
        start = min((built(url, home, "nothing") for _ in range(TIMES)), key=lambda one: one.total)
    best = min(moved, key=lambda one: one.total)
    print(f"first build: {first.own:.1f} s of ours, {first.server:.1f} of the server")
    print(f"dbt's own start: {start.own:.1f} s of ours, {start.server:.1f} of the server")
    print(f"one tenant's today moved: {best.own:.1f} s of ours, {best.server:.1f} of the server")
    beside = best.total - start.total
    print(f"beside dbt's own start {beside:.1f} s of processor time (at most {MOST_SECONDS})")
    return verdict(beside <= MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main(*(int(one) for one in (*sys.argv[1:], *("100", "60")[len(sys.argv) - 1 :]))))
