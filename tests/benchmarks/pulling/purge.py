"""What a purge costs beside one bare DELETE of the same rows, and what reading one pull costs while others pile up.

python -m tests.benchmarks.pulling.purge [raw calls, default 100000; half of them superseded]
"""

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from orchestration.installing import install as migrate
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.sources import retention

ROWS_PER_PULL = 200
PULLS = """
insert into ledger.pulls (attempt_id, source, account, usage_date, state, row_count, closed_at)
select 1, 'vapi', 'platform', date '2020-01-01' + n::int / 2, case n %% 2 when 0 then 'superseded' else 'published' end,
    200, now() - interval '40 days'
from generate_series(1, %(pulls)s) as n
"""
CALLS = """
insert into raw_vapi.calls (account, usage_date, pull_id, call_id, created_at, updated_at, payload)
select p.account, p.usage_date, p.pull_id, p.pull_id || '-' || n, now(), now(),
    json_build_object('id', n, 'rest', (select string_agg(md5(p.pull_id || '-' || n || '-' || i), '') from generate_series(1, 45) i))
from ledger.pulls as p cross join generate_series(1, 200) as n
"""  # noqa: E501 - one expression: 1.5 KB that do not compress
BARE = "delete from raw_vapi.calls where pull_id in (select pull_id from ledger.pulls where state = 'superseded')"
ONE = "select count(*), sum(length(payload::text)) from raw_vapi.calls where pull_id = 101"


def fill(owner: psycopg.Connection[tuple[object, ...]], calls: int) -> None:
    """Pulls of one account, every other one superseded long ago, with their rows; nothing else."""
    owner.execute("truncate raw_vapi.calls, ledger.pulls, ledger.attempts restart identity cascade")
    owner.execute("insert into ledger.attempts (trigger) values ('cli')")
    owner.execute(PULLS, {"pulls": calls // ROWS_PER_PULL})
    owner.execute(CALLS)
    owner.execute("analyze raw_vapi.calls")


def seconds(owner: psycopg.Connection[tuple[object, ...]], statement: str) -> float:
    started = time.perf_counter()
    owner.execute(statement)
    return time.perf_counter() - started


def main(calls: int = 100_000) -> None:
    """Prints both as ratios."""
    with tempfile.TemporaryDirectory(prefix="minutebook-purge-") as home, running(Path(home)) as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as owner:
            fill(owner, calls)
            bare = seconds(owner, BARE)
            fill(owner, calls)
            before = min(seconds(owner, ONE) for _ in range(20))
            batches: list[int] = []
            with connect(url, Role.OPERATOR, autocommit=True) as operator:
                started = time.perf_counter()
                purged = retention.purge(operator, datetime.now(UTC) - timedelta(days=35), on_batch=batches.append)
                taken = time.perf_counter() - started
            after = min(seconds(owner, ONE) for _ in range(20))
    gone = sum(one.raw_rows for one in purged)
    print(
        f"purge of {gone:,} of {calls:,} rows in {len(batches)} transactions: {taken:.2f} s, {gone / taken:,.0f} rows/s"
    )
    print(f"ratio to one bare DELETE of the same rows ({bare:.2f} s): {taken / bare:.2f}")
    print(f"one pull by index: {before * 1000:.2f} ms before, {after * 1000:.2f} ms after, ratio {before / after:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
