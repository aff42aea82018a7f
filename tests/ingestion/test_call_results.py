"""What is said of calls after they were billed is pulled as far as each tenant keeps it, and of others is nowhere."""

import json
import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from orchestration.marts.building import build
from orchestration.privacy.minimising import Applied, apply_choices
from tests.ingestion.house import House, call
from tests.marts.test_call_results import CANARY, SAID
from tests.marts.warehouse_of_one import Warehouse, opened
from warehouse.control import agents
from warehouse.control.agents import Attachment
from warehouse.database.connect import Role, connect
from warehouse.privacy import personal
from warehouse.privacy.personal import Kept

DAY = datetime.now(UTC).date() - timedelta(days=1)


def places_of(warehouse: Warehouse, word: str) -> set[str]:
    """Tables of any schema that hold a word."""
    tables = warehouse.rows(
        "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables"
        " where schemaname !~ '^(pg_|information_schema)'"
    )
    like = f"%{word}%"
    return {
        table
        for (table,) in tables
        if warehouse.rows(f"select 1 from {table} as t where t::text ilike %s limit 1", like)
    }


@pytest.fixture
def kept(house: House) -> list[dict[str, Any]]:
    """Calls of a tenant that keeps all, and of one that keeps nothing of what is said."""
    for tenant, choice in (("acme", Kept("kept", "kept", "kept")), ("beta", Kept("kept", "never", "never"))):
        house.tenant(tenant)
        house.attach(tenant, "vapi_phone_number", f"number-{tenant}")
        with connect(house.url, Role.OPERATOR) as operator:
            personal.choose(operator, tenant, vars(choice))
    calls = [call(f"c-{tenant}", DAY, phone_number_id=f"number-{tenant}") for tenant in ("acme", "beta")]
    house.own_vapi(None, calls)
    return calls


def test_a_pull_that_only_says_more_of_calls_confirms_the_current_one(
    house: House, kept: list[dict[str, Any]], dbt_home: Path
) -> None:
    def pulled() -> str:
        return str(house.pull(["acme"], [DAY])[0].state)

    assert [pulled(), pulled()] == ["published", "unchanged"]
    for reported in kept:
        reported |= SAID
    assert [pulled(), pulled()] == ["unchanged", "unchanged"]
    pulls = house.execute("select state, holds_results, row_count from ledger.pulls order by pull_id")
    assert [(pull["state"], pull["holds_results"]) for pull in pulls] == [
        ("published", False), ("unchanged", False), ("unchanged", True), ("unchanged", False),
    ]  # fmt: skip
    assert house.execute("select count(*) from raw_vapi.calls") == [{"count": 4}]
    warehouse = opened(house.url, dbt_home)
    with warehouse.connection:
        warehouse.build(DAY + timedelta(days=1))
        said = warehouse.rows("select call_id, summary is not null, customer from marts.fct_call_results order by 1")
        assert said == [("c-acme", True, "+49 30 1234567"), ("c-beta", False, "+49 30 1234567")]
        # What nobody reads any more is purged; what results are read from is not.
        house.execute("update ledger.pulls set closed_at = closed_at - interval '40 days'")
        house.execute("select ledger.purge_raw(now() - interval '30 days', 1000)")
        assert house.execute("select count(*) from raw_vapi.calls") == [{"count": 4}]


def files_with(word: str, folders: Iterable[Path]) -> list[Path]:
    """Files below these folders that hold a word; those that went meanwhile hold none."""
    found = []
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        with suppress(FileNotFoundError), path.open("rb") as file:
            if os.fstat(file.fileno()).st_size:
                with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
                    found += [path] if content.find(word.encode()) >= 0 else []
    return found


def test_a_word_said_to_a_tenant_that_keeps_none_is_in_no_file(
    house: House, kept: list[dict[str, Any]], dbt_home: Path
) -> None:
    """Of the database's tables, indexes, write-ahead log and server log, nor of what runs leave behind."""
    word, standing = (f"canary{uuid4().hex}" for _ in range(2))
    kept[1] |= json.loads(json.dumps(SAID).replace(CANARY, word))
    kept[0] |= {"endedReason": standing}
    house.pull(["acme"], [DAY])
    warehouse = opened(house.url, dbt_home)
    with warehouse.connection:
        warehouse.build(DAY + timedelta(days=1))
        warehouse.connection.execute("checkpoint")
        ((data, oid),) = warehouse.rows(
            "select current_setting('data_directory'), oid from pg_database where datname = current_database()"
        )
    server = Path(data)
    of_server = (f"base/{oid}", "base/pgsql_tmp", "pg_wal")
    folders = [*(server / folder for folder in of_server), house.settings.home, dbt_home]
    assert files_with(word, folders) == []
    log = server.parent / "log"
    assert not log.exists() or word not in log.read_text(errors="replace")
    assert files_with(standing, folders), "what is stored is found there"


