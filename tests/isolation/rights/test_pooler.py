"""Through a pooler in session mode all works as without it, whatever it drops; any other mode is refused in words."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from psycopg_pool import ConnectionPool
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.dagster_internals import home as dagster_home
from orchestration.installing import install as migrate
from orchestration.marts import building
from orchestration.settings import Settings
from orchestration.web.server.readers import Readers
from sources.registry import all_sources
from tests.isolation.conftest import AS_OF, OURS, THEIRS, House
from tests.pooler import pooled
from tests.warehouse.sources.test_raw_tables import landed, rows_of
from warehouse.database.connect import Role, connect, opener
from warehouse.database.errors import DatabaseUnsuitable
from warehouse.database.session import Session
from warehouse.privacy import personal
from warehouse.security.database_logins import Access
from warehouse.security.isolation import IsolationBroken
from warehouse.sources.raw_tables import land

ASKED = "select current_user, current_setting('timezone'), current_setting('search_path')"
# As shipped it refuses what we ask for at the start; with the usual answer to that it drops it without a word.
SESSION = {"as shipped": {}, "ignoring": {"ignore_startup_parameters": "extra_float_digits,options"}}
OTHER = {
    "newest first": ("transaction", {}),
    "oldest first": ("transaction", {"server_round_robin": "1"}),
    "ignoring": ("transaction", {"ignore_startup_parameters": "extra_float_digits,options"}),
    "statement": ("statement", {}),
}


@pytest.fixture(params=SESSION)
def settings_of_pooler(request: pytest.FixtureRequest) -> dict[str, str]:
    return SESSION[request.param]


@pytest.fixture
def through(house: House, settings_of_pooler: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The built warehouse through a pooler, in an environment that wants another time zone."""
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    with pooled(house.url, "session", **settings_of_pooler) as url:
        yield url


@pytest.mark.parametrize("role", Role)
def test_a_session_is_who_it_asked_to_be(through: str, role: Role) -> None:
    with connect(through, role) as connection:
        assert connection.execute(ASKED).fetchone() == (role or "postgres", "UTC", "")
        connection.rollback()
        assert connection.execute(ASKED).fetchone() == (role or "postgres", "UTC", "")
    pool = ConnectionPool("", connection_class=opener(through, role), min_size=1, open=True)
    with pool, pool.connection() as connection:
        assert connection.execute(ASKED).fetchone() == (role or "postgres", "UTC", "")


def test_an_export_holds_its_own_tenants_rows(through: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", through)
    monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["export", "fct_calls", "--tenant", OURS, "--json"])
    assert done.exit_code == 0, done.output
    assert {row["tenant_id"] for row in json.loads(done.stdout)} == {OURS}
    personal.export(through, all_sources().values(), OURS, tmp_path / "export")
    assert THEIRS not in "".join(path.read_text() for path in (tmp_path / "export").iterdir())


@pytest.mark.parametrize("way", ["export", "personal", "pages"])
def test_no_way_of_reading_for_a_tenant_goes_past_the_preflight(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", house.url)
    monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path))
    readers = Readers(Settings.from_environment())
    with connect(house.url, Role.OWNER, autocommit=True) as owner:
        owner.execute("create view marts.peek as select * from marts.fct_calls")
        try:
            if way == "export":
                done = CliRunner().invoke(app, ["export", "fct_calls", "--tenant", OURS])
                assert done.exit_code == 1
                assert "marts.peek" in done.output
            elif way == "personal":
                with pytest.raises(IsolationBroken, match=r"marts\.peek"):
                    personal.export(house.url, all_sources().values(), OURS, tmp_path / "export")
            else:
                with pytest.raises(IsolationBroken), readers.tenant(OURS):
                    pass
        finally:
            owner.execute("drop view marts.peek")
            readers.close()


