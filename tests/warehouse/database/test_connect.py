"""Connections: a role, UTC, no search path; and errors that say what to do and never the password."""

import traceback
from urllib.parse import quote

import pytest
from psycopg.sql import Literal

from tests.conftest import administer
from warehouse.database import connect as connecting
from warehouse.database.connect import Role, connect, url_as
from warehouse.database.errors import DatabaseUnreachable, DatabaseUnsuitable

PASSWORD = "canary-pw-91"


def test_a_connection_acts_as_its_role_in_utc_for_its_actor(database_url: str) -> None:
    with connect(database_url, Role.OPERATOR, actor="Anna \\ O'Neill") as connection:
        asked = "select current_user, current_setting('timezone'), current_setting('search_path')"
        assert connection.execute(asked).fetchone() == ("minutebook_operator", "UTC", "")
        actor = connection.execute("select current_setting('minutebook.actor')").fetchone()
        assert actor == ("Anna \\ O'Neill",)
        connection.execute("reset all")
        assert connection.execute("select current_user").fetchone() == ("minutebook_operator",)


def test_a_role_cannot_do_what_it_is_not_for(database_url: str) -> None:
    with connect(database_url, Role.ANALYST) as connection, pytest.raises(Exception, match="permission denied"):
        connection.execute("select * from control.credentials")


@pytest.mark.parametrize("password", ["a+b@c/d%e?f#g:h&i=j", "a b'c\"d\\e"])
def test_a_password_of_special_characters_works(postgres_server: str, database_url: str, password: str) -> None:
    role = f"special_{database_url.rpartition('_')[2]}"
    administer(postgres_server, f"create role {{}} login superuser password {Literal(password).as_string()}", role)
    url = f"postgresql://{role}:{quote(password, safe='')}@{database_url.partition('@')[2]}"
    with connect(url, Role.LOADER) as connection, connect(url_as(url, Role.LOADER), Role.OWNER) as same:
        for one in (connection, same):
            assert one.execute("select current_user, session_user").fetchone() == ("minutebook_loader", role)


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        (f"postgresql://u:{PASSWORD}@127.0.0.1:9/db", "that the server runs"),
        (f"postgresql://u:{PASSWORD}@no-such-host.invalid/db", "Check host"),
        (f"postgresql://u:{PASSWORD}@127.0.0.1:port/db", "is not a PostgreSQL URL"),
        (f"postgresql://u:x@{PASSWORD}@127.0.0.1/db", "percent-encoded"),
        (f"mysql://u:{PASSWORD}@127.0.0.1/db", "is not a PostgreSQL URL"),
        (f"u:{PASSWORD}", "is not a PostgreSQL URL"),
    ],
)
def test_an_address_that_does_not_work_says_what_to_do(url: str, advice: str) -> None:
    with pytest.raises(DatabaseUnreachable, match=advice) as raised:
        connect(url, Role.LOADER)
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))
    assert raised.value.__context__ is None or PASSWORD not in str(raised.value.__context__)


def test_a_wrong_password_and_a_wrong_database_are_told_apart(database_url: str) -> None:
    user, _, address = database_url.partition("@")
    with pytest.raises(DatabaseUnreachable, match="Check the user and password"):
        connect(f"postgresql://postgres:{PASSWORD}@{address}", Role.OWNER)
    with pytest.raises(DatabaseUnreachable, match="Create the database"):
        connect(f"{user}@{address.partition('/')[0]}/nowhere", Role.OWNER)


def test_a_user_that_may_not_act_as_a_role_is_told_the_grant(postgres_server: str, database_url: str) -> None:
    role = f"stranger_{database_url.rpartition('_')[2]}"
    administer(postgres_server, f"create role {{}} login password '{PASSWORD}'", role)
    with pytest.raises(DatabaseUnsuitable, match=f"grant minutebook_loader to {role}"):
        connect(f"postgresql://{role}:{PASSWORD}@{database_url.partition('@')[2]}", Role.LOADER)


def test_a_server_that_is_too_old_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "OLDEST_MAJOR", 99)
    with pytest.raises(DatabaseUnsuitable, match="needs 99 or newer"):
        connect(database_url, Role.OWNER)
