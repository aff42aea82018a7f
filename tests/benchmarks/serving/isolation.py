"""What row-level security costs: a tenant's queries under the policy, and an analyst's with a literal filter.

python -m tests.benchmarks.serving.isolation [calls, default 1000000] [tenants, default 1000]
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from orchestration.installing import install as migrate
from tests.benchmarks._measuring import verdict
from tests.isolation.conftest import AS_OF, fill
from tests.marts.warehouse_of_one import opened
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.security import database_logins
from warehouse.security.database_logins import Access

MOST_TIMES_SLOWER, REPETITIONS = 1.2, 101
WARM_UP = 4
ONE = "t0042"
CALLS = """
insert into marts.fct_calls (
    tenant_id, agent_id, call_id, account, pull_id, usage_date, outcome, status, direction, connected_seconds, units,
    cost_basis, cost, costs, cost_currency, created_at
)
select
    't' || lpad((n %% %(tenants)s)::text, 4, '0'), 'agent', 'call-' || n, 'platform', n / 100,
    date '2026-01-01' + (n / %(tenants)s %% 90)::int, 'connected', 'ended', 'inbound', 61, '{"minutes": 2}',
    'reported_by_voice', 0.12, '{"total": 0.12}', 'USD',
    timestamptz '2026-01-01' + make_interval(mins => n::int %% 100000)
from generate_series(1, %(calls)s) as n
"""
QUERIES = {
    "one month's sum": (
        "select count(*), sum(connected_seconds) from marts.fct_calls where {} usage_date >= '2026-02-01'"
        " and usage_date < '2026-03-01'"
    ),
    "sum by day": "select usage_date, count(*), sum(connected_seconds) from marts.fct_calls where {} true group by 1",
    "latest 50": (
        "select call_id, usage_date, outcome from marts.fct_calls where {} true"
        " order by usage_date desc, call_id limit 50"
    ),
    "one day": "select call_id, connected_seconds from marts.fct_calls where {} usage_date = '2026-02-11'",
}


def measured(reader: psycopg.Connection[Any], analyst: psycopg.Connection[Any], query: str) -> tuple[float, float]:
    """Median milliseconds under the policy and with a literal filter; both must answer the same.

    Asked by turns, and who is first by turns too: else what a busy machine does to one of them looks like the policy's
    price. The first answers, which read from disk and plan, are not counted.
    """
    asked = ((reader, query.format("")), (analyst, query.format(f"tenant_id = '{ONE}' and")))
    taken: tuple[list[float], list[float]] = ([], [])
    answers: list[Any] = [None, None]
    for repetition in range(-WARM_UP, REPETITIONS):
        for place in (0, 1) if repetition % 2 else (1, 0):
            connection, statement = asked[place]
            started = time.perf_counter()
            answers[place] = connection.execute(statement).fetchall()  # type: ignore[call-overload]
            if repetition >= 0:
                taken[place].append((time.perf_counter() - started) * 1000)
    assert answers[0]
    assert sorted(answers[0]) == sorted(answers[1])
    return statistics.median(taken[0]), statistics.median(taken[1])


def main() -> int:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    tenants = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    worst = 0.0
    with (
        tempfile.TemporaryDirectory(prefix="minutebook-bench-") as folder,
        running(Path(folder), settings={"fsync": "off", "synchronous_commit": "off"}) as url,
    ):
        migrate(url)
        warehouse = opened(url, Path(folder) / "home")
        with warehouse.connection as owner:
            fill(warehouse)
            warehouse.build(AS_OF)
            owner.execute(
                "insert into control.tenants (tenant_id, name, currency)"
                " select 't' || lpad(n::text, 4, '0'), 'x', 'USD' from generate_series(0, %s) as n",
                [tenants - 1],
            )
            owner.execute(CALLS, {"calls": calls, "tenants": tenants})
            owner.execute("vacuum analyze marts.fct_calls")
        with connect(url, Role.OWNER) as owner:
            logins = [
                database_logins.grant(owner, Access.TENANT, tenant_id=ONE),
                database_logins.grant(owner, Access.ANALYST),
            ]
        reader, analyst = (
            psycopg.connect(
                make_url(url)
                .set(username=login.login, password=login.password.reveal())
                .render_as_string(hide_password=False),
                autocommit=True,
            )
            for login in logins
        )
        with reader, analyst:
            print(f"{calls:,} calls of {tenants:,} tenants; median of {REPETITIONS}, in ms")
            for name, query in QUERIES.items():
                policy, literal = measured(reader, analyst, query)
                worst = max(worst, policy / literal)
                print(f"{name:<16} policy {policy:8.2f}   literal {literal:8.2f}   ratio {policy / literal:.2f}")
    print(f"worst ratio {worst:.2f} (at most {MOST_TIMES_SLOWER})")
    return verdict(worst <= MOST_TIMES_SLOWER)


if __name__ == "__main__":
    sys.exit(main())