def test_a_call_that_moves_to_a_tenant_that_keeps_nothing_is_kept_no_more(
    house: House, kept: list[dict[str, Any]], dbt_home: Path
) -> None:
    """Nor one that moves to nobody; and the first attachment of an id has nothing applied."""
    kept[0] |= SAID
    house.execute("delete from control.personal_choices where tenant_id = 'beta'")
    house.pull(["acme"], [DAY])
    apply_choices(house.url, "test")
    assert apply_choices(house.url, "test") == {}
    warehouse = opened(house.url, dbt_home)
    with warehouse.connection:
        warehouse.build(DAY + timedelta(days=1))
        assert warehouse.rows("select tenant_id from marts.fct_call_texts") == [("acme",)]
        with connect(house.url, Role.OPERATOR) as operator:
            agents.put_agent(operator, "beta", "beta-new", "New")
            agents.attach(operator, Attachment("beta", "beta-new", "vapi_phone_number", "unused", DAY))
        assert apply_choices(house.url, "test") == {}
        with connect(house.url, Role.OPERATOR) as operator:
            to_beta = Attachment("beta", "beta-new", "vapi_phone_number", "number-acme", DAY)
            agents.attach(operator, to_beta, moves=True)
        warehouse.build(DAY + timedelta(days=1))
        assert warehouse.rows("select call_id, tenant_id from marts.fct_call_results order by 1") == [
            ("c-acme", "beta"), ("c-beta", "beta"),
        ]  # fmt: skip
        applied = apply_choices(house.url, "test")
        assert {tenant: done.is_final for tenant, done in applied.items()} == {"acme": True, "beta": True}
        assert places_of(warehouse, CANARY) == set()
        warehouse.build(DAY + timedelta(days=1), full_refresh=True)
        assert places_of(warehouse, CANARY) == set()
        with connect(house.url, Role.OPERATOR) as operator:
            agents.detach(operator, Attachment("beta", "beta-new", "vapi_phone_number", "number-acme", DAY))
        assert apply_choices(house.url, "test").keys() == {"acme", "beta"}


def test_a_choice_that_is_made_while_a_build_is_at_work_is_applied_to_what_that_build_made(
    house: House, kept: list[dict[str, Any]], dbt_home: Path
) -> None:
    kept[0] |= SAID
    house.pull(["acme"], [DAY])
    with ThreadPoolExecutor(1) as beside:
        applied: list[Future[dict[str, Applied]]] = []

        def choose_never(event: str) -> None:
            if "fct_call_texts" in event and not applied:
                with connect(house.url, Role.OPERATOR) as operator:
                    personal.choose(operator, "acme", vars(Kept("never", "never", "never")))
                applied.append(beside.submit(apply_choices, house.url, "test"))

        build(house.url, dbt_home, DAY + timedelta(days=1), on_event=choose_never)
        assert applied[0].result(60)["acme"].is_final
    warehouse = opened(house.url, dbt_home)
    with warehouse.connection:
        assert warehouse.rows("select call_id from marts.fct_calls order by 1") == [("c-acme",), ("c-beta",)]
        assert places_of(warehouse, CANARY) == set()
        warehouse.build(DAY + timedelta(days=1))
        assert places_of(warehouse, CANARY) == set()


def test_a_word_said_to_a_tenant_that_keeps_none_is_nowhere(
    house: House, kept: list[dict[str, Any]], dbt_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept[1] |= SAID
    house.pull(["acme"], [DAY])
    warehouse = opened(house.url, dbt_home)
    with warehouse.connection:
        warehouse.build(DAY + timedelta(days=1))
        assert places_of(warehouse, CANARY) == set()
        assert CANARY not in caplog.text
        kept[0] |= SAID
        house.pull(["acme"], [DAY])
        warehouse.build(DAY + timedelta(days=1))
        kept_in = {"raw_vapi.calls", "marts.fct_call_results", "marts.fct_call_texts"}
        assert places_of(warehouse, CANARY) == kept_in
        with connect(house.url, Role.OPERATOR) as operator:
            personal.choose(operator, "acme", vars(Kept("kept", "never", "never")))
        apply_choices(house.url, "test")
        assert places_of(warehouse, CANARY) == set()
        warehouse.build(DAY + timedelta(days=1), full_refresh=True)
        assert places_of(warehouse, CANARY) == set()
