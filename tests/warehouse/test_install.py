"""Migrations: numbered, forward only, checksummed, safe to repeat and to race."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs

from tests.conftest import TEMPLATE, administer, database_of
from tests.warehouse.schema import WRITTEN, schema
from warehouse import install as installing
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import DEFAULT_MAJOR
from warehouse.database.errors import (
    DatabaseUnsuitable,
    MigrationEdited,
    MigrationError,
    MigrationMissing,
    MigrationUnknown,
)
from warehouse.install import FOLDER, migrate, require_release

NAMES = sorted(path.stem for path in FOLDER.glob("*.sql"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "migrations"
    shutil.copytree(FOLDER, copy)
    return copy


def test_every_migration_is_applied_once_and_in_order(empty_database_url: str) -> None:
    assert migrate(empty_database_url) == NAMES
    assert migrate(empty_database_url) == []


def test_two_migrations_at_once_do_no_harm(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: migrate(empty_database_url), range(4)))
    assert sorted(applied, key=len) == [[], [], [], NAMES]


def test_an_edited_migration_is_refused_before_anything_is_changed(database_url: str, folder: Path) -> None:
    (folder / f"{NAMES[2]}.sql").write_text("select 1;")
    (folder / "9999_new.sql").write_text("create table control.never ();")
    with pytest.raises(MigrationEdited, match=NAMES[2]):
        migrate(database_url, folder)
    with connect(database_url, Role.OWNER) as connection:
        assert connection.execute("select to_regclass('control.never')").fetchone() == (None,)


def test_a_database_of_an_older_set_of_migrations_is_refused(database_url: str, folder: Path) -> None:
    (folder / f"{NAMES[0]}.sql").rename(folder / "0001_before.sql")
    (folder / "0001_before.sql").write_text("create table control.never ();")
    with pytest.raises(MigrationUnknown, match=rf"{NAMES[0]}.*make a new database, or keep this one with the release"):
        migrate(database_url, folder)
    with connect(database_url, Role.OWNER) as connection:
        assert connection.execute("select to_regclass('control.never')").fetchone() == (None,)


def test_migrations_are_numbered_without_gaps() -> None:
    assert [name[:4] for name in NAMES] == [f"{number:04}" for number in range(1, len(NAMES) + 1)]


def test_the_page_of_the_schema_is_what_the_migrations_make(server_of_major: Callable[[int], str]) -> None:
    page = schema(database_of(server_of_major(DEFAULT_MAJOR), TEMPLATE))
    assert page == WRITTEN.read_text(), "run `make schema`"


def test_a_migration_put_in_between_is_refused(database_url: str, folder: Path) -> None:
    (folder / "0001_zz_late.sql").write_text("select 1;")
    with pytest.raises(MigrationEdited, match="inserted before"):
        migrate(database_url, folder)


def test_a_database_of_a_newer_release_is_refused(database_url: str, folder: Path) -> None:
    (folder / "9999_new.sql").write_text("select 1;")
    assert migrate(database_url, folder) == ["9999_new"]
    with pytest.raises(MigrationUnknown, match="9999_new"):
        migrate(database_url)


def test_a_failing_migration_leaves_nothing_and_those_before_it_stand(database_url: str, folder: Path) -> None:
    (folder / "9998_good.sql").write_text("create table control.good ();")
    (folder / "9999_bad.sql").write_text("create table control.half (); select 1 / 0;")
    with pytest.raises(MigrationError, match="9999_bad"):
        migrate(database_url, folder)
    with connect(database_url, Role.OWNER) as connection:
        found = connection.execute("select to_regclass('control.good') is null, to_regclass('control.half') is null")
        assert found.fetchone() == (False, True)
    (folder / "9999_bad.sql").write_text("create table control.half ();")
    assert migrate(database_url, folder) == ["9999_bad"]


NEXT_RELEASE = {
    "9997_add": """
        create table control.synthetic (number integer, doubled integer check (doubled <> 14));
        insert into control.synthetic (number) select number from generate_series(1, 10) as number;
    """,
    "9998_fill": """-- in batches
        update control.synthetic set doubled = 2 * number
        where number in (select number from control.synthetic where doubled is null order by number limit 3);
    """,
    "9999_hold": "alter table control.synthetic alter column doubled set not null;",
}


def test_a_migration_in_batches_commits_each_and_goes_on_where_it_was_ended(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release before has rows, the next one fills a column of theirs in batches, and something fails in between."""
    for name, statements in NEXT_RELEASE.items():
        (folder / f"{name}.sql").write_text(statements)
    with pytest.raises(MigrationError, match="9998_fill"):
        migrate(database_url, folder)
    with psycopg.connect(database_url, autocommit=True) as owner:
        filled = "select number from control.synthetic where doubled = 2 * number order by 1"
        assert [number for (number,) in owner.execute(filled)] == [1, 2, 3, 4, 5, 6]
        with pytest.raises(MigrationMissing, match="9998_fill"):
            require_release(owner, folder)
        owner.execute("alter table control.synthetic drop constraint synthetic_doubled_check")
        monkeypatch.setattr(installing, "TOLD_EVERY_SECONDS", 0)
        with capture_logs() as logs:
            assert migrate(database_url, folder) == ["9998_fill", "9999_hold"]
        assert [log["rows"] for log in logs] == [3, 4]
        assert [number for (number,) in owner.execute(filled)] == [*range(1, 11)]
        assert owner.execute("select count(distinct xmin::text) from control.synthetic").fetchone() == (4,)
    assert migrate(database_url, folder) == []


