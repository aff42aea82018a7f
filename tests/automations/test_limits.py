"""The role of workflows reads and writes the threads of its tenant, and nothing else there is."""

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver

from tests.automations.conftest import Works
from tests.conftest import own_database
from warehouse.automations import runs, threads
from warehouse.database.connect import Role, connect
from warehouse.outgoing import outbox
from warehouse.privacy import personal

OWN = ("checkpoint_blobs", "checkpoint_migrations", "checkpoint_writes", "checkpoints")


def test_it_reads_nothing_of_vault_ledger_raw_or_marts(works: Works) -> None:
    """Asked of every relation that there is, by trying."""
    relations = works.rows(
        "select n.nspname as schema, c.relname as name from pg_class as c inner join pg_namespace as n"
        " on c.relnamespace = n.oid where c.relkind in ('r', 'v', 'm', 'p') and n.nspname not like 'pg\\_%%'"
        " and n.nspname <> 'information_schema' order by 1, 2"
    )
    assert {"control", "ledger", "intake", "marts"} <= {row["schema"] for row in relations}
    assert any(row["schema"].startswith("raw_") for row in relations)
    read = []
    with threads.opened(works.login, "acme") as connection:
        for row in relations:
            try:
                connection.execute(f'select * from "{row["schema"]}"."{row["name"]}" limit 1')
            except psycopg.errors.InsufficientPrivilege:
                continue
            read.append((row["schema"], row["name"]))
    assert read == [("automations", name) for name in OWN]


@pytest.mark.parametrize(
    "statement",
    [
        "reset role; select * from control.credentials",
        "set role minutebook_operator",
        "create table automations.t (x int)",
        "create temporary table t (x int)",
        "drop table automations.checkpoints",
        "alter table automations.checkpoints disable row level security",
        "delete from automations.checkpoints",
        "truncate automations.checkpoints",
        "insert into automations.checkpoint_migrations values (10)",
        "select pg_advisory_lock(7734, 0)",
        "select ledger.begin_automation_runs(current_date)",
        "select ledger.erase_automations('birch')",
        "update ledger.automation_runs set state = 'done'",
        "copy automations.checkpoints to program 'true'",
    ],
)
def test_it_can_do_nothing_else(works: Works, statement: str) -> None:
    with threads.opened(works.login, "acme") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)  # type: ignore[call-overload]


def test_it_has_the_threads_of_one_tenant_and_without_one_none(works: Works) -> None:
    put = "insert into checkpoints (thread_id, checkpoint_id, checkpoint) values (%s, '1', '{}')"
    for tenant in ("acme", "birch"):
        with threads.opened(works.login, tenant) as connection:
            connection.execute(put, [f"{tenant}/steps/x"])
            assert connection.execute("select thread_id from checkpoints").fetchall() == [(f"{tenant}/steps/x",)]
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                connection.execute(put, ["other/steps/x"])
    with connect(works.login, Role.AUTOMATIONS, autocommit=True) as connection:
        assert connection.execute("select * from automations.checkpoints").fetchall() == []


def test_the_tables_are_those_that_the_library_makes(works: Works, postgres_server: str) -> None:
    columns = (
        "select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns"
        " where table_schema = %s order by 1, ordinal_position"
    )
    indexes = "select replace(indexdef, schemaname || '.', '') from pg_indexes where schemaname = %s order by 1"
    with own_database(postgres_server, "template0") as url:
        with PostgresSaver.from_conn_string(url) as saver:
            saver.setup()
        with psycopg.connect(url) as theirs, psycopg.connect(works.url) as ours:
            for query in (columns, indexes):
                assert ours.execute(query, ["automations"]).fetchall() == theirs.execute(query, ["public"]).fetchall()
    assert works.rows("select max(v) as v from automations.checkpoint_migrations") == [
        {"v": len(PostgresSaver.MIGRATIONS) - 1}
    ]


def test_what_a_workflow_holds_is_forgotten_with_its_call_and_with_its_tenant(works: Works) -> None:
    works.calls("acme", "c1", "c2")
    works.calls("birch", "d1")
    for tenant in ("acme", "birch"):
        works.follow(tenant, asking=0)
    works.begin()
    works.run_here()

    def held() -> set[str]:
        found: set[str] = set()
        for table in OWN:
            if table != "checkpoint_migrations":
                found |= {row["thread_id"] for row in works.rows(f"select thread_id from automations.{table}")}
        return {thread.split("/")[0] for thread in found}

    works.rows("update ledger.automation_runs set usage_date = usage_date - 100 where call_id = 'c1'")
    with connect(works.url, Role.OPERATOR, actor="otto") as connection:
        before = works.now().date()
        connection.execute("select ledger.forget_personal_data('acme', %s)", [before])
        connection.commit()
        assert works.states() == {"c1": "ended", "c2": "asks", "d1": "asks"}
        assert held() == {"acme", "birch"}
        works.rows(
            "update ledger.automation_runs set state = 'done', due_at = null, ended_at = now() - interval '91 days'"
            " where tenant_id = 'birch'"
        )
        assert runs.forget(connection, before) > 0
        outbox.forget(connection, before)
        connection.commit()
        assert held() == {"acme"}
        assert works.states()["d1"] == "done", "that its call was followed is known for longer"
        works.rows("insert into control.tenant_statuses values ('acme', %s, 'closed')", before)
        personal.erase(connection, "acme", before)
        connection.commit()
    assert held() == set()
    assert set(works.states()) == {"d1"}
