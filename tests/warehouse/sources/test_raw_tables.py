"""Landing: Arrow to Parquet to ADBC into tables under row-level security, in parallel, leaving nothing behind."""

import json
import multiprocessing
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pytest

from sources.contracts import Kind
from sources.registry import all_sources
from sources.source import Source
from tests.conftest import administer
from warehouse.database.connect import Role, connect
from warehouse.database.errors import LandingFailed
from warehouse.sources.raw_tables import columns, land, stamped

DAY = date(2026, 10, 1)
AT = datetime(2026, 10, 1, 12, 30, 0, 123456, tzinfo=UTC)
ROWS = {
    "vapi": {"call_id": "c", "created_at": AT, "updated_at": AT, "payload": '{"cost": 0.10, "b": "é\\u0007"}'},
    "voiceflow": {"project_id": "p", "metric": "interactions", "quantity": 2**40, "payload": "{}"},
    "voiceflow_transcripts": {"transcript_id": "t", "project_id": "p", "created_at": AT, "payload": '{"id": "t"}'},
    "usage_metrics": {
        "usage_agent_id": "u",
        "metric_type": "ocr",
        "quantity": 1,
        "recorded_at": AT,
        "payload": '{"cost_usd": 1.2300}',
    },
}


def row_of(source: Source) -> dict[str, object]:
    """A row by hand, or one that holds something in each column of its declaration."""
    of_kind = {Kind.TIMESTAMP: AT, Kind.DATE: DAY, Kind.BIGINT: 1, Kind.BOOLEAN: True, Kind.NUMERIC: "1.50"}
    held = {column.name: of_kind.get(column.kind, "{}") for column in source.columns}
    return ROWS.get(source.name) or {**held, "payload": '{"a": 0.10}'}


def rows_of(source: str, pull_id: int, count: int, tenant_id: str | None = "acme") -> pa.Table:
    declared = all_sources()[source]
    read = [field for field in columns(declared) if field.name not in ("account", "tenant_id", "usage_date", "pull_id")]
    table = pa.Table.from_pylist([row_of(declared)] * count, schema=pa.schema(read))
    return stamped(
        declared, table, account=tenant_id or "platform", tenant_id=tenant_id, usage_date=DAY, pull_id=pull_id
    )


def landed(url: str, source: str) -> dict[int, int]:
    schema, table = all_sources()[source].schema, all_sources()[source].table
    with connect(url, Role.LOADER) as connection:
        return dict(connection.execute(f"select pull_id, count(*) from {schema}.{table} group by 1").fetchall())


@pytest.mark.parametrize("source", ROWS)
def test_what_is_read_is_what_lands_digit_for_digit(database_url: str, tmp_path: Path, source: str) -> None:
    assert (
        land(
            database_url,
            all_sources()[source],
            [rows_of(source, 1, 2), rows_of(source, 2, 1, tenant_id=None)],
            tmp_path,
        )
        == 3
    )
    schema, table = all_sources()[source].schema, all_sources()[source].table
    with connect(database_url, Role.LOADER) as connection:
        payload, load_id, usage_date, tenant_id = connection.execute(
            f"select payload::text, _dlt_load_id, usage_date, tenant_id from {schema}.{table} where pull_id = 2"
        ).fetchone()  # type: ignore[misc]
        (loads,) = connection.execute(f"select load_id from {schema}._dlt_loads").fetchall()
    assert (payload, usage_date, tenant_id) == (ROWS[source]["payload"], DAY, None)
    assert json.loads(payload) is not None
    assert (load_id,) == loads
    assert landed(database_url, source) == {1: 2, 2: 1}


def test_instants_land_to_the_microsecond(database_url: str, tmp_path: Path) -> None:
    land(database_url, all_sources()["vapi"], [rows_of("vapi", 1, 1)], tmp_path)
    with connect(database_url, Role.LOADER) as connection:
        assert connection.execute("select created_at, started_at from raw_vapi.calls").fetchone() == (AT, None)


