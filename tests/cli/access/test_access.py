"""minutebook access and doctor: a login's password is shown once; what opens a door is named."""

import json

import psycopg
from psycopg.conninfo import make_conninfo

from tests.cli.conftest import Minutebook


def test_a_tenants_login_is_granted_listed_and_revoked(acme: Minutebook, database_url: str) -> None:
    made = json.loads(acme("access grant --role tenant --tenant acme --json").stdout)
    assert "acme" not in made["login"]
    own = make_conninfo(database_url, user=made["login"], password=made["password"])
    psycopg.connect(own).close()
    listed = acme("access list --json").stdout
    assert made["password"] not in listed
    assert [(row["login"], row["tenant_id"], row["can_log_in"]) for row in json.loads(listed)] == [
        (made["login"], "acme", True)
    ]
    acme("access revoke", made["login"])
    assert "no login" in acme("access revoke", made["login"], code=1).stderr


def test_nothing_is_granted_while_a_door_is_open_and_doctor_says_how_to_close_it(
    acme: Minutebook, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    database.execute("alter table ledger.pulls no force row level security")
    assert "fix: alter table ledger.pulls" in acme("access grant --role analyst", code=1).stderr
    said = json.loads(acme("doctor --json", code=1).stdout)
    assert [row["fix"] for row in said if "ledger.pulls" in row["what"]] == [
        "alter table ledger.pulls enable row level security, force row level security"
    ]


def test_who_made_a_login_is_in_the_audit_log(
    acme: Minutebook, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    made = json.loads(acme("access grant --role analyst --json").stdout)
    found = database.execute(
        "select action, after ->> 'login', actor <> '' from ledger.audit_log"
        " where object_table = 'control.database_logins'"
    ).fetchall()
    assert found == [("insert", made["login"], True)]
    acme("access revoke", made["login"])


def test_a_login_that_changed_its_own_password_is_named_with_what_gives_it_another(
    acme: Minutebook, database_url: str
) -> None:
    made = json.loads(acme("access grant --role tenant --tenant acme --json").stdout)
    own = make_conninfo(database_url, user=made["login"], password=made["password"])
    named = f"login {made['login']} has another password than it was given"
    assert named not in acme("doctor --json", code=None).stdout
    with psycopg.connect(own, autocommit=True) as login:
        login.execute("set default_transaction_read_only = off")
        login.execute("alter role session_user password 'another one'")
    (found,) = [row for row in json.loads(acme("doctor --json", code=None).stdout) if row["what"] == named]
    again = json.loads(acme(found["fix"].removeprefix("minutebook ").partition(",")[0] + " --json").stdout)
    psycopg.connect(make_conninfo(database_url, user=made["login"], password=again["password"])).close()
    assert named not in acme("doctor --json", code=None).stdout
    acme("access revoke", made["login"])
