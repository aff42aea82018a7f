"""Links that set a password once: who may make one, for whom, and how long it works."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from typing import Any, cast

import httpx
import psycopg
import pytest

from orchestration.web.server.brands import Brands
from orchestration.web.server.readers import Readers
from tests.sandbox.mail import Post, posting
from tests.web import world
from tests.web.conftest import signed_in
from tests.web.server import MAILED, serving
from tests.web.signing import PASSWORD, form_token, give_password
from warehouse.control.errors import Refused
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


def test_who_is_asked_to_sign_in_is_asked_in_our_name_where_there_is_no_other(visit: Visit) -> None:
    client = visit("")
    assert "Minutebook</title>" in client.get("/sign-in").text
    assert client.get("/brand/logo").status_code == 404


def test_who_is_asked_to_sign_in_is_asked_in_the_agencys_name(visit: Visit, story_url: str) -> None:
    client = visit("")
    with connect(story_url, Role.OPERATOR) as operator:
        issuing.put_brand(operator, Brand(None, "Voice & Co", "#7a1f66", b"<svg></svg>"))
        issuing.put_brand(operator, Brand("acme-dental", "Another", "#00004f"))
    for path in ("/sign-in", "/password/nobodys"):
        page = client.get(path).text
        assert "Voice &amp; Co" in page
        assert "Another" not in page
    assert "#7a1f66" in client.get("/brand/colours.css").text
    assert client.get("/brand/logo").content == b"<svg></svg>"


def test_a_brands_own_host_is_in_its_name_and_asks_the_database_once_a_minute(story_url: str) -> None:
    at, loans = [0.0], []

    class Counted:
        def door(self) -> psycopg.Connection[Any]:
            loans.append(at[0])
            return connect(story_url, Role.SERVER)

    brands, counted = Brands(lambda: at[0]), cast(Readers, Counted())
    with connect(story_url, Role.OPERATOR) as operator:
        issuing.put_brand(operator, Brand(None, "Voice & Co", "#7a1f66"))
        issuing.put_brand(operator, Brand("acme-dental", "Acme’s own", "#00004f", host="bills.acme.example"))
    named = {host: brands.at(host, counted) for host in ("bills.acme.example", "elsewhere.example", "")}
    assert {host: row and row["name"] for host, row in named.items()} == {
        "bills.acme.example": "Acme’s own",
        "elsewhere.example": "Voice & Co",
        "": "Voice & Co",
    }
    with connect(story_url, Role.OPERATOR) as operator:
        issuing.put_brand(operator, Brand(None, "Another name", "#7a1f66"))
    for at[0], name in ((59.0, "Voice & Co"), (60.0, "Another name")):
        row = brands.at("elsewhere.example", counted)
        assert row is not None
        assert row["name"] == name
    assert loans == [0.0, 60.0]


def test_a_host_has_one_brand_and_is_a_name(story_url: str) -> None:
    with connect(story_url, Role.OPERATOR) as operator:
        issuing.put_brand(operator, Brand("acme-dental", "Acme", host="bills.example.com"))
        issuing.put_brand(operator, Brand("acme-dental", "Acme again", host="bills.example.com"))
        for other in (
            Brand(None, "x", host="bills.example.com"), Brand(None, "x", host="bills.example.com:8400"),
            Brand(None, "x", host="https://bills.example.com"), Brand(None, "x", host="bills..example"),
        ):  # fmt: skip
            with pytest.raises(Refused, match=r"already|no name of a host"):
                issuing.put_brand(operator, other)


def test_a_sign_in_at_a_brands_host_is_in_its_name_with_its_logo(story_url: str, tmp_path: Path) -> None:
    with connect(story_url, Role.OPERATOR) as operator:
        issuing.put_brand(operator, Brand(None, "Voice & Co", "#7a1f66"))
        logo = b"<svg></svg>"
        issuing.put_brand(operator, Brand("acme-dental", "Acme’s own", "#00004f", logo, host="bills.acme.example"))
    hosts = ("bills.acme.example",)
    with serving(story_url, tmp_path, world.TODAY, hosts=hosts) as address, ExitStack() as open_now:
        client = signed_in(open_now, address, "")
        there = {"Host": "bills.acme.example"}
        assert "Acme’s own" in client.get("/sign-in", headers=there).text
        assert client.get("/brand/logo", headers=there).content == logo
        assert "#00004f" in client.get("/brand/colours.css", headers=there).text
        assert "Voice &amp; Co" in client.get("/sign-in").text
        assert client.get("/brand/logo").status_code == 404


@pytest.fixture
def mailing(story_url: str, tmp_path: Path) -> Iterator[tuple[Post, Visit]]:
    """A mail server, and the pages of a deployment that sends by it."""
    with ExitStack() as open_now:
        post = open_now.enter_context(posting())
        address = open_now.enter_context(serving(story_url, tmp_path, world.TODAY, mailer=post.mailer))
        yield post, lambda login: signed_in(open_now, address, login)


def mailed(post: Post, to: str) -> str:
    """The path of the link in the newest mail, which is to this person."""
    message = post.taken[-1]
    assert message["To"] == to
    found = re.search(rf"{MAILED}(/password/[\w-]+)", message.get_content())
    assert found, message.get_content()
    return found[1]


def arrived(post: Post, number: int) -> None:
    """Wait for so many mails: a stranger's answer does not."""
    until = time.monotonic() + 30
    while len(post.taken) < number:
        assert time.monotonic() < until, post.taken
        time.sleep(0.05)
    assert len(post.taken) == number


