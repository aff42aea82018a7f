"""Words in calls of a thousand tenants: how long a search takes as one of them, how many times what it takes the owner
whom no policy binds, how long one in all tenants, and how long the pages that show it take, over real HTTP.

python -m tests.benchmarks.serving.calls [calls, default 300000]
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg

from orchestration.installing import install as migrate
from tests.benchmarks._measuring import verdict
from tests.web import world
from tests.web.server import serving
from tests.web.signing import PASSWORD, sign_in
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.security import web_logins

MOST_MILLISECONDS_OF_A_SEARCH, MOST_MILLISECONDS_OF_A_PAGE = 50.0, 300.0
TENANTS, REPEATS = 1000, 15
UNSAFE = {"fsync": "off", "max_wal_size": "8GB"}  # what is thrown away need not survive a crash of the machine
WORDS = {"rare": "rareword", "common": "common", "phrase": '"common words" -w17'}
AT_ONCE = 100_000
FILLED = """
create temporary table made on commit drop as
select
    'b-' || n as call_id, '2026-07-01'::date + (n / %(tenants)s) %% 120 as usage_date,
    n %% 82800 * interval '1 second' as since_midnight,
    case when n %% %(tenants)s = 0 then %(own)s else 't-' || n %% %(tenants)s end as tenant_id,
    'common words of all ' || case when n <= 3 * %(tenants)s then 'rareword ' else '' end
    || (select string_agg('w' || (n::bigint * 7919 + k * 104729) %% 20000, ' ') from generate_series(1, 56) as k)
    as said
from generate_series(%(first)s, least(%(first)s + %(at_once)s - 1, %(calls)s)) as n;
insert into marts.fct_calls (
    tenant_id, call_id, source, account, pull_id, usage_date, outcome, scopes, units, created_at, connected_seconds,
    cost_basis, costs, unknown_costs, covered_costs
)
select
    tenant_id, call_id, 'vapi', 'platform', 1, usage_date, 'connected', '{}', '{}', usage_date + since_midnight, 60,
    'reported_by_voice', '{}', '{}', '{}'
from made;
insert into marts.fct_call_results (tenant_id, call_id, source, account, usage_date, evaluation_state, has_recording)
select tenant_id, call_id, 'vapi', 'platform', usage_date, 'not evaluated', false from made;
insert into marts.fct_call_texts (
    tenant_id, call_id, source, account, usage_date, created_at, outcome, connected_seconds, turns, language, words
)
select
    tenant_id, call_id, 'vapi', 'platform', usage_date, usage_date + since_midnight, 'connected', 60, '[]',
    'simple', marts.words_of(tenant_id, to_tsvector('simple', said))
from made
"""
INDEXED = """
create index on marts.fct_call_texts using gin (words);
create index on marts.fct_call_texts (tenant_id, usage_date, created_at, call_id);
create index on marts.fct_call_texts (usage_date, created_at);
create index on marts.fct_call_results (tenant_id, usage_date, call_id);
analyze marts.fct_calls, marts.fct_call_results, marts.fct_call_texts
"""
AS_OWNER = (
    "select usage_date, source, call_id from marts.fct_call_texts"
    " where words @@ marts.words_of(%s, websearch_to_tsquery('simple', %s))"
    " order by usage_date desc, created_at desc limit 51"
)
IN_ALL = f"select * from marts.search_all_calls(array['simple'], %s, '-infinity', 'infinity', 51{', null' * 12})"
AS_TENANT = f"select * from marts.search_calls(%s, '-infinity', 'infinity', 51, null, '-'{', null' * 10})"


def main() -> int:
    """Exit code: 0 where both bounds hold."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home", settings=UNSAFE) as url:
        migrate(url)
        own = world.build(url, 1)[0]
        with connect(url, Role.SERVER) as connection:
            web_logins.add_login(connection, "tina", "tenant", own)
            web_logins.set_password(connection, "tina", PASSWORD)
        with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            for first in range(1, count + 1, AT_ONCE):
                asked = {"tenants": TENANTS, "own": own, "first": first, "at_once": AT_ONCE, "calls": count}
                with connection.transaction():
                    connection.execute(FILLED, asked)
            connection.execute(INDEXED)
        slowest_search = _searches(url, own)
        with serving(url, Path(folder), world.TODAY) as address:
            slowest_page = _pages(address, f"/tenants/{own}/calls")
    print(
        f"{count:,} calls of {TENANTS:,} tenants: slowest search {slowest_search:.1f} ms (at most"
        f" {MOST_MILLISECONDS_OF_A_SEARCH:.0f}), slowest page {slowest_page:.0f} ms (at most"
        f" {MOST_MILLISECONDS_OF_A_PAGE:.0f})"
    )
    return verdict(slowest_search <= MOST_MILLISECONDS_OF_A_SEARCH and slowest_page <= MOST_MILLISECONDS_OF_A_PAGE)


def _searches(url: str, own: str) -> float:
    slowest = 0.0
    with psycopg.connect(url) as owner, connect(url, Role.TENANT) as tenant:
        tenant.execute("select set_config('minutebook.tenant_id', %s, false)", [own])
        for kind, words in WORDS.items():
            baseline = _median(lambda words=words: owner.execute(AS_OWNER, [own, words]).fetchall())  # type: ignore[misc]
            median = _median(lambda words=words: tenant.execute(AS_TENANT, [words]).fetchall())  # type: ignore[misc]
            slowest = max(slowest, median)
            print(
                f"{median:7.1f} ms  {median / baseline:6.2f} x  a {kind} word (baseline: the owner, {baseline:.1f} ms)"
            )
    with connect(url, Role.OPERATOR, autocommit=True) as operator:
        for kind, words in WORDS.items():
            median = _median(lambda words=words: operator.execute(IN_ALL, [words]).fetchall())  # type: ignore[misc]
            print(f"{median:7.1f} ms            a {kind} word in all tenants")
    return slowest


def _pages(address: str, path: str) -> float:
    slowest = 0.0
    with httpx.Client(base_url=address, timeout=60) as client:
        sign_in(client, "tina")
        for asked in ("", *(f"?words={words}" for words in WORDS.values()), "?longer=30"):
            if client.get(path + asked).status_code != httpx.codes.OK:
                raise RuntimeError(f"{path}{asked} is no page")
            median = _median(lambda asked=asked: client.get(path + asked))  # type: ignore[misc]
            slowest = max(slowest, median)
            print(f"{median:7.1f} ms            {path}{asked}", flush=True)
    return slowest


def _median(once: Callable[[], Any]) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        once()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
