import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import Engine

from sources import usage_metrics
from sources.errors import CredentialRejected, ProviderRefused, ProviderUnreachable
from sources.personal import Choices, Keep
from tests.sandbox.story import MetricRow
from tests.sandbox.usage_database import TABLE, write_usage

DAY = date(2026, 2, 18)
MIDNIGHT = datetime(2026, 2, 18, tzinfo=UTC)
KEPT = Choices(Keep.KEPT, Keep.KEPT, Keep.KEPT)
ROW = MetricRow("agent-1", "ocr_scan", Decimal(2), Decimal("0.075"), MIDNIGHT + timedelta(hours=9))


@pytest.fixture
def usage_url(empty_database_url: str) -> str:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(TABLE)
    return empty_database_url


@pytest.fixture
def engine(usage_url: str) -> Iterator[Engine]:
    opened = usage_metrics.open_engine(usage_url)
    yield opened
    opened.dispose()


def test_a_day_is_half_open_and_of_the_asked_agents(usage_url: str, engine: Engine) -> None:
    moments = (timedelta(microseconds=-1), timedelta(0), timedelta(days=1, microseconds=-1), timedelta(days=1))
    write_usage(
        usage_url, [replace(ROW, quantity=Decimal(10**n), created_at=MIDNIGHT + at) for n, at in enumerate(moments)]
    )
    write_usage(usage_url, [replace(ROW, agent_id="agent-2", quantity=Decimal(7))])
    reading = usage_metrics.read_day(engine, DAY, {"agent-1", "agent-9"}, KEPT)
    assert sorted(reading.table.column("quantity").to_pylist()) == [10, 100]
    assert reading.table.column_names == ["usage_agent_id", "metric_type", "quantity", "recorded_at", "payload"]
    assert reading.totals == {"rows": 2, "quantity": 110, "cost": Decimal("0.150")}
    assert not reading.is_incomplete


def test_a_time_zone_of_the_database_does_not_move_the_day(usage_url: str, engine: Engine) -> None:
    with psycopg.connect(usage_url, autocommit=True) as connection:
        connection.execute(f"alter database \"{connection.info.dbname}\" set timezone = 'America/New_York'")
    write_usage(usage_url, [replace(ROW, created_at=MIDNIGHT.astimezone(timezone(timedelta(hours=-5))))])
    reading = usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT)
    assert reading.table.column("recorded_at").to_pylist() == [MIDNIGHT]
    assert json.loads(reading.table.column("payload")[0].as_py())["created_at"].endswith("00:00+00:00")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PGTZ", "Asia/Tokyo"),
        ("PGDATESTYLE", "German, DMY"),
        ("PGCLIENTENCODING", "LATIN1"),
        ("PGOPTIONS", "-c timezone=Asia/Tokyo -c extra_float_digits=-15 -c intervalstyle=iso_8601"),
    ],
)
def test_no_variable_of_the_environment_changes_a_row_or_its_hash(
    usage_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    write_usage(usage_url, [ROW])
    with psycopg.connect(usage_url) as connection:
        connection.execute("update agent_usage_metrics set metadata = %s", ['{"greeting": "grüß dich", "share": 0.3}'])
    before = usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT)
    monkeypatch.setenv(name, value)
    elsewhere = usage_metrics.open_engine(usage_url)
    try:
        after = usage_metrics.read_day(elsewhere, DAY, ["agent-1"], KEPT)
    finally:
        elsewhere.dispose()
    assert after.content_hash == before.content_hash
    assert after.table == before.table


def test_rows_of_nobody_are_read_apart(usage_url: str, engine: Engine) -> None:
    write_usage(usage_url, [ROW, replace(ROW, agent_id="stray"), replace(ROW, agent_id=None)])
    reading = usage_metrics.read_unrouted_day(engine, DAY, ["agent-1"])
    assert sorted(reading.table.column("usage_agent_id").to_pylist()) == ["", "stray"]
    assert usage_metrics.read_unrouted_day(engine, DAY, []).table.num_rows == 3


