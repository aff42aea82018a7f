"""The second factor of who sees all tenants, and the sessions that a person may end."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import psycopg
import pytest

from orchestration.web.access.auth import SESSION
from tests.web.server import MASTER_KEY
from tests.web.signing import PASSWORD, form_token, give_code, give_password, proposed, recovery_codes, set_up
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.security import rotation, second_factors, web_logins
from warehouse.security.master_keys import parse_master_keys
from warehouse.security.vault import Vault
from warehouse.security.web_logins import LoginError

Visit = Callable[[str], httpx.Client]


def test_a_password_alone_opens_nothing_to_who_sees_all_tenants(visit: Visit) -> None:
    client = visit("")
    give_password(client, "ana")
    for path in ("/", "/periods", "/tables/fct_statements.csv", "/packs/2026-10.zip", "/sessions"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/second-factor")
    token = form_token(client.get("/second-factor").text)
    answer = client.post("/periods/acme-dental/2026-10-01/approve", data={"form_token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/second-factor")


def test_a_second_factor_is_set_up_once_and_asked_for_at_every_sign_in(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = visit("")
    give_password(client, "ana")
    authenticator = proposed(client)
    code = authenticator.at(clock.now())
    assert len(set(recovery_codes(give_code(client, code)))) == 10
    assert client.get("/periods").status_code == 200
    again = visit("")
    give_password(again, "ana")
    assert authenticator.secret not in again.get("/second-factor").text
    assert give_code(again, code).status_code == 401  # taken already
    assert give_code(again, "000000").status_code == 401
    assert again.get("/periods").status_code == 303
    monkeypatch.setenv(clock.OFFSET, "60")
    assert give_code(again, authenticator.at(clock.now())).status_code == 303
    assert again.get("/periods").status_code == 200


def test_a_recovery_code_signs_in_once(visit: Visit) -> None:
    client = visit("")
    give_password(client, "ana")
    _, codes = set_up(client)
    for expected in (303, 401):
        again = visit("")
        give_password(again, "ana")
        assert give_code(again, codes[0].upper()).status_code == expected


def test_a_recovery_code_signs_in_once_of_many_who_send_it_at_once(visit: Visit) -> None:
    client = visit("")
    give_password(client, "ana")
    _, codes = set_up(client)
    others = [visit("") for _ in range(4)]
    forms = []
    for other in others:
        give_password(other, "ana")
        forms.append({"code": codes[0], "form_token": form_token(other.get("/second-factor").text)})
    with ThreadPoolExecutor(4) as crowd:
        answers = list(
            crowd.map(lambda one: one[0].post("/second-factor", data=one[1]), zip(others, forms, strict=True))
        )
    assert sorted(answer.status_code for answer in answers) == [303, 401, 401, 401]


def test_a_code_of_another_login_or_a_recovery_code_of_another_opens_nothing(visit: Visit, story_url: str) -> None:
    with connect(story_url, Role.SERVER) as door:
        web_logins.set_password(door, "otto", PASSWORD)
    anas, ottos = visit(""), visit("")
    give_password(anas, "ana")
    give_password(ottos, "otto")
    authenticator, codes = set_up(anas)
    set_up(ottos)
    again = visit("")
    give_password(again, "otto")
    for code in (codes[0], authenticator.at(clock.now())):
        assert give_code(again, code).status_code == 401
    assert again.get("/days").status_code == 303


def test_a_session_that_was_planted_is_not_let_in_by_the_code_of_its_victim(visit: Visit) -> None:
    knows_the_password, victim = visit(""), visit("")
    give_password(knows_the_password, "ana")
    victim.cookies.set(SESSION, knows_the_password.cookies[SESSION], domain="127.0.0.1")
    set_up(victim)
    assert victim.get("/periods").status_code == 200
    assert knows_the_password.get("/periods").headers["location"].startswith("/sign-in")


def test_the_secret_of_a_second_factor_is_shown_to_the_one_session_that_sets_it_up(visit: Visit) -> None:
    knows_the_password, owner = visit(""), visit("")
    give_password(knows_the_password, "ana")
    seen = proposed(knows_the_password)
    assert seen.secret == proposed(knows_the_password).secret
    give_password(owner, "ana")
    own, _ = set_up(owner)
    assert seen.secret != own.secret
    assert give_code(knows_the_password, seen.at(clock.now())).status_code == 401
    assert owner.get("/periods").status_code == 200


def test_codes_cannot_be_guessed(visit: Visit) -> None:
    client = visit("")
    give_password(client, "ana")
    set_up(client)
    again = visit("")
    give_password(again, "ana")
    statuses = [give_code(again, f"{number:06}").status_code for number in range(7)]
    assert statuses == [401] * 5 + [429] * 2


def test_a_reset_is_audited_ends_the_sessions_and_asks_for_another_factor(visit: Visit, story_url: str) -> None:
    client = visit("")
    give_password(client, "ana")
    authenticator, _ = set_up(client)
    with connect(story_url, Role.SERVER, actor="otto") as connection:
        second_factors.reset(connection, "ana")
        with pytest.raises(LoginError, match="no login ana with a second factor"):
            second_factors.reset(connection, "ana")
    assert client.get("/periods").headers["location"].startswith("/sign-in")
    give_password(client, "ana")
    other, _ = set_up(client)
    assert other.secret != authenticator.secret
    with psycopg.connect(story_url) as connection:
        audited = connection.execute(
            "select actor, before ->> 'second_factor_at' is not null, after ->> 'second_factor_at' is not null"
            " from ledger.audit_log where object_table = 'control.logins' and action = 'update' and"
            " before ->> 'second_factor_at' is distinct from after ->> 'second_factor_at' order by entry_id"
        ).fetchall()
    assert audited == [("ana", False, True), ("otto", True, False), ("ana", False, True)]


def test_secrets_of_authenticators_are_sealed_and_follow_a_new_data_key(visit: Visit, story_url: str) -> None:
    client = visit("")
    give_password(client, "ana")
    authenticator, codes = set_up(client)
    with psycopg.connect(story_url) as connection:
        tables = ("control.second_factors", "control.recovery_codes", "control.logins", "ledger.audit_log")
        dump = "".join(str(connection.execute(f"select t::text from {table} as t").fetchall()) for table in tables)  # type: ignore[call-overload]
    assert not any(secret in dump for secret in (authenticator.secret, authenticator.secret.encode().hex(), *codes))
    vault = Vault(parse_master_keys(MASTER_KEY))
    with connect(story_url, Role.OPERATOR) as connection:
        assert rotation.rotate_data_key(vault, connection, None) == 1
    with connect(story_url, Role.SERVER) as connection:
        later = clock.now() + timedelta(seconds=30)
        assert second_factors.is_good(vault, connection, "ana", authenticator.at(later))


def test_a_person_sees_their_sessions_and_ends_one(visit: Visit, story_url: str) -> None:
    here, there, tina = visit("ana"), visit(""), visit("tina")
    there.headers = httpx.Headers({"user-agent": b"Elsewhere\x9b2J/1.0"})  # type: ignore[dict-item]
    give_password(there, "ana")
    set_up(there)
    page = here.get("/sessions").text
    assert "Elsewhere/1.0" in page
    with psycopg.connect(story_url) as connection:
        found = connection.execute("select session_id from control.sessions where browser like 'Elsewhere%'").fetchone()
    assert found is not None
    foreign = {"form_token": form_token(tina.get("/usage").text), "session": str(found[0])}
    assert tina.post("/sessions", data=foreign).status_code == 404
    assert there.get("/periods").status_code == 200
    own = {"form_token": form_token(page), "session": str(found[0])}
    assert here.post("/sessions", data=own).status_code == 303
    assert there.get("/periods").status_code == 303
    assert here.get("/periods").status_code == 200


def test_another_password_ends_sessions_and_forgets_devices(visit: Visit, story_url: str) -> None:
    client = visit("")
    give_password(client, "ana")
    with connect(story_url, Role.SERVER) as connection:
        web_logins.set_password(connection, "ana", "another boring password")
    assert client.get("/second-factor").headers["location"].startswith("/sign-in")
    assert give_password(client, "ana", PASSWORD).status_code == 401
    with psycopg.connect(story_url) as connection:
        assert connection.execute("select count(*) from control.devices").fetchone() == (0,)


def changed(client: httpx.Client, present: str, password: str, again: str | None = None) -> httpx.Response:
    """Fill in and send the form that changes one's own password."""
    form = {
        "form_token": form_token(client.get("/sessions").text),
        "present": present,
        "password": password,
        "again": password if again is None else again,
    }
    return client.post("/sessions/password", data=form)


