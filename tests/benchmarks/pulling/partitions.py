"""Today's raw table, one heap with an index on pull_id, against the same rows partitioned by month of the usage date:
what landing, one pull's rows, a build's incremental read and a purge take of each.

python -m tests.benchmarks.pulling.partitions [rows, default 2000000]

Two years of days, 200 rows of about 0.6 KB a pull, landed in the order of the days; every tenth pull is purged. Each
figure is the least of five, both tables by turns. The baseline is the table as it is.
"""

import sys
import tempfile
import time
from pathlib import Path

import psycopg

from orchestration.installing import install as migrate
from tests.benchmarks._measuring import verdict
from warehouse.database.embedded import running

ROWS_PER_PULL, MONTHS, PULLS_OF_A_NIGHT, REPEATS = 200, 24, 100, 5
MAKE = """
create schema scratch;
create table scratch.indexed (like raw_vapi.calls);
create index on scratch.indexed (pull_id);
create table scratch.monthly (like raw_vapi.calls) partition by range (usage_date);
create index on scratch.monthly (pull_id)
"""
PARTITION = """
do $$ begin
    for month in 0..24 loop
        execute format(
            'create table scratch.monthly_%s partition of scratch.monthly for values from (%L) to (%L)',
            month,
            (date '2024-01-01' + make_interval(months => month))::date,
            (date '2024-01-01' + make_interval(months => month + 1))::date
        );
    end loop;
end $$
"""
# Pull n is of day n / pulls a day: pulls are numbered as they land.
FILL = """
insert into scratch.{table} (account, tenant_id, usage_date, pull_id, call_id, created_at, updated_at, payload)
select
    'acme', 'acme', date '2024-01-01' + (least(p, %(pulls)s) * 730 / %(pulls)s)::int, p, p || '-' || n, now(), now(),
    %(payload)s
from generate_series(%(first)s::bigint, %(last)s::bigint) as p cross join generate_series(1, 200) as n
"""
ONE = "select count(*), sum(length(payload::text)) from scratch.{table} where pull_id = %(pull)s"
ONE_BY_DAY = ONE + " and usage_date = date '2024-01-01' + (%(pull)s * 730 / %(pulls)s)::int"
NIGHT = """
select count(*), sum(length(payload::text)) from scratch.{table} where pull_id = any(array(select pull_id from changed))
"""
PURGE = "delete from scratch.{table} where pull_id = any(%(chosen)s)"


def seconds(owner: psycopg.Connection[tuple[object, ...]], statement: str, table: str, **values: object) -> float:
    started = time.perf_counter()
    owner.execute(statement.format(table=table), values)  # type: ignore[arg-type]
    return time.perf_counter() - started


def main(rows: int = 2_000_000) -> int:
    pulls = rows // ROWS_PER_PULL
    common = {"pulls": pulls, "payload": '{"id": "' + "x" * 600 + '"}'}
    superseded = list(range(10, pulls + 1, 10))
    taken: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="minutebook-partitions-") as home, running(Path(home)) as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(MAKE)
            owner.execute(PARTITION)
            for table in ("indexed", "monthly"):
                seconds(owner, FILL, table, first=1, last=pulls, **common)
                owner.execute(f"vacuum analyze scratch.{table}")  # type: ignore[arg-type]
            # A night's restatement: the newest day, and days of the weeks before.
            owner.execute(
                "create temporary table changed as select generate_series(%s, %s, 3)::bigint as pull_id",
                [pulls - 3 * PULLS_OF_A_NIGHT + 1, pulls],
            )
            owner.execute("analyze changed")
            for repeat in range(REPEATS):
                for table in ("indexed", "monthly"):
                    first = pulls + 1 + repeat * PULLS_OF_A_NIGHT
                    last = first + PULLS_OF_A_NIGHT - 1
                    batch = superseded[repeat * 50 : (repeat + 1) * 50]
                    for name, took in {
                        f"landing {PULLS_OF_A_NIGHT * ROWS_PER_PULL:,} rows": seconds(
                            owner, FILL, table, first=first, last=last, **common
                        ),
                        "one pull by its id": seconds(owner, ONE, table, pull=pulls // 2 + repeat),
                        "one pull by its id and day": seconds(
                            owner, ONE_BY_DAY, table, pull=pulls // 2 + repeat, pulls=pulls
                        ),
                        f"a build's read of {PULLS_OF_A_NIGHT} pulls": seconds(owner, NIGHT, table),
                        f"purge of {50 * ROWS_PER_PULL:,} rows": seconds(owner, PURGE, table, chosen=batch),
                    }.items():
                        of = taken.setdefault(name, {})
                        of[table] = min(took, of.get(table, took))
            sizes = owner.execute(
                "select pg_indexes_size('scratch.indexed'), sum(pg_indexes_size(inhrelid))"
                " from pg_inherits where inhparent = 'scratch.monthly'::regclass"
            ).fetchone()
    print(f"{rows:,} rows, {MONTHS} months{'':17}{'indexed ms':>12}{'monthly ms':>12}{'ratio':>8}")
    for name, of in taken.items():
        print(f"{name:38}{of['indexed'] * 1000:12.2f}{of['monthly'] * 1000:12.2f}{of['monthly'] / of['indexed']:8.2f}")
    print("index MiB " + ", ".join(f"{float(str(size)) / 2**20:.1f}" for size in sizes or ()))
    return verdict()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