def test_the_database_is_migrated_loaded_built_and_read_through_a_pooler(
    empty_database_url: str, settings_of_pooler: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pooled(empty_database_url, "session", **settings_of_pooler) as url:
        assert migrate(url)
        with connect(url, Role.LOADER) as loader:
            loader.execute("select 1")
        for source, declared in all_sources().items():
            assert land(url, declared, [rows_of(source, 1, 2)], tmp_path) == 2
            assert landed(url, source) == {1: 2}
        assert building.build(url, tmp_path, AS_OF).models > 0
        monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", url)
        for name, value in dagster_home.environment(url, tmp_path).items():
            monkeypatch.setenv(name, value)
        with dg.DagsterInstance.get() as dagster:
            dagster.add_dynamic_partitions("tenant", ["acme"])
        with psycopg.connect(empty_database_url) as direct:
            owners = direct.execute(
                "select distinct schemaname, tableowner from pg_tables where schemaname in ('marts', 'public')"
            ).fetchall()
        assert owners == [("marts", "minutebook_transformer")]
        done = CliRunner().invoke(app, ["doctor", "--json"])
        assert "keeps every reader to its own rows" in done.stdout, done.output


@pytest.mark.parametrize("name", OTHER)
def test_a_pooler_that_keeps_no_sessions_is_refused_before_anything_is_set(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    mode, settings = OTHER[name]
    with pooled(house.url, mode, **settings) as url:
        with psycopg.connect(url, autocommit=True) as other:  # a backend is free, as in a pooler under way
            before = other.execute("select current_user").fetchone()
        said = "in transaction mode" if mode == "transaction" else "keeps sessions cannot be seen"
        for _ in range(3):
            with pytest.raises(DatabaseUnsuitable, match=said):
                connect(url, Role.LOADER)
        monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", url)
        monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path))
        for command in (["doctor"], ["status"], ["export", "fct_calls", "--tenant", OURS]):
            done = CliRunner().invoke(app, command)
            assert done.exit_code == 1, command
            assert said in " ".join(done.output.split()), command
        with psycopg.connect(url, autocommit=True) as other:
            assert other.execute("select current_user").fetchone() == before


def test_a_login_of_another_tenant_exports_nothing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", house.url)
    monkeypatch.setenv("MINUTEBOOK_SERVER_DATABASE_URL", house.urls[Access.TENANT])
    monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["export", "fct_calls", "--tenant", THEIRS])
    assert done.exit_code == 1
    assert f"is to read as tenant {THEIRS}, and sees {OURS}" in " ".join(done.output.split())


class Deaf:
    """A cursor of a session that takes no setting."""

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._cursor = cursor

    def execute(self, statement: str) -> None:
        self._cursor.execute("select 1" if "json_each_text" in statement else statement)  # type: ignore[call-overload]

    def fetchone(self) -> Any:
        return self._cursor.fetchone()

    def fetchall(self) -> Any:
        return self._cursor.fetchall()


def test_whoever_is_not_who_he_asked_to_be_stops(house: House) -> None:
    with psycopg.connect(house.url) as connection, connection.cursor() as cursor:
        with pytest.raises(DatabaseUnsuitable, match=r"Asked to act as minutebook_tenant.* role 'postgres'"):
            Session("minutebook_tenant").establish(Deaf(cursor))
        Session("minutebook_tenant").establish(cursor)
        assert cursor.execute("select current_user").fetchone() == ("minutebook_tenant",)


def test_what_another_client_left_in_a_session_is_not_taken_over(house: House) -> None:
    """A pooler in session mode whose reset query is empty hands a session on as it was left."""
    with pooled(house.url, "session", server_reset_query="", default_pool_size="1") as url:
        with psycopg.connect(url, autocommit=True) as former:
            former.execute(SQL("set role {}").format(Identifier(Role.LOADER)))
        with psycopg.connect(url) as next_client, next_client.cursor() as cursor:
            assert cursor.execute("select current_user").fetchone() == (Role.LOADER,)
            Session().establish(cursor)
            assert cursor.execute("select current_user").fetchone() == ("postgres",)