def test_a_locked_table_is_waited_for_shortly_and_named(database_url: str, folder: Path) -> None:
    (folder / "9999_new.sql").write_text("set local lock_timeout = '100ms'; alter table control.plans add note text;")
    with psycopg.connect(database_url) as other:
        other.execute("select * from control.plans")
        with pytest.raises(MigrationError, match="another session holds a lock"):
            migrate(database_url, folder)


@pytest.fixture
def plain_owner(postgres_server: str, empty_database_url: str) -> str:
    """An empty database of an owner without superuser rights."""
    name = empty_database_url.rpartition("/")[2]
    server, _, host = empty_database_url.partition("@")
    role = f"owner_{name}"
    administer(postgres_server, f"create role {{}} login createrole password '{role}'", role)
    administer(postgres_server, "alter database {} owner to {}", name, role)
    administer(
        postgres_server,
        "grant minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator, minutebook_analyst,"
        " minutebook_tenant, minutebook_server, minutebook_searcher, minutebook_intake,"
        " minutebook_automations to {} with admin option",
        role,
    )
    return f"{server.partition('//')[0]}//{role}:{role}@{host}"


def test_an_owner_without_superuser_rights_can_migrate(plain_owner: str) -> None:
    assert migrate(plain_owner) == NAMES
    with connect(plain_owner, Role.OPERATOR, actor="anna") as connection:
        connection.execute("insert into control.plans (plan_id, name, currency) values ('p', 'P', 'USD')")
        audited = connection.execute("select actor, action, object_table from ledger.audit_log").fetchall()
    assert audited == [("anna", "insert", "control.plans")]


def test_a_user_that_may_not_create_schemas_is_told_so(postgres_server: str, empty_database_url: str) -> None:
    name = empty_database_url.rpartition("/")[2]
    administer(postgres_server, "create role {} login password 'weak-user-pw'", f"weak_{name}")
    url = f"postgresql://weak_{name}:weak-user-pw@{empty_database_url.partition('@')[2]}"
    with pytest.raises(DatabaseUnsuitable, match="lacks a right") as raised:
        migrate(url)
    assert "weak-user-pw" not in str(raised.value)


def test_a_release_serves_no_database_of_another(database_url: str, folder: Path) -> None:
    """The next release is this one with a migration more."""
    next_release = folder
    (next_release / "9999_next.sql").write_text("create table control.next (id int);")
    with connect(database_url, Role.OPERATOR, autocommit=True) as operator:
        require_release(operator)
        with pytest.raises(MigrationMissing, match="9999_next"):
            require_release(operator, next_release)
        assert migrate(database_url, next_release) == ["9999_next"]
        require_release(operator, next_release)
        with pytest.raises(MigrationUnknown, match="run the release that has it"):
            require_release(operator)
    with pytest.raises(MigrationUnknown):
        migrate(database_url)
