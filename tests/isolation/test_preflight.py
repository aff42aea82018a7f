"""The preflight is silent on a sound warehouse, and names each way past isolation with a mend that works."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.isolation.conftest import House
from warehouse.access import Access
from warehouse.connect import Role, connect
from warehouse.preflight import IsolationBroken, flaws, require_isolation

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
    assert [flaw for flaw in found if said in flaw.what], found
    with pytest.raises(IsolationBroken):
        require_isolation(owner)
    for flaw in found:
        mend = flaw.mend.removeprefix("as a superuser: ")
        if "minutebook build" not in mend and "drop materialized" not in mend:
            owner.execute(mend)  # type: ignore[call-overload]
            assert flaw not in flaws(owner), flaw


@pytest.mark.parametrize(
    ("role", "said"), [(Role.OWNER, "reads as postgres, whom"), (Role.TENANT, "RESET ROLE makes it")]
)
def test_a_reader_whom_no_policy_binds_or_would_after_a_reset_is_not_served(
    house: House, role: Role, said: str
) -> None:
    with connect(house.url, role) as connection, pytest.raises(IsolationBroken, match=said) as refused:
        require_isolation(connection)
    assert "minutebook access grant --role server" in str(refused.value)