def test_a_person_changes_their_password_goes_on_here_and_is_signed_out_everywhere_else(
    visit: Visit, story_url: str
) -> None:
    here, there = visit(""), visit("")
    give_password(here, "ana")
    _, codes = set_up(here)
    give_password(there, "ana")
    give_code(there, codes[0])
    assert there.get("/periods").status_code == 200
    former = here.cookies[SESSION]
    answer = changed(here, PASSWORD, "another boring password")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sessions?changed=1")
    assert "Your password was changed" in here.get("/sessions?changed=1").text
    assert here.get("/periods").status_code == 200, "the second factor was given in this session already"
    assert here.cookies[SESSION] != former, "a session that somebody copied has ended, too"
    assert there.get("/periods").status_code == 303
    assert give_password(visit(""), "ana").status_code == 401
    assert give_password(visit(""), "ana", "another boring password").status_code == 303
    with psycopg.connect(story_url) as connection:
        audited = connection.execute(
            "select distinct actor from ledger.audit_log where object_table = 'control.login_passwords'"
            " and action = 'update'"
        ).fetchall()
    assert audited == [("ana",)]


@pytest.mark.parametrize(
    ("present", "password", "again", "why"),
    [
        ("not mine at all", "another boring password", None, "not your present password"),
        (PASSWORD, "another boring password", "another bored password", "not the same"),
        (PASSWORD, "short", None, "at least 12 characters"),
    ],
)
def test_a_password_is_not_changed_by_who_does_not_know_it_or_mistypes(
    visit: Visit, present: str, password: str, again: str | None, why: str
) -> None:
    client = visit("ana")
    answer = changed(client, present, password, again)
    assert (answer.status_code, why in answer.text) == (409, True)
    assert client.get("/periods").status_code == 200
    assert give_password(visit(""), "ana").status_code == 303


def test_the_present_password_cannot_be_guessed_by_who_found_a_session_open(visit: Visit) -> None:
    client = visit("ana")
    statuses = [
        changed(client, f"a guess that is wrong {number}", "another boring password").status_code for number in range(7)
    ]
    assert statuses == [409] * 5 + [429] * 2


def test_a_disabled_login_is_not_let_in_again_by_a_change_that_began_before(visit: Visit, story_url: str) -> None:
    visit("")
    with connect(story_url, Role.SERVER) as connection:
        former, _ = web_logins.password_of(connection, "ana", "")
        assert former is not None
        web_logins.disable(connection, "ana")
        assert not web_logins.change_password(connection, "ana", former, web_logins.hashed("another boring password"))
        assert web_logins.password_of(connection, "ana", "") == (None, False)
