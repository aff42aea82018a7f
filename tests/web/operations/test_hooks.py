"""The page of hooks: made and shown once, listed with how each does, and ended, by an operator alone."""

import re
from collections.abc import Callable

import httpx
import psycopg

from tests.web.server import MASTER_KEY
from tests.web.signing import form_token
from tests.web.test_pages import ACME
from warehouse.database.connect import Role, connect
from warehouse.intake import hooks
from warehouse.security.master_keys import parse_master_keys
from warehouse.security.vault import Vault

Visit = Callable[[str], httpx.Client]


def secret_of(url: str, hook_id: str) -> str:
    with connect(url, Role.INTAKE) as intake:
        hook = hooks.hook_of(intake, hook_id)
        assert hook is not None
        return hook.secret(Vault(parse_master_keys(MASTER_KEY)), hook_id).reveal()


def test_a_hook_is_made_shown_once_and_ended(visit: Visit, story_url: str) -> None:
    otto = visit("otto")
    assert "No hook yet." in otto.get("/hooks").text
    sent = {"form_token": form_token(otto.get("/hooks").text), "provider": "vapi", "tenant": ACME, "method": "bearer"}
    made = otto.post("/hooks", data={**sent, "settings": "header=x-token\r\n"}).text
    (hook_id,) = set(re.findall(r"/v1/hooks/vapi/([0-9a-f]{32})", made))
    assert f"{str(otto.base_url).rstrip('/')}/v1/hooks/vapi/{hook_id}" in made
    secret = secret_of(story_url, hook_id)
    assert f"<code>{secret}</code>" in made
    assert "Bearer Token" in made
    assert "with header x-token" in made
    page = otto.get("/hooks").text
    assert secret not in page
    for part in (hook_id, "Acme Dental", "by a secret in a header", "never", "0 <span"):
        assert part in page
    assert "No hook matches." in otto.get("/hooks?q=nobody").text
    assert otto.post("/hooks/end", data={**sent, "hook": hook_id}).headers["location"] == "/hooks"
    assert '<span class="tag">ended</span>' in otto.get("/hooks").text
    with psycopg.connect(story_url) as owner:
        actors = owner.execute("select distinct actor from ledger.audit_log where object_table = 'control.hooks'")
        assert actors.fetchall() == [("otto",)]


def test_a_secret_of_the_provider_is_given_and_shown_to_nobody(visit: Visit, story_url: str) -> None:
    otto = visit("otto")
    sent = {"form_token": form_token(otto.get("/hooks").text), "provider": "twilio", "tenant": ACME}
    refused = otto.post("/hooks", data=sent)
    assert (refused.status_code, "signs with a secret of its own" in refused.text) == (409, True)
    made = otto.post("/hooks", data={**sent, "secret": " its-own-secret\n"}).text
    (hook_id,) = set(re.findall(r"/v1/hooks/twilio/([0-9a-f]{32})", made))
    assert secret_of(story_url, hook_id) == "its-own-secret"
    assert "its-own-secret" not in made


def test_what_cannot_be_made_or_ended_is_refused_with_why_and_what_was_typed(visit: Visit, story_url: str) -> None:
    otto = visit("otto")
    sent = {
        "form_token": form_token(otto.get("/hooks").text),
        "provider": "vapi",
        "tenant": ACME,
        "secret": "hush-hush",
    }
    for wrong, why in (
        ({"provider": "nobody"}, "reports nothing to a hook"), ({"method": "address"}, "has no method"),
        ({"settings": "algorithm=md5"}, "is sha256, sha512 or sha1"), ({"settings": "odd"}, "is no NAME=VALUE"),
        ({"tenant": "nobody"}, "no tenant"),
    ):  # fmt: skip
        refused = otto.post("/hooks", data={**sent, **wrong})
        assert (refused.status_code, why.lower() in refused.text.lower()) == (409, True), refused.text
        assert "hush-hush" not in refused.text
        assert wrong.get("settings", wrong.get("tenant", ACME)) in refused.text
    for _ in range(2):
        assert otto.post("/hooks", data=sent).status_code == 200
    assert "two valid hooks" in otto.post("/hooks", data=sent).text
    assert "There is no hook" in otto.post("/hooks/end", data={**sent, "hook": "nobodys"}).text


def test_what_a_hook_said_is_noted_as_seen(visit: Visit, story_url: str) -> None:
    otto = visit("otto")
    sent = {"form_token": form_token(otto.get("/hooks").text), "provider": "vapi", "tenant": ACME}
    (hook_id,) = set(re.findall(r"/v1/hooks/vapi/([0-9a-f]{32})", otto.post("/hooks", data=sent).text))
    assert "Note as seen" not in otto.get("/hooks").text
    with connect(story_url, Role.INTAKE) as intake:
        hooks.notice(intake, hook_id, "unreadable_report", "a message")
    assert "Note as seen" in otto.get("/hooks").text
    assert "Note as seen" not in visit("ana").get("/hooks").text
    assert otto.post("/hooks/seen", data={**sent, "hook": hook_id}).status_code == 303
    assert "Note as seen" not in otto.get("/hooks").text


def test_finance_sees_hooks_and_makes_none(visit: Visit) -> None:
    ana = visit("ana")
    page = ana.get("/hooks").text
    assert "Make a hook" not in page
    assert ana.post("/hooks", data={"form_token": form_token(page), "provider": "vapi"}).status_code == 403
    assert visit("tina").get("/hooks").status_code == 403
