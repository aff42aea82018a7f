"""The preflight is silent on a sound warehouse, and names each way past isolation with a fix that works."""

from collections.abc import Iterator

import psycopg
import pytest

from orchestration.remedies import word
from orchestration.remedies.errors import with_next_step
from tests.isolation.conftest import House
from warehouse.database.connect import Role, connect
from warehouse.security.database_logins import Access
from warehouse.security.isolation import IsolationBroken, flaws, require_isolation

PEEK = "create view public.peek as select * from marts.fct_calls"
SHOWS_CALLS = "view public.peek shows"
BREAKS = {
    "superuser": ("alter role minutebook_analyst superuser", "role minutebook_analyst is a superuser"),
    "bypassrls": ("alter role minutebook_tenant bypassrls", "role minutebook_tenant is BYPASSRLS"),
    "bypassing login": ("alter role {tenant} bypassrls", "role {tenant} is BYPASSRLS"),
    "createrole": ("alter role minutebook_loader createrole", "role minutebook_loader is CREATEROLE"),
    "replication": ("alter role minutebook_billing replication", "role minutebook_billing is REPLICATION"),
    "role to log in": ("alter role minutebook_operator login", "role minutebook_operator is able to log in"),
    "owner": (
        "alter table marts.fct_calls owner to minutebook_analyst",
        "role minutebook_analyst owns marts.fct_calls",
    ),
    "not forced": ("alter table marts.fct_calls no force row level security", "table marts.fct_calls holds rows"),
    "not enabled": ("alter table ledger.pulls disable row level security", "table ledger.pulls holds rows"),
    "new table": ("create table marts.fct_new as select * from marts.fct_calls", "table marts.fct_new holds rows"),
    "open policy": (
        "create policy open on marts.fct_calls for select to minutebook_tenant using (true)",
        "policy open on marts.fct_calls shows a tenant other rows",
    ),
    "settable policy": (
        "create policy open on marts.fct_calls using (tenant_id = current_setting('minutebook.tenant_id', true))",
        "policy open on marts.fct_calls shows a tenant other rows",
    ),
    "no tenant_id": (
        "create table marts.sums as select 1 as x; grant select on marts.sums to minutebook_tenant",
        "a tenant may read marts.sums",
    ),
    "view": ("create view marts.peek as select * from marts.fct_calls", "view marts.peek reads with its owner's"),
    "materialized": (
        "create materialized view marts.peek as select 1 as x",
        "view marts.peek reads with its owner's",
    ),
    "function": (
        "create function marts.peek() returns bigint language sql security definer as 'select 1::bigint'",
        "function marts.peek() runs with its owner's rights",
    ),
    "unpinned function": (
        "create function marts.peek() returns bigint language sql security definer as 'select 1::bigint';"
        " revoke execute on function marts.peek() from public",
        "function marts.peek() runs with its owner's rights, and looks names up by its caller's path",
    ),
    "everybody's function": (
        "create function marts.peek() returns bigint language sql security definer set search_path = ''"
        " as 'select 1::bigint'",
        "function marts.peek() runs with its owner's rights, and anybody may call it",
    ),
    "secret": ("grant select on control.credentials to minutebook_billing", "billing may select control.credentials"),
    "ciphertext": (
        "grant select (ciphertext) on control.credentials to minutebook_analyst",
        "minutebook_analyst may select control.credentials",
    ),
    "raw": ("grant select on raw_vapi.calls to minutebook_analyst", "minutebook_analyst may select raw_vapi.calls"),
    "public": ("grant select on marts.fct_calls to public", "public may select marts.fct_calls"),
    "past the roles": ("grant select on marts.fct_calls to {tenant}", "{tenant} may select marts.fct_calls"),
    "write": ("grant update on marts.fct_statements to minutebook_operator", "minutebook_operator may update marts"),
    "two roles": ("grant minutebook_operator to {tenant}", "login {tenant} may act as minutebook_operator"),
    "all tenants": ("grant minutebook_analyst to {tenant}", "login {tenant} may act as minutebook_tenant"),
    "reads all data": ("grant pg_read_all_data to {tenant}", "login {tenant} may act as pg_read_all_data"),
    "create": ("grant create on schema marts to minutebook_analyst", "minutebook_analyst may create in schema marts"),
    "view elsewhere": (f"{PEEK}; grant select on public.peek to minutebook_tenant", SHOWS_CALLS),
    "view for everybody": (f"{PEEK}; grant select on public.peek to public", SHOWS_CALLS),
    "a column of a view": (f"{PEEK}; grant select (call_id) on public.peek to {{tenant}}", SHOWS_CALLS),
    "view through a role between": (
        f"{PEEK}; create role between noinherit; grant between to {{tenant}}; grant select on public.peek to between",
        SHOWS_CALLS,
    ),
    "view of a view": (
        "create schema app; grant usage on schema app to public;"
        " create view app.inside with (security_invoker = true) as select * from marts.fct_calls;"
        " create view app.peek as select * from app.inside; grant select on app.peek to {tenant}",
        "view app.peek shows",
    ),
    "view of a join": (
        "create schema app; grant usage on schema app to public; create view app.peek as select t.tenant_id"
        " from control.tenants as t left join lateral (select 1 from ledger.pulls as p where p.tenant_id = t.tenant_id)"
        " as p on true; grant select on app.peek to minutebook_tenant",
        "view app.peek shows",
    ),
    "view of another owner": (
        "create role another; grant minutebook_analyst to another; create schema app authorization another;"
        " grant usage on schema app to public; set local role another;"
        " create view app.peek as select * from marts.fct_calls; reset role; grant select on app.peek to {tenant}",
        "rows of marts.fct_calls with the rights of another",
    ),
    "materialized elsewhere": (
        "create materialized view public.peek as select * from marts.fct_calls; grant select on public.peek to public",
        SHOWS_CALLS,
    ),
    "secrets to an analyst": (
        "create view public.peek as select * from control.credentials;"
        " grant select on public.peek to minutebook_analyst",
        "rows of control.credentials with the rights of postgres",
    ),
    "copy": (
        "create table public.peek as select * from marts.fct_calls; grant select on public.peek to minutebook_tenant",
        "minutebook_tenant may read public.peek",
    ),
    "copy for everybody": (
        "create table public.peek as select * from marts.fct_calls; grant select on public.peek to public",
        "minutebook_tenant may read public.peek",
    ),
    "function elsewhere": (
        "create function public.peek() returns bigint language sql security definer set search_path = ''"
        " as 'select count(*) from marts.fct_calls'",
        "function public.peek() runs with the rights of postgres",
    ),
    "function of another owner": (
        "create role another; grant minutebook_operator to another; create schema app authorization another;"
        " grant usage on schema app to minutebook_tenant; set local role another;"
        " create function app.peek() returns bigint language sql security definer as 'select 1::bigint'; reset role;"
        " revoke execute on function app.peek() from public; grant execute on function app.peek() to {tenant}",
        "function app.peek() runs with the rights of another",
    ),
    "by default": (
        "alter default privileges for role minutebook_transformer in schema marts grant select on tables to"
        " minutebook_tenant",
        "new objects in schema marts are granted to minutebook_tenant",
    ),
}


