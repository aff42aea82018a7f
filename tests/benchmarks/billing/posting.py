"""10,000 changed tenant-meter-days to the Stripe sandbox on loopback, against bare calls of the library.

The sandbox is a process of its own. What is measured of ours is everything: the query, the checks of set-up, the
commits before and the records after. `python -m tests.benchmarks.billing.posting [days]`
"""

import gc
import multiprocessing
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import psycopg

from orchestration.installing import install as migrate
from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.calls import StripeApi, midnight
from orchestration.stripe_billing.posting.readiness import Readiness
from orchestration.stripe_billing.posting.report import Limits
from orchestration.stripe_billing.posting.run import Poster
from tests.sandbox.stripe import StripeSandbox
from tests.stripe_billing.scene import GRACE, KEY, OVERAGES, Scene, month_of
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running

DAYS_OF_A_TENANT = 20
TODAY = date(2026, 11, 25)


def serve(tenants: int, pipe: Connection) -> None:
    """A Stripe with tenants set up; the database of the scene is not used."""
    with StripeSandbox(float(midnight(TODAY))) as stripe:
        scene = Scene("", stripe, _Nobody())  # type: ignore[arg-type]
        scene.meter()
        for number in range(tenants):
            scene.tenant(f"t{number}")
        pipe.send(stripe.url)
        pipe.recv()
        pipe.send(len(stripe.metering.received))


class _Nobody:
    def execute(self, *_: object) -> None:
        """The tenants' rows are made in one statement by the parent."""


def fill(url: str, tenants: int) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(OVERAGES)
        owner.execute(
            "insert into control.meters (meter_id, name, unit, source, item, stripe_event_name)"
            " values ('voice', 'voice', 'unit', 'usage_metrics', 'voice', 'minutebook_voice')"
        )
        owner.execute(
            "insert into control.tenants (tenant_id, name, currency, stripe_customer_id, feature_flags)"
            """ select 't' || n, 't', 'USD', 'cus_t' || n, '{"stripe_posting": true}'"""
            " from generate_series(0, %s) as n", [tenants - 1],
        )  # fmt: skip
        owner.execute(
            "insert into control.tenant_statuses select tenant_id, '2026-01-01', 'active' from control.tenants"
        )
        owner.execute(
            "insert into marts.fct_overages_daily select tenant_id, 'voice', %s::date - d, %s, 100 + d, null, true,"
            " true"
            " from control.tenants cross join generate_series(1, %s) as d",
            [TODAY, month_of(TODAY)[0], DAYS_OF_A_TENANT],
        )
        owner.execute("analyze")


def post(url: str, stripe_url: str, per_second: float) -> tuple[int, float, float]:
    """Postings, seconds on the wall, and seconds of our own processor."""

    def clock() -> datetime:
        return datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC)

    api = StripeApi(KEY, stripe_url)
    with connect(url, Role.BILLING, autocommit=True) as one, connect(url, Role.BILLING, autocommit=True) as other:
        readiness = Readiness(StripeCache(other, api, clock), clock, GRACE)
        started, used = time.perf_counter(), time.process_time()
        report = Poster(one, api, readiness, clock, Limits(workers=4, per_second=per_second)).run()
        return report.counts["accepted"], time.perf_counter() - started, time.process_time() - used


def bare(stripe_url: str, count: int) -> tuple[float, float]:
    """Calls a second, and seconds of our own processor for each."""
    api = StripeApi(KEY, stripe_url)
    started, used = time.perf_counter(), time.process_time()
    for number in range(count):
        api.send_meter_event("bare", "cus_bare", number, midnight(TODAY - timedelta(days=1)), f"bare{number}")
    return count / (time.perf_counter() - started), (time.process_time() - used) / count


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    tenants = total // DAYS_OF_A_TENANT
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(tenants, theirs))
    process.start()
    stripe_url = ours.recv()
    with tempfile.TemporaryDirectory() as home, running(Path(home)) as url:
        migrate(url)
        fill(url, tenants)
        baseline, a_call = bare(stripe_url, min(2000, total))
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        count, seconds, used = post(url, stripe_url, per_second=5000)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        nothing, idle, _ = post(url, stripe_url, per_second=5000)
    ours.send("stop")
    received = ours.recv() - min(2000, total)
    process.join()
    assert count == received == total, (count, received, total)
    assert nothing == 0
    rate = count / seconds
    print(f"posting: {count} tenant-meter-days in {seconds:.1f} s = {rate:.0f}/s, memory +{grown:.0f} MB")
    print(f"baseline: bare calls of the library, one after another, nothing recorded: {baseline:.0f}/s")
    print(f"ratio: {rate / baseline:.2f} (1.00 = the ledger, the checks and the threads cost nothing)")
    print(f"own processor: {used / count * 1000:.2f} ms a posting, {a_call * 1000:.2f} ms a bare call")
    print(f"a run with nothing to post: {idle * 1000:.0f} ms")


if __name__ == "__main__":
    main()
