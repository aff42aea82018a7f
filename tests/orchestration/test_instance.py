"""Dagster's own storage lives in the warehouse's server, and writes there."""

from pathlib import Path

import dagster as dg
import psycopg
import pytest

from orchestration.instance import environment, storage_url


def test_an_event_is_written_to_postgres_storage(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(database_url, tmp_path).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(["raw_vapi", "calls"], partition="acme|2026-10-01"))
        instance.add_dynamic_partitions("tenant", ["acme"])
        assert instance.get_materialized_partitions(dg.AssetKey(["raw_vapi", "calls"])) == {"acme|2026-10-01"}
    with psycopg.connect(database_url) as connection:
        (events,) = connection.execute("select count(*) from dagster.event_logs").fetchone() or (0,)
        found = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()
    assert events == 1
    assert (found or (1,))[0] == 0


def test_a_pool_has_one_run_at_a_time(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(database_url, tmp_path).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        pools = instance.get_concurrency_config().pool_config
        assert pools.default_pool_limit == 1
        assert instance.run_retries_enabled
        assert not instance.run_retries_max_retries > 2


def test_the_password_survives_the_way_into_the_storage_url() -> None:
    url = storage_url("postgresql://me:p%40ss%2Fword@db.example:6543/books?options=-cstatement_timeout%3D5s")
    assert url == (
        "postgresql+psycopg2://me:p%40ss%2Fword@db.example:6543/books"
        "?options=-cstatement_timeout%3D5s%20-csearch_path%3Ddagster"
    )
