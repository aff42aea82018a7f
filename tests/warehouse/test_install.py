"""Migrations: numbered, forward only, checksummed, safe to repeat and to race."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.conftest import administer
from warehouse.database.connect import Role, connect
from warehouse.database.errors import DatabaseUnsuitable, MigrationEdited, MigrationError, MigrationUnknown
from warehouse.install import FOLDER, migrate

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


def test_a_missing_migration_is_refused(database_url: str, folder: Path) -> None:
    (folder / f"{NAMES[1]}.sql").unlink()
    with pytest.raises(MigrationEdited, match="missing"):
        migrate(database_url, folder)


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
        " minutebook_tenant, minutebook_server to {} with admin option",
        role,
    )
    return f"{server.partition('//')[0]}//{role}:{role}@{host}"


def test_an_owner_without_superuser_rights_can_migrate(plain_owner: str) -> None:
    assert migrate(plain_owner) == NAMES
    with connect(plain_owner, Role.OPERATOR, actor="anna") as connection:
        connection.execute("insert into control.plans (plan_id, name, currency) values ('p', 'P', 'USD')")
        audited = connection.execute("select actor, action, object_table from ledger.audit_log").fetchall()
    assert audited == [("anna", "insert", "control.plans")]


def test_a_plan_gives_credit_notes_where_all_tenants_of_it_had_the_flag_which_goes(
    plain_owner: str, folder: Path
) -> None:
    for name in NAMES[NAMES.index("0085_credit_notes_are_a_term") :]:
        (folder / f"{name}.sql").rename(folder / f"{name}.later")
    migrate(plain_owner, folder)
    with connect(plain_owner, Role.OPERATOR, actor="anna") as connection:
        for tenant, flags, plans in (
            ("a", '{"stripe_credit_notes": true, "seats": 3}', ["noting", "mixed"]),
            ("b", '{"stripe_credit_notes": true}', ["noting"]),
            ("c", '{"stripe_credit_notes": false}', ["mixed", "plain"]),
        ):
            connection.execute(
                "insert into control.tenants (tenant_id, name, currency, feature_flags) values (%s, %s, 'USD', %s)",
                [tenant, tenant, flags],
            )
            for number, plan in enumerate(plans, 1):
                connection.execute(
                    "insert into control.plans (plan_id, name, currency) values (%s, %s, 'USD') on conflict do nothing",
                    [plan, plan],
                )
                connection.execute(
                    "insert into control.plan_terms (plan_id, valid_from, subscription_fee) values (%s, %s, 1)"
                    " on conflict do nothing", [plan, f"2026-0{number}-01"],
                )  # fmt: skip
                connection.execute("insert into control.tenant_plans values (%s, %s, %s)", [
                    tenant, f"2026-0{number}-01", plan,
                ])  # fmt: skip
        connection.commit()
        migrate(plain_owner)
        terms = connection.execute(
            "select plan_id, bool_and(gives_credit_notes), bool_or(gives_credit_notes) from control.plan_terms"
            " where plan_id <> 'canary' group by plan_id order by plan_id"
        ).fetchall()
        flags = connection.execute("select tenant_id, feature_flags from control.tenants order by 1").fetchall()
    assert terms == [("mixed", False, False), ("noting", True, True), ("plain", False, False)]
    assert [row for row in flags if row[0] in "abc"] == [("a", {"seats": 3}), ("b", {}), ("c", {})]


def test_a_user_that_may_not_create_schemas_is_told_so(postgres_server: str, empty_database_url: str) -> None:
    name = empty_database_url.rpartition("/")[2]
    administer(postgres_server, "create role {} login password 'weak-user-pw'", f"weak_{name}")
    url = f"postgresql://weak_{name}:weak-user-pw@{empty_database_url.partition('@')[2]}"
    with pytest.raises(DatabaseUnsuitable, match="lacks a right") as raised:
        migrate(url)
    assert "weak-user-pw" not in str(raised.value)
