"""Who gets in, and whose word a form is."""

from collections.abc import Callable

import httpx
import psycopg
import pytest

from orchestration.pages.door import SESSION
from orchestration.pages.headers import HEADERS
from tests.pages.signing import PASSWORD, form_token, sign_in
from warehouse import logins
from warehouse.connect import Role, connect
from warehouse.logins import ALLOWED_FAILURES, LoginError

Visit = Callable[[str], httpx.Client]
PAGES = ("/periods", "/periods/acme-dental/2026-10-01", "/packs/2026-10.zip", "/days", "/days/acme-dental/2026-10-01")


@pytest.mark.parametrize("path", ["/", *PAGES, "/usage", "/tables", "/tables/fct_statements.csv"])
def test_a_stranger_is_sent_to_sign_in_and_back_to_where_they_were_going(visit: Visit, path: str) -> None:
    answer = visit("").get(path)
    assert answer.status_code == 303
    assert "/sign-in?next=" in answer.headers["location"]


def test_signing_in_leads_to_the_page_that_was_asked_for(visit: Visit) -> None:
    client = visit("")
    page = client.get(client.get("/days?q=acme").headers["location"])
    form = {"login": "ANA ", "password": PASSWORD, "form_token": form_token(page.text), "next": "/days?q=acme"}
    answer = client.post("/sign-in", data=form)
    assert answer.headers["location"] == "/days?q=acme"
    assert client.get("/days?q=acme").status_code == 200


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(visit: Visit, elsewhere: str) -> None:
    client = visit("")
    form = {"login": "ana", "password": PASSWORD, "form_token": form_token(client.get("/sign-in").text)}
    assert client.post("/sign-in", data={**form, "next": elsewhere}).headers["location"] == "/"


@pytest.mark.parametrize(
    ("login", "password"), [("ana", "wrong password!"), ("nobody", PASSWORD), ("", ""), ("ana'--", PASSWORD)]
)
def test_a_wrong_password_and_an_unknown_login_are_told_alike(visit: Visit, login: str, password: str) -> None:
    client = visit("")
    form = {"login": login, "password": password, "form_token": form_token(client.get("/sign-in").text)}
    answer = client.post("/sign-in", data=form)
    assert answer.status_code == 401
    assert "do not fit" in answer.text
    assert SESSION not in client.cookies


def test_after_five_wrong_passwords_even_the_right_one_waits(story_url: str) -> None:
    with connect(story_url, Role.OPERATOR) as connection:
        for _ in range(ALLOWED_FAILURES):
            assert logins.sign_in(connection, "ana", "wrong password!") is None
        assert logins.sign_in(connection, "ana", PASSWORD) is None
        connection.execute("update control.login_passwords set failed_at = now() - interval '16 minutes'")
        assert logins.sign_in(connection, "ana", PASSWORD) is not None


@pytest.mark.parametrize(
    ("login", "refused"), [("otto", "/periods"), ("tina", "/periods"), ("tina", "/days"), ("ana", "/usage")]
)
def test_a_page_of_another_role_is_refused(visit: Visit, login: str, refused: str) -> None:
    answer = visit(login).get(refused)
    assert answer.status_code == 403
    assert "This page is for" in answer.text


def test_a_form_without_its_token_changes_nothing(visit: Visit, story_url: str) -> None:
    client = visit("ana")
    target = "/periods/acme-dental/2026-10-01/approve"
    theirs = form_token(visit("otto").get("/days").text)
    for form in ({}, {"form_token": ""}, {"form_token": "0" * 64}, {"form_token": theirs}):
        assert client.post(target, data=form).status_code == 403
    own = {"form_token": form_token(client.get("/periods").text)}
    assert client.post(target, data=own, headers={"origin": "https://evil.example"}).status_code == 403
    assert client.post(target, data=own, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    with psycopg.connect(story_url) as connection:
        states = connection.execute("select distinct state from ledger.periods").fetchall()
    assert states == [("closed",)]


def test_a_signed_out_session_is_over_even_for_who_kept_its_cookie(visit: Visit) -> None:
    client = visit("ana")
    kept = client.cookies[SESSION]
    client.post("/sign-out", data={"form_token": form_token(client.get("/periods").text)})
    assert visit("").get("/periods", headers={"cookie": f"{SESSION}={kept}"}).status_code == 303


def test_a_disabled_login_loses_its_sessions(visit: Visit, story_url: str) -> None:
    client = visit("ana")
    with connect(story_url, Role.OPERATOR) as connection:
        logins.disable(connection, "ana")
    assert client.get("/periods").status_code == 303


def test_the_database_holds_neither_passwords_nor_tokens(visit: Visit, story_url: str) -> None:
    client = visit("")
    sign_in(client, "ana")
    token = client.cookies[SESSION]
    with psycopg.connect(story_url) as connection:
        dump = "".join(
            str(connection.execute(f"select {table}::text from {schema}.{table}").fetchall())
            for schema, table in (
                ("control", "logins"),
                ("control", "login_passwords"),
                ("control", "sessions"),
                ("ledger", "audit_log"),
            )
        )
    assert PASSWORD not in dump
    assert token not in dump
    assert "password_hash" not in dump


@pytest.mark.parametrize(
    ("login", "role", "tenant", "said"),
    [
        ("Ana Lee", "finance", None, "a-z"),
        ("ana", "finance", None, "exists already"),
        ("new", "tenant", None, "names its tenant"),
        ("new", "finance", "acme-dental", "names its tenant"),
        ("new", "tenant", "nobody", "no tenant nobody"),
    ],
)
def test_a_login_that_cannot_be_is_refused_in_words(
    story_url: str, login: str, role: str, tenant: str | None, said: str
) -> None:
    with connect(story_url, Role.OPERATOR) as connection, pytest.raises(LoginError, match=said):
        logins.add_login(connection, login, role, tenant)  # type: ignore[arg-type]


def test_a_short_password_is_refused(story_url: str) -> None:
    with connect(story_url, Role.OPERATOR) as connection, pytest.raises(LoginError, match="at least 12"):
        logins.set_password(connection, "ana", "short")


@pytest.mark.parametrize("path", ["/sign-in", "/periods", "/nowhere", "/static/minutebook.css"])
def test_every_answer_carries_the_security_headers(visit: Visit, path: str) -> None:
    answer = visit("ana").get(path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert ("no-store" in answer.headers["cache-control"]) != path.startswith("/static")


def test_session_cookies_are_out_of_reach_of_scripts_and_other_sites(visit: Visit) -> None:
    client = visit("")
    form = {"login": "ana", "password": PASSWORD, "form_token": form_token(client.get("/sign-in").text)}
    cookie = client.post("/sign-in", data=form).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_a_form_larger_than_any_of_ours_is_refused(visit: Visit) -> None:
    assert visit("").post("/sign-in", data={"password": "x" * 20_000}).status_code == 413
