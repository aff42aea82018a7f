"""A build after one changed tenant-day with a history of calls and with one ten times as long; a statement query too.

python -m tests.benchmarks.building.history [calls of the short history, default 1000000]
"""

import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg

from orchestration.installing import install as migrate
from orchestration.marts.building import build
from tests.benchmarks._measuring import Cost, measured, verdict
from tests.oracle.worlds.book import Attachment, Book, Meter, PlanChoice, Price, Status, Tenant, Terms
from tests.oracle.worlds.loading import load
from tests.oracle.worlds.months import World
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running

TENANTS, CALLS_A_DAY, AS_OF, LONG_AGO = 100, 100, date(2026, 11, 1), date(2015, 1, 1)
UNSAFE = {"fsync": "off", "full_page_writes": "off"}  # what is thrown away need not survive a crash of the machine
MOST_TIMES_SLOWER, MOST_MILLISECONDS = 1.5, 50.0

HISTORY = """
with pulls as (
    insert into ledger.pulls (
        attempt_id, source, account, tenant_id, usage_date, state, row_count, content_hash, closed_at
    )
    select %(attempt)s, 'vapi', t.tenant_id, t.tenant_id, %(as_of)s - d, 'published', %(calls)s, 'bench', now()
    from control.tenants as t cross join generate_series(1, %(days)s) as d
    returning pull_id, tenant_id, usage_date
)
insert into raw_vapi.calls (
    account, tenant_id, usage_date, pull_id, call_id, created_at, updated_at, started_at, ended_at, status,
    phone_number_id, payload
)
select p.tenant_id, p.tenant_id, p.usage_date, p.pull_id, 'c' || p.pull_id || '-' || n,
    p.usage_date + n * interval '10 minutes', p.usage_date + n * interval '11 minutes',
    p.usage_date + n * interval '10 minutes',
    p.usage_date + n * interval '10 minutes' + (n %% 300) * interval '1 second',
    'ended', p.tenant_id || '-number',
    '{"cost": 0.1234, "costs": [{"type": "vapi", "cost": 0.05}, {"type": "model", "cost": 0.0734123}]}'
from pulls as p cross join generate_series(1, %(calls)s) as n
"""

READ_AGAIN = """
with former as (
    update ledger.pulls set state = 'superseded'
    where account = 't000' and usage_date = %(day)s and state = 'published'
    returning *
)
select pull_id, attempt_id from former
"""

PUBLISH_AGAIN = """
with pull as (
    insert into ledger.pulls (
        attempt_id, source, account, tenant_id, usage_date, state, row_count, content_hash, closed_at
    )
    values (%(attempt)s, 'vapi', 't000', 't000', %(day)s, 'published', 0, 'again', now())
    returning pull_id
)
insert into raw_vapi.calls
select c.account, c.tenant_id, c.usage_date, p.pull_id, c.call_id, c.created_at, c.updated_at, c.started_at,
    c.ended_at + interval '1 minute', c.status, c.call_type, c.ended_reason, c.assistant_id, c.phone_number_id,
    c.payload
from raw_vapi.calls as c cross join pull as p
where c.pull_id = %(former)s
"""


def world(days: int) -> World:
    tenants = [
        Tenant(
            f"t{number:03}", "USD", 1, (Status(AS_OF - timedelta(days=days), "active"),), (PlanChoice(LONG_AGO, "p"),),
            own_vapi_from=LONG_AGO,
        )
        for number in range(TENANTS)
    ]  # fmt: skip
    return World(0, Book(
        tenants, [Meter("minutes", "vapi", 60, 0)], [Terms("p", LONG_AGO, Decimal(249), voice_meter_id="minutes")],
        prices=[Price("p", "minutes", LONG_AGO, "per_unit", Decimal("0.1"))],
        attachments=[Attachment("vapi_phone_number", f"{one.tenant_id}-number", LONG_AGO, one.tenant_id,
                                f"{one.tenant_id}-agent") for one in tenants],
    ), (), AS_OF)  # fmt: skip


def after_a_history(days: int) -> tuple[Cost, float]:
    """The cost of a build after one changed tenant-day, and the median milliseconds of a tenant's statement query."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home", settings=UNSAFE) as url:
        migrate(url)
        with connect(url, Role.OWNER, autocommit=True) as owner:
            load(owner, world(days))
            row = owner.execute("insert into ledger.attempts (trigger) values ('cli') returning attempt_id").fetchone()
            assert row is not None
            fill = {"attempt": row[0], "as_of": AS_OF, "days": days, "calls": CALLS_A_DAY}
            owner.execute(HISTORY, fill)
            owner.execute("vacuum analyze")
            first = _build(url, Path(folder))
            print(f"{days * TENANTS * CALLS_A_DAY:>11,} calls: first build {first.wall:.1f} s", flush=True)
            owner.execute("vacuum analyze")
            best = min((_after_a_change(owner, url, Path(folder)) for _ in range(3)), key=_busy)
        with connect(url, Role.TENANT) as reader:
            return best, _query(reader)


def _after_a_change(owner: psycopg.Connection[tuple[object, ...]], url: str, folder: Path) -> Cost:
    day = AS_OF - timedelta(days=1)
    former = owner.execute(READ_AGAIN, {"day": day}).fetchone()
    assert former is not None
    owner.execute(PUBLISH_AGAIN, {"day": day, "former": former[0], "attempt": former[1]})
    return _build(url, folder)


def _build(url: str, folder: Path) -> Cost:
    with measured(folder / "home") as cost:
        build(url, folder / "home", AS_OF)
    return cost


def _busy(cost: Cost) -> float:
    return cost.own + cost.server


def _query(reader: psycopg.Connection[tuple[object, ...]]) -> float:
    reader.execute("select set_config('minutebook.tenant_id', 't007', false)")
    taken = []
    for _ in range(200):
        started = time.perf_counter()
        rows = reader.execute(
            "select line_kind, quantity, amount from marts.fct_statement_lines where period_start = '2026-10-01'"
        ).fetchall()
        taken.append((time.perf_counter() - started) * 1000)
        assert rows
    return statistics.median(taken)


def main() -> int:
    short = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    days = short // (TENANTS * CALLS_A_DAY)
    (of_short, _), (of_long, milliseconds) = after_a_history(days), after_a_history(days * 10)
    for calls, cost in ((short, of_short), (short * 10, of_long)):
        busy = f"processor seconds: {cost.own:.1f} ours, {cost.server:.1f} the server's"
        print(f"one changed tenant-day with {calls:,} calls: {cost.wall:.1f} s; {busy}")
    ratio, on_the_wall = _busy(of_long) / _busy(of_short), of_long.wall / of_short.wall
    print(f"ratio {ratio:.2f} by processor time (at most {MOST_TIMES_SLOWER}), {on_the_wall:.2f} on the wall")
    print(f"a statement as the tenant: median {milliseconds:.1f} ms (at most {MOST_MILLISECONDS:.0f})")
    return verdict(ratio <= MOST_TIMES_SLOWER, milliseconds < MOST_MILLISECONDS)


if __name__ == "__main__":
    sys.exit(main())
