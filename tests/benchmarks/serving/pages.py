"""Pages over many tenants: the median time of each, over real HTTP, and how many times the same server's emptiest page.

python -m tests.benchmarks.serving.pages [tenants, default 1000]
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

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

MOST_MILLISECONDS = 300.0
REPEATS = 15
NOWHERE = "/nowhere"  # rendered by the same templates, reading nothing
CALL_DAYS = """
insert into marts.fct_call_days (source, account, usage_date, tenant_id, calls, connected_calls, connected_seconds)
select 'vapi', m.tenant_id, d.day::date, m.tenant_id, 20, 18, 1800
from marts.fct_margin_monthly as m
cross join generate_series(m.period_start, m.period_end - 1, interval '1 day') as d (day)
"""
PAGES = {
    "ana": (
        "/periods",
        "/periods?page=9",
        "/periods?show=blocked&q=7",
        "/periods/acme-dental/2026-10-01",
        "/tables",
        "/approvals?month=2026-10&which=ready",
        "/portfolio?month=2026-10",
        "/invoices?month=2026-10",
        "/credits",
        "/costs?month=2026-10",
        "/alerts",
        "/people",
        "/onboarding",
        "/onboarding?q=7&page=2",
        "/onboarding/acme-dental",
    ),
    "otto": ("/days", "/days?page=9", "/days?show=fix", "/days/acme-dental/2026-10-30", "/tasks", "/events", "/calls"),
    "tina": ("/usage", "/usage/2026-10-01", "/tenants/acme-dental/calls", "/sessions"),
}


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as url:
        migrate(url)
        tenants = world.build(url, count)
        with psycopg.connect(url) as connection:
            connection.execute(CALL_DAYS)
        with connect(url, Role.SERVER) as connection:
            for login, role, tenant in (
                ("ana", "finance", None),
                ("otto", "operator", None),
                ("tina", "tenant", tenants[0]),
            ):
                web_logins.add_login(connection, login, role, tenant)  # type: ignore[arg-type]
                web_logins.set_password(connection, login, PASSWORD)
        with serving(url, Path(folder), world.TODAY) as address:
            for login, paths in PAGES.items():
                with httpx.Client(base_url=address, timeout=60) as client:
                    sign_in(client, login)
                    baseline = _median(client, NOWHERE)
                    print(f"{baseline:7.1f} ms         (baseline: a page that reads nothing)", flush=True)
                    for path in paths:
                        median = _median(client, path)
                        slowest = max(slowest, median)
                        print(f"{median:7.1f} ms  {median / baseline:5.1f} x  {path}", flush=True)
    print(f"slowest median {slowest:.0f} ms over {count:,} tenants (at most {MOST_MILLISECONDS:.0f} ms)")
    return verdict(slowest <= MOST_MILLISECONDS)


def _median(client: httpx.Client, path: str) -> float:
    expected = client.get(path).status_code
    if expected >= 400 and path != NOWHERE:
        raise RuntimeError(f"{path} answered {expected}")
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        client.get(path)
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