def test_two_equal_rows_are_two_rows(usage_url: str, engine: Engine) -> None:
    write_usage(usage_url, [ROW, ROW])
    twice = usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT)
    assert twice.totals["quantity"] == 4
    with psycopg.connect(usage_url) as connection:
        connection.execute("delete from agent_usage_metrics where ctid = (select min(ctid) from agent_usage_metrics)")
    assert usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT).content_hash != twice.content_hash


def test_an_empty_day_and_no_agents_give_no_rows(usage_url: str, engine: Engine) -> None:
    write_usage(usage_url, [ROW])
    assert usage_metrics.read_day(engine, DAY + timedelta(days=1), ["agent-1"], KEPT).table.num_rows == 0
    assert usage_metrics.read_day(engine, DAY, [], KEPT).table.num_rows == 0


def test_the_payload_has_the_cost_as_an_exact_number_and_the_metadata_as_an_object(
    usage_url: str, engine: Engine
) -> None:
    exact = Decimal("0.0750000000000000000000000001")
    write_usage(usage_url, [replace(ROW, cost_usd=exact), replace(ROW, cost_usd=None, metric_type="lookup")])
    texts = usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT).table.column("payload").to_pylist()
    payloads = {
        payload["metric_type"]: payload for payload in (json.loads(text, parse_float=Decimal) for text in texts)
    }
    assert payloads["ocr_scan"]["cost_usd"] == exact
    assert payloads["lookup"]["cost_usd"] is None
    assert payloads["ocr_scan"]["metadata"] == {"by": "sandbox"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": Decimal("-1")}, {"quantity": Decimal("1.5")}, {"quantity": Decimal("NaN")}, {"quantity": None},
        {"quantity": Decimal(2**63)}, {"metric_type": None}, {"cost_usd": Decimal("NaN")},
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_counted_is_set_aside_by_itself_and_named(
    usage_url: str, engine: Engine, wrong: dict[str, Decimal | None]
) -> None:
    write_usage(usage_url, [ROW, replace(ROW, created_at=MIDNIGHT + timedelta(hours=3, minutes=21), **wrong)])  # type: ignore[arg-type]
    reading = usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT)
    (odd,) = reading.quarantined
    assert "03:21:00" in odd.item
    assert odd.scopes == {"usage_agent": "agent-1"}
    assert reading.table.num_rows == 1
    assert reading.content_hash == usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT).content_hash


def test_a_whole_quantity_written_with_decimals_counts(usage_url: str, engine: Engine) -> None:
    write_usage(usage_url, [replace(ROW, quantity=Decimal("3.000"))])
    assert usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT).table.column("quantity").to_pylist() == [3]


def test_the_hash_ignores_order_and_sees_every_change(usage_url: str, engine: Engine) -> None:
    rows = [replace(ROW, created_at=MIDNIGHT + timedelta(minutes=n)) for n in range(5)]
    write_usage(usage_url, rows)
    before = usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT).content_hash
    with psycopg.connect(usage_url) as connection:
        connection.execute("truncate agent_usage_metrics")
    write_usage(usage_url, reversed(rows))
    assert usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT).content_hash == before
    with psycopg.connect(usage_url) as connection:
        connection.execute("update agent_usage_metrics set cost_usd = 0.0750001 where created_at = %s", (MIDNIGHT,))
    assert usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT).content_hash != before