def test_nothing_is_left_in_the_working_folder(database_url: str, tmp_path: Path) -> None:
    land(database_url, all_sources()["vapi"], [rows_of("vapi", 1, 1)], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_reading_without_rows_sends_nothing(database_url: str, tmp_path: Path) -> None:
    assert land(database_url, all_sources()["vapi"], [rows_of("vapi", 1, 0)], tmp_path) == 0
    with connect(database_url, Role.LOADER) as connection:
        assert connection.execute("select count(*) from raw_vapi._dlt_loads").fetchone() == (0,)


def test_a_failed_landing_says_why_and_the_next_one_lands_only_its_own_rows(database_url: str, tmp_path: Path) -> None:
    def cut_short() -> Iterator[pa.Table]:
        yield rows_of("vapi", 1, 3)
        raise RuntimeError("the reader stumbled")

    with pytest.raises(LandingFailed, match="the reader stumbled"):
        land(database_url, all_sources()["vapi"], cut_short(), tmp_path)
    assert list(tmp_path.iterdir()) == []
    land(database_url, all_sources()["vapi"], [rows_of("vapi", 2, 5)], tmp_path)
    assert landed(database_url, "vapi") == {2: 5}


def test_rows_that_the_database_refuses_fail_the_landing(database_url: str, tmp_path: Path) -> None:
    broken = rows_of("vapi", 1, 1).set_column(
        14, columns(all_sources()["vapi"]).field("payload"), pa.array(["not json"])
    )
    with pytest.raises(LandingFailed, match="json"):
        land(database_url, all_sources()["vapi"], [broken], tmp_path)
    assert landed(database_url, "vapi") == {}


def test_a_server_that_is_gone_fails_without_telling_the_password(tmp_path: Path) -> None:
    with pytest.raises(LandingFailed) as raised:
        land("postgresql://u:canary-pw@127.0.0.1:9/db", all_sources()["vapi"], [rows_of("vapi", 1, 1)], tmp_path)
    assert "canary-pw" not in str(raised.value)
    assert raised.value.__context__ is None


def test_a_password_of_special_characters_lands(postgres_server: str, database_url: str, tmp_path: Path) -> None:
    url = _as_a_user_with_password(postgres_server, database_url, "a+b@c/d%e?f#g:h")
    assert land(url, all_sources()["vapi"], [rows_of("vapi", 1, 1)], tmp_path) == 1


def test_a_password_with_a_space_is_refused_by_adbc_and_not_told(
    postgres_server: str, database_url: str, tmp_path: Path
) -> None:
    # dlt writes the space as it is, which libpq refuses, quoting all of it.
    url = _as_a_user_with_password(postgres_server, database_url, "canary pw")
    with pytest.raises(LandingFailed, match="percent-encoded spaces") as raised:
        land(url, all_sources()["vapi"], [rows_of("vapi", 1, 1)], tmp_path)
    assert "canary" not in str(raised.value)


def _as_a_user_with_password(server: str, url: str, password: str) -> str:
    role = f"landing_{url.rpartition('_')[2]}"
    administer(server, f"create role {{}} login superuser password '{password}'", role)
    return f"postgresql://{role}:{quote(password, safe='')}@{url.partition('@')[2]}"


def test_a_column_too_many_or_too_few_is_named(tmp_path: Path) -> None:
    table = pa.table({"call_id": ["c"], "surprise": [1]})
    with pytest.raises(LandingFailed, match="surprise"):
        stamped(all_sources()["vapi"], table, account="a", tenant_id="a", usage_date=DAY, pull_id=1)


def test_dlt_changes_no_schema_when_it_lands(database_url: str, tmp_path: Path) -> None:
    for source in ("voiceflow", "voiceflow_transcripts"):
        land(database_url, all_sources()[source], [rows_of(source, 1, 1)], tmp_path)
    with connect(database_url, Role.OWNER) as connection:
        # One for each of the two tables, both made by `prepare_landing`.
        assert connection.execute("select count(*) from raw_voiceflow._dlt_version").fetchone() == (2,)
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = 'raw_voiceflow' order by 1"
        ).fetchall()
    assert tables == [("_dlt_loads",), ("_dlt_version",), ("transcripts",), ("usage",)]


def _land_in_a_process(url: str, pull_id: int, count: int, work_dir: Path) -> None:
    land(url, all_sources()["vapi"], (rows_of("vapi", pull_id, count // 4) for _ in range(4)), work_dir)


def test_eight_attempts_landing_in_parallel_keep_exactly_their_rows(database_url: str, tmp_path: Path) -> None:
    expected = {pull_id: 400 * pull_id for pull_id in range(1, 9)}
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_land_in_a_process, args=(database_url, pull_id, count, tmp_path))
        for pull_id, count in expected.items()
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 8
    assert landed(database_url, "vapi") == expected