@pytest.fixture
def owner(house: House) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Whatever is broken on it is rolled back."""
    with connect(house.url, Role.OWNER) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("kind", list(Access))
def test_nothing_is_found_on_a_sound_warehouse_whoever_asks(house: House, kind: Access) -> None:
    with house.as_login(kind) as connection:
        require_isolation(connection)


@pytest.mark.parametrize("name", BREAKS)
def test_it_names_each_way_past_isolation_and_its_mend_works(
    house: House, owner: psycopg.Connection[tuple[object, ...]], name: str
) -> None:
    login = str(psycopg.conninfo.conninfo_to_dict(house.urls[Access.TENANT])["user"])
    statement, said = (text.format(tenant=login) for text in BREAKS[name])
    owner.execute(statement)  # type: ignore[call-overload]
    found = flaws(owner)
    assert [flaw for flaw in found if said in word(flaw).what], found
    with pytest.raises(IsolationBroken):
        require_isolation(owner)
    for flaw in found:
        fix = word(flaw).fix.removeprefix("as a superuser: ")
        if "minutebook build" not in fix and "drop materialized" not in fix:
            owner.execute(fix)  # type: ignore[call-overload]
            assert flaw not in flaws(owner), flaw


def test_what_other_programs_keep_in_the_database_and_what_an_analyst_is_given_is_no_flaw(
    owner: psycopg.Connection[tuple[object, ...]],
) -> None:
    owner.execute("""
        create role another;
        create schema app authorization another;
        grant usage on schema app to public;
        create table public.countries as select 'it' as country;
        grant select on public.countries to public;
        create view public.calls_of_all as select * from marts.fct_calls;
        grant select on public.calls_of_all to minutebook_analyst;
        set local role another;
        create table app.orders (order_id int);
        create view app.all_orders as select * from app.orders;
        grant select on app.all_orders to public;
        create function app.count() returns bigint language sql security definer as 'select count(*) from app.orders';
    """)
    owner.execute("reset role")
    assert flaws(owner) == []


@pytest.mark.parametrize(
    ("role", "said"), [(Role.OWNER, "reads as postgres, whom"), (Role.TENANT, "RESET ROLE makes it")]
)
def test_a_reader_whom_no_policy_binds_or_would_after_a_reset_is_not_served(
    house: House, role: Role, said: str
) -> None:
    with connect(house.url, role) as connection, pytest.raises(IsolationBroken, match=said) as refused:
        require_isolation(connection)
    assert "minutebook access grant --role server" in with_next_step(refused.value)
