"""Who gets in, and whose word a form is."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from orchestration.web.access.auth import SESSION
from orchestration.web.server import tries
from orchestration.web.server.headers import HEADERS
from orchestration.web.server.tries import ALLOWED, Trying
from orchestration.web.server.turns import Crowded
from tests.web import world
from tests.web.server import serving
from tests.web.signing import PASSWORD, form_token, give_password, set_up, sign_in
from warehouse.database.connect import Role, connect
from warehouse.security import web_logins
from warehouse.security.web_logins import LoginError

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
    set_up(client)
    assert client.get("/days?q=acme").status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example", "/\n/x.y"],
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


def test_after_five_wrong_passwords_that_client_waits_and_nobody_else_does(visit: Visit) -> None:
    stranger, known = visit(""), visit("")
    assert give_password(known, "ana").status_code == 303
    for _ in range(ALLOWED):
        assert give_password(stranger, "ana", "wrong password!").status_code == 401
    refused = give_password(stranger, "ana")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 15 * 60 + 1
    # From the same address, but by a browser that signed in before.
    known.cookies.delete(SESSION)
    assert give_password(known, "ana").status_code == 303


@pytest.mark.parametrize(("own", "said"), [("127.0.0.1", "10.0.0.{}, 203.0.113.9"), ("127.0.0.2", "10.0.0.{}")])
def test_nobody_is_another_client_by_saying_so_to_a_proxy_or_to_us(visit: Visit, own: str, said: str) -> None:
    transport = httpx.HTTPTransport(local_address=own)
    with httpx.Client(base_url=visit("").base_url, transport=transport, timeout=60) as stranger:
        statuses = []
        for number in range(ALLOWED + 1):
            stranger.headers["x-forwarded-for"] = said.format(number)
            statuses.append(give_password(stranger, "ana", "wrong password!").status_code)
    assert statuses == [401] * ALLOWED + [429]


def test_no_number_of_strangers_locks_a_login_out(story_url: str) -> None:
    with connect(story_url, Role.SERVER) as door:
        for number in range(30):
            with suppress(Crowded):
                for _ in range(ALLOWED):
                    tries.begin(door, Trying(f"198.51.100.{number}", "ana"))
        tries.begin(door, Trying("203.0.113.7", "ana"))  # a first try, from wherever it comes
        tries.begin(door, Trying("198.51.100.1", "ana", device="ana's"))
        tries.begin(door, Trying("203.0.113.7", "otto"))
        with pytest.raises(Crowded):
            tries.begin(door, Trying("203.0.113.7", "ana"))  # and no second one
        door.execute("update control.wrong_tries set begun_at = begun_at - interval '15 minutes'")
        tries.begin(door, Trying("198.51.100.1", "ana"))


def test_an_address_that_tries_many_logins_waits_too_and_ipv6_counts_by_subscriber(story_url: str) -> None:
    with connect(story_url, Role.SERVER) as door:
        for number in range(20):
            tries.begin(door, Trying(f"2001:db8::{number:x}", f"login-{number}"))
        with pytest.raises(Crowded):
            tries.begin(door, Trying("2001:db8::ffff", "another"))
        tries.begin(door, Trying("2001:db8:0:1::1", "another"))


def test_who_is_right_uses_up_nobodys_tries(story_url: str) -> None:
    with connect(story_url, Role.SERVER) as door:
        for number in range(100):
            of_an_office = Trying("203.0.113.7", f"login-{number}")
            tries.begin(door, of_an_office)
            tries.succeeded(door, of_an_office)


def test_wrong_passwords_count_in_all_processes_that_serve(visit: Visit, story_url: str, tmp_path: Path) -> None:
    for _ in range(ALLOWED):
        assert give_password(visit(""), "ana", "wrong password!").status_code == 401
    with serving(story_url, tmp_path, world.TODAY) as beside, httpx.Client(base_url=beside, timeout=60) as stranger:
        assert give_password(stranger, "ana").status_code == 429


def test_strangers_who_sign_in_at_once_are_refused_early_and_slow_nobody_down(visit: Visit, story_url: str) -> None:
    ana, stranger = visit("ana"), visit("")
    form = {"login": "ana", "password": "wrong password!", "form_token": form_token(stranger.get("/sign-in").text)}
    before = min(ana.get("/sign-out").elapsed.total_seconds() for _ in range(5))
    with ThreadPoolExecutor(30) as crowd:
        tried = [crowd.submit(stranger.post, "/sign-in", data=form) for _ in range(30)]
        while not all(one.done() for one in tried):
            assert ana.get("/sign-out").elapsed.total_seconds() < before + 5
    answers = [one.result() for one in tried]
    assert {answer.status_code for answer in answers} <= {401, 429}
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 429)
    assert sum(answer.status_code == 401 for answer in answers) <= ALLOWED


def test_no_connection_is_held_while_a_password_is_hashed(
    visit: Visit, story_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def hashed(password: str, password_hash: str | None) -> bool:
        with psycopg.connect(story_url) as connection:
            seen.append(
                connection.execute(
                    "select count(*) from pg_stat_activity where datname = current_database()"
                    " and pid <> pg_backend_pid() and xact_start is not null and backend_type = 'client backend'"
                ).fetchone()
            )
        return False

    monkeypatch.setattr(web_logins, "is_password", hashed)
    assert give_password(visit(""), "ana").status_code == 401
    assert seen == [(0,)]


@pytest.mark.parametrize(
    ("login", "refused"),
    [("otto", "/periods"), ("tina", "/periods"), ("tina", "/days"), ("tina", "/costs"), ("ana", "/usage")],
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
    with connect(story_url, Role.SERVER) as connection:
        web_logins.disable(connection, "ana")
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
    with connect(story_url, Role.SERVER) as connection, pytest.raises(LoginError, match=said):
        web_logins.add_login(connection, login, role, tenant)  # type: ignore[arg-type]


def test_a_short_password_is_refused(story_url: str) -> None:
    with connect(story_url, Role.SERVER) as connection, pytest.raises(LoginError, match="at least 12"):
        web_logins.set_password(connection, "ana", "short")


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
