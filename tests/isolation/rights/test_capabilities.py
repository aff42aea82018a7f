"""No role can do more than is written down, and none can do what would stop the others."""

import re
from pathlib import Path

import psycopg
import pytest

from orchestration.remedies import word
from tests.isolation.conftest import House
from tests.isolation.rights.capabilities import WRITTEN, capabilities
from warehouse.database.connect import Role, connect
from warehouse.database.locks import Lock
from warehouse.security import isolation
from warehouse.security.database_logins import Access

WAREHOUSE = Path(isolation.__file__).parents[1]
READERS = (Access.ANALYST, Access.TENANT)
REFUSED = {
    "a session lock": f"select pg_advisory_lock({Lock.BUILD}, 0)",
    "a lock of one transaction": f"select pg_advisory_xact_lock({Lock.AUDIT}, 0)",
    "a lock that does not wait": f"select pg_try_advisory_lock({Lock.MIGRATION})",
    "a shared lock": f"select pg_advisory_lock_shared({Lock.ATTEMPT}, 1)",
    "a temporary table": "create temporary table t (x int)",
    "a large object": "select lo_create(0)",
    "a large object of bytes": "select lo_from_bytea(0, 'x')",
    "the log of changes": "select pg_logical_emit_message(false, 'x', 'x')",
    "notifications": "select pg_notify('run_events', 'x')",
}


def test_no_role_can_do_more_or_less_than_is_written(house: House) -> None:
    with psycopg.connect(house.url) as connection:
        now = capabilities(connection)
    assert now == WRITTEN.read_text().splitlines()


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("what", REFUSED)
def test_a_reader_can_neither_hold_up_the_processes_nor_fill_the_disk(house: House, kind: Access, what: str) -> None:
    with house.as_login(kind) as connection:
        connection.execute("set default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(REFUSED[what])  # type: ignore[call-overload]


@pytest.mark.parametrize("kind", READERS)
def test_a_reader_cannot_take_all_connections(house: House, kind: Access) -> None:
    limit = "select rolconnlimit from pg_roles where rolname = current_user"
    with house.as_login(kind) as connection:
        ((most,),) = connection.execute(limit).fetchall()
    assert 0 < most <= 20
    held = [house.as_login(kind) for _ in range(most)]
    try:
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            house.as_login(kind)
    finally:
        for connection in held:
            connection.close()


@pytest.mark.parametrize("kind", READERS)
def test_a_reader_cannot_fill_the_disk_whatever_it_sorts(house: House, kind: Access) -> None:
    with house.as_login(kind) as connection:
        assert connection.execute("show temp_file_limit").fetchone() == ("4GB",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("set temp_file_limit = -1")


def test_the_loader_cannot_delete_raw_rows(house: House) -> None:
    with connect(house.url, Role.LOADER) as loader:
        tables = loader.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname like 'raw\\_%' and tablename not like '\\_dlt%'"
        ).fetchall()
        loader.commit()
        assert tables
        for (table,) in tables:
            for statement in (f"delete from {table}", f"truncate {table}", f"update {table} set account = 'x'"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege), loader.transaction():
                    loader.execute(statement)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into control.sessions (token_hash, login_id, expires_at) values ('x', 'ana', now() + interval '1 day')",
        "select password_hash from control.login_passwords",
        "select token_hash from control.sessions",
        "update control.login_passwords set password_hash = 'x'",
        "insert into control.logins (login_id, role) values ('ana', 'finance')",
        "update control.logins set role = 'finance'",
        "delete from control.second_factors",
        "select code_hash from control.recovery_codes",
        "select device_hash from control.devices",
    ],
)
def test_an_operators_login_opens_nobodys_session(house: House, statement: str) -> None:
    with (
        house.as_login(Access.OPERATOR) as operator,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"),
    ):
        operator.execute(statement)  # type: ignore[call-overload]


def test_who_signs_in_and_whose_password_changes_is_audited_without_its_hash(house: House) -> None:
    with connect(house.url, Role.SERVER, actor="ana") as server:
        server.execute("insert into control.logins (login_id, role) values ('ana', 'finance')")
        server.execute("insert into control.login_passwords (login_id, password_hash) values ('ana', 'mark-of-a-hash')")
        server.execute("insert into control.sessions (token_hash, login_id, expires_at) values ('mark', 'ana', now())")
        server.execute("delete from control.sessions where login_id = 'ana'")
        server.execute("set role none")
        audited = server.execute(
            "select action, object_table, actor, coalesce(after, before)::text from ledger.audit_log"
            " where coalesce(after, before) ->> 'login_id' = 'ana' order by entry_id"
        ).fetchall()
        server.rollback()
    assert [(action, table, actor) for action, table, actor, _ in audited] == [
        ("insert", "control.logins", "ana"),
        ("insert", "control.login_passwords", "ana"),
        ("insert", "control.sessions", "ana"),
        ("delete", "control.sessions", "ana"),
    ]
    assert "mark-of-a-hash" not in str(audited)
    assert b"mark".hex() not in str(audited)


def test_doors_that_stand_open_are_told_with_what_closes_them(house: House) -> None:
    with connect(house.url, Role.OWNER) as owner:
        assert isolation.open_doors(owner) == []
        owner.execute("grant execute on function pg_advisory_lock(bigint), lo_create(oid) to public")
        owner.execute("create schema app; grant create on schema app to public")
        login = str(psycopg.conninfo.conninfo_to_dict(house.urls[Access.TENANT])["user"])
        owner.execute(f"alter role {login} connection limit -1")  # type: ignore[call-overload]
        owner.execute(f"alter role {login} set default_transaction_read_only = off")  # type: ignore[call-overload]
        found = isolation.open_doors(owner)
        assert len(found) == 5, found
        for door in found:
            owner.execute(word(door).fix.removeprefix("as a superuser: "))  # type: ignore[call-overload]
        assert isolation.open_doors(owner) == []
        owner.rollback()


def test_locks_are_numbered_in_one_place() -> None:
    literal = re.compile(r"advisory\w*lock\w*\s*\(\s*\d|classid\s*=\s*\d")
    queries = [path for path in WAREHOUSE.rglob("*.sql") if not {"migrations", "schema.sql"} & {*path.parts}]
    assert [path.name for path in queries if literal.search(path.read_text())] == []
    migrations = "".join(path.read_text() for path in (WAREHOUSE / "migrations").glob("*.sql"))
    used = re.findall(r"advisory\w*lock\w*\s*\(\s*(\d+)|classid\s*=\s*(\d+)", migrations)
    assert {int(one or other) for one, other in used} <= set(Lock)
    assert len(set(Lock)) == len(Lock.__members__)
