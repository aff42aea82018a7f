"""The night requests a run for each shard over its tenants and the trailing days; here all are in one."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from orchestration.defs.ingestion.schedules import TRAILING_DAYS, pull_usage_nightly
from orchestration.ingestion import TenantDay
from orchestration.ingestion.partitions import (
    MOST_KEYS,
    days_for,
    first_usage_date,
    key_of,
    tenant_day,
    tenant_days,
    tenants,
)
from orchestration.resources import Minutebook

NIGHT = datetime.now(UTC).replace(hour=3, minute=0, second=0, microsecond=0)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Records in files: a schedule's context takes an instance by reference, which one in memory does not have."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


@pytest.fixture(autouse=True)
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a shard for anybody: all are in the shared one."""
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", database_url)


def evaluate(instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=NIGHT, resources={"minutebook": Minutebook()}
    ) as context:
        answer = pull_usage_nightly(context)
    if isinstance(answer, dg.SkipReason):
        return answer
    (request,) = answer
    assert isinstance(request, dg.RunRequest)
    return request


def test_the_night_is_one_run_over_all_tenants_and_the_trailing_days(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("tenant", ["zeta", "acme", "beta"])
    request = evaluate(instance)
    assert isinstance(request, dg.RunRequest)
    start = tenant_day(request.tags["dagster/asset_partition_range_start"])
    end = tenant_day(request.tags["dagster/asset_partition_range_end"])
    assert (start.tenant_id, end.tenant_id) == ("zeta", "beta")  # in the order they were added, as Dagster expands it
    assert (NIGHT.date() - end.usage_date).days == 1
    assert (end.usage_date - start.usage_date).days == TRAILING_DAYS - 1
    keys = tenant_days.get_partition_keys_in_range(
        dg.PartitionKeyRange(
            request.tags["dagster/asset_partition_range_start"], request.tags["dagster/asset_partition_range_end"]
        ),
        dynamic_partitions_store=instance,
    )
    assert {tenant_day(key).tenant_id for key in keys} == {"zeta", "acme", "beta"}
    assert len(keys) == 3 * TRAILING_DAYS


def test_the_night_waits_for_the_first_tenant(instance: dg.DagsterInstance) -> None:
    assert isinstance(evaluate(instance), dg.SkipReason)


def test_the_night_is_asked_for_once(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("tenant", ["acme"])
    first, second = evaluate(instance), evaluate(instance)
    assert isinstance(first, dg.RunRequest)
    assert isinstance(second, dg.RunRequest)
    assert first.run_key == second.run_key


def test_the_night_is_at_three_utc_and_switched_on() -> None:
    assert pull_usage_nightly.cron_schedule == "0 3 * * *"
    assert pull_usage_nightly.execution_timezone == "UTC"
    assert pull_usage_nightly.default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_partition_key_reads_back_as_the_tenant_day_it_was_made_of() -> None:
    assert tenant_day(key_of("acme", date(2026, 2, 18))) == TenantDay("acme", date(2026, 2, 18))
    assert key_of("acme", date(2026, 2, 18)) == "acme|2026-02-18"
    assert tenants.name == "tenant"


@pytest.mark.parametrize("today", [date(2026, 3, 1), date(2026, 3, 31), date(2028, 2, 29)])
def test_usage_dates_reach_back_four_hundred_days_and_start_with_a_month(today: date) -> None:
    start = first_usage_date(today)
    assert start.day == 1
    assert 400 <= (today - start).days <= 431


@pytest.mark.parametrize(("tenant_count", "days"), [(0, 400), (230, 400), (500, 169), (1000, 69), (5000, 35)])
def test_the_more_tenants_the_later_partitions_begin(tenant_count: int, days: int) -> None:
    assert days_for(tenant_count) == days
    latest = date(2026, 3, 31)
    if tenant_count <= 1000:
        assert (latest - first_usage_date(latest, days)).days * tenant_count <= MOST_KEYS
