"""On the embedded server only migrations act as the superuser, and a process can become nothing but its role."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url

from orchestration.dagster_internals import home as dagster_home
from orchestration.installing import install as migrate
from orchestration.marts import building
from orchestration.settings import Settings, SettingsError
from tests.isolation.conftest import AS_OF, fill
from tests.marts.warehouse_of_one import Warehouse
from warehouse.database.connect import Addresses, Role, connect, hide_password, url_as
from warehouse.database.errors import DatabaseUnsuitable
from warehouse.security import process_logins
from warehouse.security.isolation import flaws, require_isolation

LOGINS = {
    Role.LOADER: "minutebook_loader_login",
    Role.TRANSFORMER: "minutebook_transformer_login",
    Role.BILLING: "minutebook_billing_login",
    Role.OPERATOR: "minutebook_operator_login",
    Role.ANALYST: "minutebook_server_login",
    Role.TENANT: "minutebook_server_login",
    Role.SERVER: "minutebook_server_login",
    Role.INTAKE: "minutebook_intake_login",
    Role.AUTOMATIONS: "minutebook_automations_login",
}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Not a folder of pytest's: the server's own user must be able to pass through those above."""
    with tempfile.TemporaryDirectory(prefix="minutebook-logins-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def embedded(home: Path) -> Iterator[str]:
    with Settings(home).database() as url:
        with pytest.raises(DatabaseUnsuitable, match="has no login"):
            connect(url, Role.LOADER)
        migrate(url)
        migrate(url)
        yield url


@pytest.mark.parametrize("role", LOGINS)
def test_each_role_comes_through_a_door_of_its_own(embedded: str, role: Role) -> None:
    asked = (
        "select session_user, current_user, rolsuper or rolbypassrls or rolcreaterole or rolinherit from pg_roles"
        " where rolname = session_user"
    )
    with connect(embedded, role) as connection, psycopg.connect(url_as(embedded, role)) as of_others:
        assert connection.execute(asked).fetchone() == of_others.execute(asked).fetchone()
        assert connection.execute(asked).fetchone() == (LOGINS[role], role, False)
        connection.execute("reset role")
        for other in ("postgres", *(other for other in Role if other and LOGINS[other] != LOGINS[role])):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"set role {other}")


def test_a_process_login_whose_password_was_changed_is_named_and_set_right_by_init(embedded: str) -> None:
    assert isinstance(embedded, process_logins.EmbeddedAddresses)
    with psycopg.connect(embedded.logins[Role.LOADER]) as loader:
        loader.execute("alter role session_user password 'another one'")
    with pytest.raises(DatabaseUnsuitable, match="has no login"):
        connect(embedded, Role.LOADER)
    with connect(embedded, Role.OWNER) as owner:
        assert process_logins.with_other_passwords(owner, embedded) == [LOGINS[Role.LOADER]]
        migrate(embedded)
        assert process_logins.with_other_passwords(owner, embedded) == []
    connect(embedded, Role.LOADER).close()


def test_a_build_runs_without_the_superuser_and_its_readers_are_safe(embedded: str, home: Path) -> None:
    with connect(embedded, Role.OWNER, autocommit=True) as owner:
        fill(Warehouse(owner, embedded, home))
        building.build(embedded, home, AS_OF)
        owners = owner.execute("select distinct tableowner from pg_tables where schemaname = 'marts'").fetchall()
        assert owners == [("minutebook_transformer",)]
        assert flaws(owner) == []
    with connect(embedded, Role.TENANT) as serving:
        require_isolation(serving)
        assert serving.execute("select count(*) from marts.fct_calls").fetchone() == (0,)
        serving.execute("select set_config('minutebook.tenant_id', 'ours', true)")
        assert serving.execute("select count(*) from marts.fct_calls").fetchone() == (5,)


def test_dagsters_own_login_sees_nothing_but_dagsters_records(embedded: str, home: Path) -> None:
    environment = dagster_home.environment(embedded, home)
    address = make_url(environment["MINUTEBOOK_DAGSTER_URL"])
    assert address.username == "minutebook_dagster_login"
    owner_password = str(conninfo_to_dict(embedded)["password"])
    assert owner_password not in "".join(environment.values())
    write = (
        "from dagster import DagsterInstance as D; i = D.get(); i.add_dynamic_partitions('t', ['a']); print('wrote')"
    )
    done = subprocess.run(
        [sys.executable, "-c", write], env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert "wrote" in done.stdout, done.stderr
    with psycopg.connect(address.set(drivername="postgresql").render_as_string(hide_password=False)) as dagster:
        assert dagster.execute("select count(*) > 0 from pg_tables where schemaname = 'dagster'").fetchone() == (True,)
        for table in ("marts.fct_calls", "control.tenants", "ledger.pulls"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), dagster.transaction():
                dagster.execute(f"select * from {table}")  # type: ignore[call-overload]


def test_on_a_server_of_ones_own_each_role_takes_the_login_it_is_given() -> None:
    environment = {
        "MINUTEBOOK_DATABASE_URL": "postgresql://owner:canary-o@host/db",
        "MINUTEBOOK_LOADER_DATABASE_URL": "postgresql://loads:canary-l@host/db",
        "MINUTEBOOK_SERVER_DATABASE_URL": "postgresql://serves:canary-s@host/db",
    }
    settings = Settings.from_environment(environment)
    with settings.database() as url:
        assert isinstance(url, Addresses)
        seen: dict[Role, Any] = {role: make_url(url_as(url, role)).username for role in Role}
        said = hide_password(url, "canary-o canary-l canary-s")
    assert "canary" not in repr(settings) + repr(url) + said
    assert seen == {
        Role.OWNER: "owner", Role.LOADER: "loads", Role.TRANSFORMER: "owner", Role.BILLING: "owner",
        Role.OPERATOR: "owner", Role.ANALYST: "serves", Role.TENANT: "serves",
        Role.SERVER: "serves", Role.INTAKE: "owner", Role.AUTOMATIONS: "owner",
    }  # fmt: skip
    with pytest.raises(SettingsError, match="MINUTEBOOK_LOADER_DATABASE_URL"):
        Settings.from_environment({"MINUTEBOOK_LOADER_DATABASE_URL": "mysql://x"})
