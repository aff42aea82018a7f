"""Links that set a password once: who may make one, for whom, and how long it works."""

import re
from collections.abc import Callable
from html import unescape

import httpx
import psycopg
import pytest

from tests.web.signing import PASSWORD, form_token, give_password
from warehouse.database.connect import Role, connect
from warehouse.security import web_logins
from warehouse.security.web_logins import LoginError
from warehouse.statements import issuing
from warehouse.statements.issuing import Brand

Visit = Callable[[str], httpx.Client]
OTHER = "another long and boring one"


def invited(client: httpx.Client, login: str, tenant: str = "") -> httpx.Response:
    """Fill in and send the form that invites."""
    form = {"login": login, "tenant": tenant, "form_token": form_token(client.get("/people").text)}
    return client.post("/people", data=form)


def link_in(answer: httpx.Response) -> str:
    """The path of the link that a page shows."""
    found = re.search(r"<code>http[^<]*(/password/[\w-]+)</code>", unescape(answer.text))
    assert found, answer.text
    return found[1]


def follow(client: httpx.Client, path: str, password: str = PASSWORD, again: str | None = None) -> httpx.Response:
    """Fill in and send the form behind a link."""
    form = {
        "form_token": form_token(client.get(path).text),
        "password": password,
        "again": password if again is None else again,
    }
    return client.post(path, data=form)


def test_an_invited_person_chooses_a_password_sees_their_own_tenant_and_the_link_is_used_up(
    visit: Visit, story_url: str
) -> None:
    path = link_in(invited(visit("otto"), "Bo@acme.example ", "acme-dental"))
    bo, thief = visit(""), visit("")
    assert "Acme Dental" in bo.get(path).text
    answer = follow(bo, path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert bo.get("/", follow_redirects=True).url.path == "/usage"
    assert bo.get("/tenants/bright-smiles/calls").status_code == 404
    assert thief.get(path).status_code == 404
    with psycopg.connect(story_url) as connection:
        audited = connection.execute(
            "select actor, action from ledger.audit_log where object_table = 'control.login_links' order by entry_id"
        ).fetchall()
    assert audited == [("otto", "insert"), ("bo@acme.example", "delete")]
    assert give_password(visit(""), "bo@acme.example").status_code == 303


def test_a_reset_leaves_the_password_until_it_is_used_and_then_ends_every_session(visit: Visit) -> None:
    ana = visit("ana")
    form = {"login": "ana", "form_token": form_token(ana.get("/people").text)}
    former = link_in(ana.post("/people/reset", data=form))
    path = link_in(ana.post("/people/reset", data=form))
    assert ana.get(former).status_code == 404, "the newest link alone works"
    assert ana.get("/periods").status_code == 200
    assert follow(visit(""), path, OTHER).status_code == 303
    assert ana.get("/periods").status_code == 303
    assert give_password(visit(""), "ana").status_code == 401
    again = visit("")
    assert give_password(again, "ana", OTHER).status_code == 303
    # Finance still gives its second factor: a link is no way around it.
    assert again.get("/periods").headers["location"] == "/second-factor"


@pytest.mark.parametrize(
    ("password", "again", "why"), [("short", None, "at least 12"), (PASSWORD, OTHER, "not the same")]
)
def test_a_password_that_is_refused_leaves_the_link(visit: Visit, password: str, again: str | None, why: str) -> None:
    path = link_in(invited(visit("ana"), "bo", "acme-dental"))
    client = visit("")
    refused = follow(client, path, password, again)
    assert (refused.status_code, why in refused.text) == (400, True)
    assert follow(client, path).status_code == 303


def test_nobody_invites_or_resets_who_sees_more_than_they_do(visit: Visit) -> None:
    otto = visit("otto")
    invited(otto, "olga")
    assert re.search(r"olga.*?operator", otto.get("/people").text, re.S)
    form = {"login": "ana", "form_token": form_token(otto.get("/people").text)}
    assert otto.post("/people/reset", data=form).status_code == 404
    assert "exists already" in invited(otto, "ana", "acme-dental").text
    assert "exists already" in invited(otto, "tina", "bright-smiles").text
    assert "no tenant nowhere" in invited(otto, "nina", "nowhere").text
    assert visit("tina").get("/people").status_code == 403


def test_a_link_ends_with_its_time_its_login_or_its_tenant(visit: Visit, story_url: str) -> None:
    with connect(story_url, Role.SERVER, actor="ana") as door:
        links = {name: web_logins.invite(door, name, "tenant", "acme-dental") for name in ("old", "away", "closed")}
        door.execute("update control.login_links set expires_at = now() where login_id = 'old'")
        web_logins.disable(door, "away")
        with pytest.raises(LoginError, match="no login nobody"):
            web_logins.reset_by_link(door, "nobody")
        door.commit()
        assert visit("").get(links["closed"].path).status_code == 200
        stored = door.execute("select t::text from control.login_links as t").fetchall()
    assert all(link.token not in str(stored) for link in links.values())
    with connect(story_url, Role.OPERATOR) as operator:
        operator.execute("select control.shut_out_tenant('acme-dental')")
    for link in links.values():
        assert visit("").get(link.path).status_code == 404
        with connect(story_url, Role.SERVER) as door:
            assert web_logins.use_link(door, link.token, "hash") is None


def test_who_is_asked_to_sign_in_is_asked_in_the_agencys_name(visit: Visit, story_url: str) -> None:
    client = visit("")
    assert "Minutebook</title>" in client.get("/sign-in").text
    assert client.get("/brand/logo").status_code == 404
    with connect(story_url, Role.OPERATOR) as operator:
        issuing.put_brand(operator, Brand(None, "Voice & Co", "#7a1f66", b"<svg></svg>"))
        issuing.put_brand(operator, Brand("acme-dental", "Another", "#00004f"))
    for path in ("/sign-in", "/password/nobodys"):
        page = client.get(path).text
        assert "Voice &amp; Co" in page
        assert "Another" not in page
    assert "#7a1f66" in client.get("/brand/colours.css").text
    assert client.get("/brand/logo").content == b"<svg></svg>"