SAID = '{"caller": {"number": "+4915112345678"}, "transcript": "my card is 4242 4242", "pages": 2, "recordingUrl": "https://x/e"}'


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        (Keep.KEPT, json.loads(SAID)),
        (Keep.REDACTED, {
            "caller": {"number": "+•••••••••••78"}, "transcript": "my card is •••• ••••", "pages": 2,
            "recordingUrl": "[recording]",
        }),
        (Keep.NEVER, {"pages": 2}),
    ],
)  # fmt: skip
def test_metadata_is_stored_as_the_tenant_chose_and_no_choice_restates_a_day(
    usage_url: str, engine: Engine, keep: Keep, left: object
) -> None:
    write_usage(usage_url, [ROW])
    with psycopg.connect(usage_url) as connection:
        connection.execute("update agent_usage_metrics set metadata = %s", (SAID,))
    reading = usage_metrics.read_day(engine, DAY, ["agent-1"], Choices(keep, keep, keep))
    payload = json.loads(reading.table.column("payload")[0].as_py())
    assert payload.pop("metadata", {}) == left
    assert payload.keys() == {"agent_id", "metric_type", "quantity", "cost_usd", "created_at"}
    assert reading.content_hash == usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT).content_hash
    stray = usage_metrics.read_unrouted_day(engine, DAY, []).table.column("payload")[0].as_py()
    assert json.loads(stray)["metadata"] == {"pages": 2}, "nobody chose to keep it"


def test_what_is_personal_is_in_no_error(usage_url: str, engine: Engine) -> None:
    write_usage(usage_url, [replace(ROW, quantity=Decimal("1.5"))])
    with psycopg.connect(usage_url) as connection:
        connection.execute("update agent_usage_metrics set metadata = %s", (SAID,))
    (odd,) = usage_metrics.read_day(engine, DAY, ["agent-1"], KEPT).quarantined
    assert "ocr_scan" in odd.item
    assert "4242" not in f"{odd.item} {odd.reason} {odd.payload}"


def test_agents_named_by_uuid_are_found(usage_url: str, engine: Engine) -> None:
    agent_id = "b7de0000-0000-4000-8000-000000000001"
    write_usage(usage_url, [replace(ROW, agent_id=agent_id)])
    with psycopg.connect(usage_url) as connection:
        connection.execute("alter table agent_usage_metrics alter column agent_id type uuid using agent_id::uuid")
    assert usage_metrics.read_day(engine, DAY, [agent_id], KEPT).table.column("usage_agent_id").to_pylist() == [
        agent_id
    ]


def test_nothing_can_be_written_through_the_engine(usage_url: str, engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(Exception, match="read-only transaction"):
        connection.exec_driver_sql("delete from agent_usage_metrics")


def test_the_database_is_verified_by_asking_for_nothing(usage_url: str, engine: Engine) -> None:
    usage_metrics.verify(engine)


def test_a_missing_table_is_told(empty_database_url: str) -> None:
    engine = usage_metrics.open_engine(empty_database_url)
    with pytest.raises(ProviderRefused, match="agent_usage_metrics"):
        usage_metrics.verify(engine)
    engine.dispose()


def test_a_wrong_password_is_a_rejected_credential_and_is_not_told(empty_database_url: str) -> None:
    user, rest = empty_database_url.split("://")[1].split(":", 1)
    engine = usage_metrics.open_engine(f"postgresql://{user}:wrong-secret@{rest.split('@', 1)[1]}")
    with pytest.raises(CredentialRejected) as rejected:
        usage_metrics.verify(engine)
    assert "wrong-secret" not in str(rejected.value)
    engine.dispose()


def test_a_database_that_is_not_there_is_unreachable(unused_port: int) -> None:
    engine = usage_metrics.open_engine(f"postgresql://someone:secret-word@127.0.0.1:{unused_port}/usage")
    with pytest.raises(ProviderUnreachable) as unreachable:
        usage_metrics.verify(engine)
    assert "secret-word" not in str(unreachable.value)
    engine.dispose()


@pytest.mark.parametrize("url", ["mysql://me:secret-word@host/db", "not a url secret-word"])
def test_only_postgres_is_read(url: str) -> None:
    with pytest.raises(ProviderRefused) as refused:
        usage_metrics.open_engine(url)
    assert "secret-word" not in str(refused.value)
