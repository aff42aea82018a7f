"""What /metrics says is what is in the ledgers, it names few tenants, and no stranger reads it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from orchestration.operations.metrics import MOST_TENANTS, Metrics, measured
from orchestration.settings import Settings, SettingsError
from tests.marts.warehouse_of_one import Warehouse
from tests.money.acme import scan, write_acme
from tests.stripe_billing.test_webhooks import served
from warehouse.database.connect import Role, connect
from warehouse.database.errors import DatabaseUnreachable
from warehouse.statements import canary

TOKEN = "0123456789abcdef01234567"
TODAY = date(2026, 1, 20)
NOON = datetime(2026, 1, 20, 12, tzinfo=UTC)
BEARER = {"authorization": f"Bearer {TOKEN}"}


def told(url: str, now: datetime = NOON) -> dict[str, dict[tuple[str, ...], float]]:
    """Each metric by name, without its prefix: value by labels."""
    with connect(url, Role.OPERATOR) as operator:
        return by_name(list(measured(operator, now)))


def by_name(metrics: list[Metric]) -> dict[str, dict[tuple[str, ...], float]]:
    return {
        metric.name.removeprefix("minutebook_"): {
            tuple(sample.labels.values()): sample.value for sample in metric.samples
        }
        for metric in metrics
    }


@contextmanager
def client(lend: Callable[[], AbstractContextManager[psycopg.Connection[Any]]], *tokens: str) -> Iterator[httpx.Client]:
    app = Starlette(routes=[Metrics(lend, tokens, lambda: NOON).route])
    with served(app) as address, httpx.Client(base_url=address) as opened:
        yield opened


def test_without_the_token_nobody_reads_it_and_without_one_set_it_is_not_there(database_url: str) -> None:
    def never() -> Any:
        raise AssertionError("a stranger made us ask the database")

    with client(never, TOKEN) as asking:
        for headers in ({}, {"authorization": "Bearer x"}, {"authorization": f"Basic {TOKEN}"}, {"authorization": "é"}):
            answer = asking.get("/metrics", headers={k: v.encode() for k, v in headers.items()})
            assert answer.status_code == 401
            assert "minutebook_" not in answer.text
    with client(never) as asking:
        assert asking.get("/metrics", headers=BEARER).status_code == 404
    with client(partial(connect, database_url, Role.OPERATOR), "another-token-another-tok", TOKEN) as asking:
        answer = asking.get("/metrics", headers=BEARER)
        assert answer.status_code == 200
        found = {family.name for family in text_string_to_metric_families(answer.text)}
        assert {"minutebook_info", "minutebook_queue", "minutebook_events", "minutebook_build_failing"} <= found


def test_a_database_that_is_away_is_said_by_503() -> None:
    def away() -> Any:
        raise DatabaseUnreachable("nothing answers there")

    with client(away, TOKEN) as asking:
        assert asking.get("/metrics", headers=BEARER).status_code == 503


def test_the_age_of_the_newest_copy_is_said_where_there_is_a_folder_of_copies(
    database_url: str, tmp_path: Path
) -> None:
    def copies() -> dict[str, dict[tuple[str, ...], float]]:
        with connect(database_url, Role.OPERATOR) as operator:
            return by_name(list(measured(operator, NOON, tmp_path)))

    assert "backup_age_seconds" not in told(database_url)
    assert copies()["backup_age_seconds"] == {(): float("inf")}
    for name in ("20260118T120000Z", "20260119T120000Z"):
        (tmp_path / "base" / name).mkdir(parents=True)
    found = copies()
    assert found["backup_age_seconds"] == {(): 86400}
    assert found["backup_log_failing"] == {(): 0}


def test_the_database_is_asked_once_for_many_who_ask(database_url: str) -> None:
    asked = []

    def lend() -> Any:
        asked.append(1)
        return connect(database_url, Role.OPERATOR)

    with client(lend, TOKEN) as asking:
        assert {asking.get("/metrics", headers=BEARER).status_code for _ in range(5)} == {200}
    assert len(asked) == 1


def test_a_token_that_can_be_guessed_is_refused_and_none_is_shown() -> None:
    with pytest.raises(SettingsError, match="can be guessed") as refused:
        Settings.from_environment({"MINUTEBOOK_METRICS_TOKEN": "short"})
    assert "short" not in str(refused.value)
    settings = Settings.from_environment({"MINUTEBOOK_METRICS_TOKEN": f"{TOKEN}, {TOKEN}9"})
    assert settings.metrics_tokens == (TOKEN, f"{TOKEN}9")
    assert TOKEN not in repr(settings)


def test_lags_failures_and_queue_are_what_the_ledger_holds(warehouse: Warehouse) -> None:
    write_acme(warehouse)
    for day in range(1, 20):
        if day not in (9, 18, 19):
            scan(warehouse, f"2026-01-{day:02}", 1)
    warehouse.failed_pull("usage_metrics", "acme", "2026-01-19", "provider_down")
    warehouse.failed_pull("usage_metrics", "acme", "2026-01-09", "credential_missing")
    found = told(warehouse.url)
    assert found["lag_days"][("usage_metrics", "acme")] == 2
    assert found["lag_days_max"][("usage_metrics",)] == 2
    assert found["days_behind"][("usage_metrics",)] == 3
    assert found["failed_days"] == {
        ("usage_metrics", "credential_missing"): 1,
        ("usage_metrics", "provider_down"): 1,
    }
    assert found["queue"][("pulls",)] >= 3
    assert found["queue_oldest_seconds"][()] > 0
    assert "night_age_seconds" not in found
    warehouse.put("ledger.attempts", {"trigger": "schedule", "started_at": NOON - timedelta(hours=9)})
    assert told(warehouse.url)["night_age_seconds"] == {(): 9 * 3600}


def test_a_hundred_tenants_are_named_and_all_are_counted(warehouse: Warehouse) -> None:
    write_acme(warehouse)
    for number in range(MOST_TENANTS + 20):
        tenant = f"tenant-{number:03}"
        warehouse.tenant(tenant, "2026-01-15")
        warehouse.attach(tenant, "usage_agent", tenant, "2020-01-01")
    found = told(warehouse.url)
    assert len(found["lag_days"]) == MOST_TENANTS
    assert ("usage_metrics", "acme") in found["lag_days"]  # fourteen days, more than anybody's
    assert found["lag_days_max"][("usage_metrics",)] == 14
    assert found["days_behind"][("usage_metrics",)] == 14 + 5 * (MOST_TENANTS + 20)


@pytest.mark.unbuilt
def test_the_marts_are_told_with_their_age_and_what_is_wrong_in_them(warehouse: Warehouse) -> None:
    write_acme(warehouse)
    scan(warehouse, "2026-01-05", 3)
    warehouse.connection.execute("""update control.tenants set feature_flags = '{"stripe_posting": true}'""")
    assert "posting_differences" not in told(warehouse.url)
    canary.install(warehouse.url, "tests")
    warehouse.build(TODAY)
    (built,) = warehouse.rows("select ended_at from ledger.builds")
    found = told(warehouse.url, built[0] + timedelta(hours=2))
    assert found["build_age_seconds"] == {(): 7200}
    assert (found["build_failing"], found["canary_wrong_lines"], found["unbalanced_lines"]) == (
        {(): 0},
        {(): 0},
        {(): 0},
    )
    assert found["posting_differences"] == {}

    digest = {"models_digest": "x", "as_of": TODAY}
    warehouse.put("ledger.builds", {**digest, "ended_at": built[0] + timedelta(hours=1), "fault": "a test failed"})
    warehouse.connection.execute("update marts.fct_canary_lines set amount = amount + 1")
    warehouse.connection.execute(
        "update marts.fct_line_balances set rated_amount = rated_amount + 1, is_balanced = false"
    )
    found = told(warehouse.url, built[0] + timedelta(hours=2))
    assert found["build_failing"] == {(): 1}
    assert found["canary_wrong_lines"][()] > 0
    assert found["unbalanced_lines"][()] > 0
