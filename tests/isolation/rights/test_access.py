"""Logins: made for one purpose, their passwords seen once, gone when revoked; also where the owner is no superuser."""

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from orchestration.installing import install as migrate
from tests.conftest import administer
from warehouse.database.connect import Role, connect
from warehouse.security import database_logins
from warehouse.security.database_logins import Access, AccessError

ROLES = (
    "minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator, minutebook_analyst,"
    " minutebook_tenant, minutebook_server, minutebook_intake, minutebook_searcher, minutebook_automations"
)


def test_an_owner_without_superuser_rights_binds_a_tenant_and_lets_it_go(
    postgres_server: str, empty_database_url: str
) -> None:
    name = str(conninfo_to_dict(empty_database_url)["dbname"])
    administer(postgres_server, "create role {} login createrole password 'o'", f"owner_{name}")
    administer(postgres_server, "alter database {} owner to {}", name, f"owner_{name}")
    administer(postgres_server, f"grant {ROLES} to {{}} with admin option", f"owner_{name}")
    url = empty_database_url.replace(empty_database_url.partition("@")[0], f"postgresql://owner_{name}:o")
    migrate(url)
    with connect(url, Role.OPERATOR) as operator:
        operator.execute("insert into control.tenants (tenant_id, name, currency) values ('ann', 'Ann', 'USD')")
    with connect(url, Role.TRANSFORMER) as transformer:
        transformer.execute(
            "create table marts.t as select * from (values ('ann'), ('bob')) as v (tenant_id);"
            " alter table marts.t enable row level security; alter table marts.t force row level security;"
            " create policy rows_of_the_reader on marts.t for select to minutebook_tenant"
            " using (tenant_id = (select control.reading_tenant())); grant select on marts.t to minutebook_tenant"
        )
    with connect(url, Role.OWNER) as owner:
        granted = database_logins.grant(owner, Access.TENANT, tenant_id="ann")
        owner.commit()
        own = make_conninfo(empty_database_url, user=granted.login, password=granted.password.reveal())
        with psycopg.connect(own, autocommit=True) as reader:
            reader.execute("set minutebook.tenant_id = 'bob'")
            assert reader.execute("select tenant_id from marts.t").fetchall() == [("ann",)]
        database_logins.revoke(owner, granted.login)
        with pytest.raises(AccessError, match="no login"):
            database_logins.revoke(owner, granted.login)
        assert [(row["login"], row["can_log_in"]) for row in database_logins.logins(owner)] == [(granted.login, False)]


def test_a_login_is_for_one_purpose_and_a_new_password_replaces_the_old(database_url: str) -> None:
    with connect(database_url, Role.OWNER) as owner:
        login = f"ana_{conninfo_to_dict(database_url)['dbname']}"
        first = database_logins.grant(owner, Access.ANALYST, login=login)
        second = database_logins.grant(owner, Access.ANALYST, login=login)
        owner.commit()
        try:
            assert first.password != second.password
            psycopg.connect(make_conninfo(database_url, user=login, password=second.password.reveal())).close()
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(make_conninfo(database_url, user=login, password=first.password.reveal()))
            with pytest.raises(AccessError, match="it is analyst's"):
                database_logins.grant(owner, Access.OPERATOR, login=login)
        finally:
            database_logins.revoke(owner, login)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"access": Access.ANALYST, "login": "Ana; drop table x"}, "no name for a login"),
        ({"access": Access.ANALYST, "login": "minutebook_owner"}, "no name for a login"),
        ({"access": Access.ANALYST, "login": "postgres"}, "Minutebook did not make it"),
        ({"access": Access.ANALYST, "tenant_id": "ann"}, "names its tenant"),
        ({"access": Access.TENANT}, "names its tenant"),
        ({"access": Access.TENANT, "tenant_id": "nobody"}, "no tenant nobody"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    database_url: str, given: dict[str, object], said: str
) -> None:
    with connect(database_url, Role.OWNER) as owner:
        before = owner.execute("select count(*) from pg_roles").fetchone()
        with pytest.raises(AccessError, match=said):
            database_logins.grant(owner, **given)  # type: ignore[arg-type]
        assert owner.execute("select count(*) from pg_roles").fetchone() == before
        assert database_logins.logins(owner) == []


def test_the_server_is_sent_a_verifier_and_never_a_password(database_url: str) -> None:
    with connect(database_url, Role.OWNER, autocommit=True) as owner:
        granted = database_logins.grant(owner, Access.ANALYST)
        try:
            stored = owner.execute("select rolpassword from pg_authid where rolname = %s", [granted.login]).fetchone()
            assert stored is not None
            assert stored[0].startswith("SCRAM-SHA-256$")
            (kept,) = owner.execute(
                "select string_agg(l::text, '') || string_agg(a::text, '')"
                " from control.database_logins as l cross join ledger.audit_log as a"
            ).fetchall()
            assert granted.login in kept[0]
            assert granted.password.reveal() not in stored[0] + kept[0] + repr(granted)
        finally:
            database_logins.revoke(owner, granted.login)
