"""GET /metrics: how the deployment is doing, for Prometheus, to who has the token.

Names of tenants are labels of one metric alone, of at most a hundred tenants and sources: those that are behind most.
All others are counted by source, finding or cause, whose values are few and ours.
"""

import hmac
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
from anyio import to_thread
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from orchestration.operations.counters import REGISTRY
from sources.registry import horizons
from warehouse import clock
from warehouse.database import backup
from warehouse.database.errors import WarehouseError
from warehouse.ingestion import retry_schedule
from warehouse.marts.freshness import is_built
from warehouse.operations import health
from warehouse.statements import balance, canary

MOST_TENANTS = 100
KNOWN_SECONDS = 15.0
Connection = psycopg.Connection[Any]
Lender = Callable[[], AbstractContextManager[Connection]]


class Metrics:
    """The endpoint. lend: a connection as operator. tokens: each opens it; without any it is not served. backups: where
    copies of the embedded server are.
    """

    def __init__(
        self,
        lend: Lender,
        tokens: Sequence[str],
        now: Callable[[], datetime] = clock.now,
        backups: Path | None = None,
    ) -> None:
        self._lend = lend
        self._tokens = [token.encode() for token in tokens]
        self._now = now
        self._backups = backups
        self._lock = Lock()
        self._until = 0.0
        self._text = b""

    @property
    def route(self) -> Route:
        """Where it is served."""
        return Route("/metrics", self._show, methods=["GET"])

    async def _show(self, request: Request) -> Response:
        if not self._tokens:
            return PlainTextResponse("Set MINUTEBOOK_METRICS_TOKEN to have metrics here.", 404)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._opens(given.strip().encode()):
            return PlainTextResponse("Send the token.", 401, {"WWW-Authenticate": "Bearer"})
        try:
            text = await to_thread.run_sync(self._collected)
        except (psycopg.Error, WarehouseError):
            return PlainTextResponse("The database does not answer.", 503, {"Retry-After": "15"})
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    def _opens(self, given: bytes) -> bool:
        return sum(hmac.compare_digest(given, token) for token in self._tokens) > 0  # as long for a wrong one

    def _collected(self) -> bytes:
        """Everything of the database at most every quarter of a minute, however many ask; counters as they stand."""
        with self._lock:
            if time.monotonic() >= self._until:
                registry = CollectorRegistry()
                with self._lend() as connection:
                    registry.register(_Read(list(measured(connection, self._now(), self._backups))))
                self._text, self._until = generate_latest(registry), time.monotonic() + KNOWN_SECONDS
            return self._text + generate_latest(REGISTRY)


class _Read(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """What was read."""
        yield from self._metrics


def measured(connection: Connection, now: datetime, backups: Path | None = None) -> Iterator[Metric]:
    """Every metric of the database as of a moment, and of its copies where there is a folder of them."""
    yield _labelled("info", "The release that is served; always 1.", ["version"], [([version("minutebook")], 1)])
    yield from _of_sources(connection, now)
    yield from _of_queues(connection, now)
    yield from _of_marts(connection, now)
    if backups is not None:
        yield from _of_backups(connection, backups, now)


def _of_sources(connection: Connection, now: datetime) -> Iterator[Metric]:
    today = now.date()
    lags = health.lags(connection, today)
    worst = [([lag.source, lag.tenant_id], lag.lag_days) for lag in lags[:MOST_TENANTS]]
    yield _labelled(
        "lag_days",
        f"Finished days after the newest whole one, of the {MOST_TENANTS} tenants and sources that are behind most.",
        ["source", "tenant"],
        worst,
    )
    sources = sorted({lag.source for lag in lags})
    yield _labelled(
        "lag_days_max",
        f"The longest lag of any tenant; days before the last {health.WINDOW.days} are not looked at.",
        ["source"],
        [([source], max(lag.lag_days for lag in lags if lag.source == source)) for source in sources],
    )
    yield _labelled(
        "days_behind",
        f"Tenant-days of the last {health.WINDOW.days} that are not whole.",
        ["source"],
        [([source], sum(lag.days_behind for lag in lags if lag.source == source)) for source in sources],
    )
    failed = health.failed_days(connection, today)
    yield _labelled(
        "failed_days",
        "Account-days whose last try failed.",
        ["source", "cause"],
        [([one.source, one.cause], one.account_days) for one in failed],
    )
    if began := health.last_night(connection):
        yield _one("night_age_seconds", "Seconds since a schedule last began to read.", _since(began, now))


def _of_queues(connection: Connection, now: datetime) -> Iterator[Metric]:
    due = [day for day in retry_schedule.account_days(connection, now, horizons()) if day.due_at <= now]
    yield _labelled(
        "queue",
        "What waits to be worked off: account-days that are due again, and Stripe's events.",
        ["kind"],
        [(["pulls"], len(due)), (["stripe_events"], health.stripe_events_waiting(connection))],
    )
    oldest = min((day.due_at for day in due), default=now)
    yield _one("queue_oldest_seconds", "Seconds since the oldest account-day became due.", _since(oldest, now))


def _of_marts(connection: Connection, now: datetime) -> Iterator[Metric]:
    builds = health.last_builds(connection)
    yield _one("build_failing", "1 while the last build that ended failed.", int(builds.is_failing))
    if builds.built_at is not None:
        yield _one("build_age_seconds", "Seconds since the marts were last built whole.", _since(builds.built_at, now))
    if not is_built(connection):
        return
    yield _labelled(
        "posting_differences",
        "Days on which marts, postings and Stripe are not one, by finding; only settling is none to look at.",
        ["finding"],
        [([finding], days) for finding, days in health.differences(connection).items()],
    )
    yield _one(
        "canary_wrong_lines", "Lines of the known-answer tenant that are wrong.", len(canary.verdict(connection).wrong)
    )
    yield _one(
        "unbalanced_lines",
        "Lines that their corrections do not bring into balance.",
        len(balance.imbalances(connection)),
    )


def _of_backups(connection: Connection, folder: Path, now: datetime) -> Iterator[Metric]:
    copies = backup.bases(folder)
    age = _since(copies[0].ended_at, now) if copies else float("inf")
    yield _one("backup_age_seconds", "Seconds since the newest copy of the embedded server; infinite without one.", age)
    is_failing = backup.archiver(connection).is_failing
    yield _one("backup_log_failing", "1 while the server cannot archive its log.", int(is_failing))


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"minutebook_{name}", text, value=value)


def _labelled(name: str, text: str, labels: Sequence[str], values: Sequence[tuple[Sequence[str], float]]) -> Metric:
    family = GaugeMetricFamily(f"minutebook_{name}", text, labels=labels)
    for of_labels, value in values:
        family.add_metric(of_labels, value)
    return family


def _since(moment: datetime, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds())