def forget(client: httpx.Client, login: str) -> httpx.Response:
    form = {"login": login, "form_token": form_token(client.get("/forgotten").text)}
    return client.post("/forgotten", data=form)


def test_an_invitation_is_mailed_and_then_shown_to_nobody(mailing: tuple[Post, Visit]) -> None:
    post, visit = mailing
    page = invited(visit("otto"), "bo@acme.example", "acme-dental").text
    path = mailed(post, "bo@acme.example")
    assert ("A link was sent to" in page, path in page) == (True, False)
    assert "You are invited" in post.taken[-1].get_content()
    assert follow(visit(""), path).status_code == 303


@pytest.mark.parametrize(("login", "why"), [("bo", "it is no mail address"), ("gone@acme.example", "550")])
def test_a_link_that_cannot_be_mailed_is_shown_with_the_reason(
    mailing: tuple[Post, Visit], login: str, why: str
) -> None:
    post, visit = mailing
    post.refuses["gone@acme.example"] = "550 5.1.1 no such mailbox"
    page = invited(visit("otto"), login, "acme-dental")
    assert (why in page.text, post.taken) == (True, [])
    assert follow(visit(""), link_in(page)).status_code == 303


def test_a_mail_is_in_the_name_of_the_brand_and_leads_to_its_host(mailing: tuple[Post, Visit], story_url: str) -> None:
    post, visit = mailing
    with connect(story_url, Role.OPERATOR) as operator:
        issuing.put_brand(operator, Brand(None, "Voice & Co", mail_from="Voice & Co <hello@voice.example>"))
        issuing.put_brand(operator, Brand("acme-dental", "Acme’s own", host="bills.acme.example"))
    for login, tenant, agency, base in (
        ("bo@acme.example", "acme-dental", "Acme’s own", "https://bills.acme.example/password/"),
        ("ed@bright.example", "bright-smiles", "Voice & Co", f"{MAILED}/password/"),
    ):
        invited(visit("otto"), login, tenant)
        message = post.taken[-1]
        assert (message["To"], "hello@voice.example" in message["From"]) == (login, True)
        assert agency in message["Subject"]
        assert base in message.get_content()


def test_who_forgot_a_password_is_mailed_a_link_and_a_stranger_learns_nothing(mailing: tuple[Post, Visit]) -> None:
    post, visit = mailing
    invited(visit("otto"), "bo@acme.example", "acme-dental")
    invitation = mailed(post, "bo@acme.example")
    # Before a first password there is none to forget; nobody and an odd name get the same page, and no mail.
    answers = [forget(visit(""), name).text for name in ("bo@acme.example", "nobody@acme.example", "'; --")]
    follow(visit(""), invitation)
    answers.append(forget(visit(""), " Bo@acme.example").text)
    assert len({re.sub(r'value="[^"]*"', "", answer) for answer in answers}) == 1
    assert "a link is on its way" in answers[0]
    arrived(post, 2)
    assert follow(visit(""), mailed(post, "bo@acme.example"), OTHER).status_code == 303
    assert give_password(visit(""), "bo@acme.example", OTHER).status_code == 303


def test_nobody_is_mailed_without_end(mailing: tuple[Post, Visit]) -> None:
    post, visit = mailing
    invited(visit("otto"), "bo@acme.example", "acme-dental")
    follow(visit(""), mailed(post, "bo@acme.example"))
    codes = [forget(visit(""), "bo@acme.example").status_code for _ in range(7)]
    assert (codes.count(200), set(codes[-2:])) == (5, {429})
    arrived(post, 1 + 5)


def test_where_nothing_is_mailed_a_person_is_told_whom_to_ask(visit: Visit) -> None:
    assert "Ask whoever invited you" in visit("").get("/forgotten").text
