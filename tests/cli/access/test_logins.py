"""minutebook login: who signs in, who is signed in, and how that ends."""

import json
import re

import psycopg
import pyotp
import pytest

from tests.cli.conftest import MASTER_KEY, Minutebook
from tests.sandbox.mail import SENDER, posting
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.security import second_factors, web_logins
from warehouse.security.master_keys import parse_master_keys
from warehouse.security.vault import Vault

PASSWORD = "a long and boring password"


@pytest.fixture
def ana(minutebook: Minutebook, database_url: str) -> list[str]:
    """Ana of finance, signed in twice, with a second factor; her sessions."""
    minutebook("login create ana --role finance", given=f"{PASSWORD}\n")
    vault = Vault(parse_master_keys(MASTER_KEY))
    with connect(database_url, Role.SERVER) as door:
        password_hash, _ = web_logins.password_of(door, "ana", "")
        assert password_hash
        for browser in ("one", "another"):
            assert web_logins.start_session(door, "ana", password_hash, device=browser, browser=browser)
        secret = second_factors.proposed(vault, door, "ana", "")
        assert second_factors.confirm(vault, door, "ana", pyotp.TOTP(secret).at(clock.now()))
    return [row["session_id"] for row in json.loads(minutebook("login sessions ana --json").stdout)]


def test_sessions_are_listed_and_ended_one_by_one_or_all(minutebook: Minutebook, ana: list[str]) -> None:
    first, second = ana
    minutebook(f"login sign-out ana --session {first}")
    assert [row["session_id"] for row in json.loads(minutebook("login sessions --json").stdout)] == [second]
    assert f"no session {first}" in minutebook(f"login sign-out ana --session {first}", code=1).stderr
    assert json.loads(minutebook("login sign-out ana --json").stdout)["ended"] == 1
    assert json.loads(minutebook("login sessions ana --json").stdout) == []
    assert "There is no login nobody" in minutebook("login sign-out nobody", code=1).stderr


def test_a_reset_takes_the_factor_ends_the_sessions_and_is_audited(
    minutebook: Minutebook, ana: list[str], database: psycopg.Connection[tuple[object, ...]]
) -> None:
    factors = "select count(*) from control.second_factors"
    assert (len(ana), database.execute(factors).fetchone()) == (2, (1,))
    minutebook("login reset-factor ana")
    assert database.execute(factors).fetchone() == (0,)
    assert json.loads(minutebook("login sessions ana --json").stdout) == []
    audited = "select count(*) from ledger.audit_log where object_table = 'control.sessions' and action = 'delete'"
    assert database.execute(audited).fetchone() == (2,)
    assert "There is no login nobody" in minutebook("login reset-factor nobody", code=1).stderr


def test_a_link_is_printed_whole_once_and_the_person_is_listed_as_invited(
    minutebook: Minutebook, database_url: str
) -> None:
    printed = minutebook("login invite bo@example.com --role finance").stdout
    first = re.search(r"^http://127\.0\.0\.1:8400/password/([\w-]{43})$", printed, re.M)
    assert first, printed
    (listed,) = json.loads(minutebook("login list --json").stdout)
    assert (listed["password_set_at"], listed["link_expires_at"] is not None) == (None, True)
    found = json.loads(minutebook("login invite bo@example.com --role finance --json").stdout)
    with connect(database_url, Role.SERVER) as door:
        assert web_logins.link_of(door, first[1]) is None
        assert web_logins.use_link(door, found["link"].rpartition("/")[2], web_logins.hashed(PASSWORD))
    assert "exists already" in minutebook("login invite bo@example.com --role finance", code=1).stderr
    assert "/password/" in minutebook("login reset-password bo@example.com").stdout
    assert "There is no login nobody" in minutebook("login reset-password nobody", code=1).stderr


def test_a_link_is_mailed_where_a_mail_server_is_set(minutebook: Minutebook, monkeypatch: pytest.MonkeyPatch) -> None:
    with posting() as post:
        monkeypatch.setenv("MINUTEBOOK_SMTP_URL", post.url)
        monkeypatch.setenv("MINUTEBOOK_MAIL_FROM", SENDER)
        monkeypatch.setenv("MINUTEBOOK_PUBLIC_URL", "https://bills.example.com/")
        printed = minutebook("login invite bo@example.com --role finance").stdout
        assert ("sent bo@example.com a link" in printed, "/password/" in printed) == (True, False)
        (invitation,) = post.taken
        assert re.search(r"^https://bills\.example\.com/password/[\w-]{43}\r?$", invitation.get_content(), re.M)
        post.refuses["bo@example.com"] = "451 4.3.0 busy"
        found = json.loads(minutebook("login reset-password bo@example.com --json").stdout)
    assert ("451" in found["not_sent"], "/password/" in found["link"]) == (True, True)
