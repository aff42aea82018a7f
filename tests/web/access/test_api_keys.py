"""The page of API keys: made and shown once, listed by their public part, and ended; by an operator alone."""

import re
from collections.abc import Callable
from datetime import timedelta

import httpx
import psycopg

from tests.web.signing import form_token
from tests.web.test_pages import ACME
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.intake import keys

Visit = Callable[[str], httpx.Client]
TOKEN = re.compile(r"mbk_\w{8}_[\w-]{43}")


def test_a_key_is_made_shown_once_listed_and_ended(visit: Visit, story_url: str) -> None:
    otto = visit("otto")
    assert "No key yet." in otto.get("/keys").text
    assert f'value="{ACME}"' in otto.get(f"/keys?q={ACME}").text, "an alert leads here"
    sent = {"form_token": form_token(otto.get("/keys").text), "tenant": ACME, "last_day": "2100-12-31"}
    made = otto.post("/keys", data={**sent, "backfill": "on"}).text
    (token,) = set(TOKEN.findall(made))
    assert "shown only now" in made
    page = otto.get("/keys").text
    assert not TOKEN.search(page)
    for part in (token[4:12], ACME, "31 Dec 2100, 23:59 UTC", "the last 400 days", "by otto", "never"):
        assert part in page
    with connect(story_url, Role.INTAKE) as intake:
        key = keys.key_of(intake, token[4:12])
    assert key is not None
    assert key.opens(token, clock.now())
    assert (key.tenant_id, key.scopes) == (ACME, ["backfill", "events"])
    assert otto.post("/keys/end", data={**sent, "key": token[4:12]}).headers["location"] == "/keys"
    page = otto.get("/keys").text
    assert '<span class="tag">ended</span>' in page
    assert 'action="/keys/end"' not in page
    with psycopg.connect(story_url) as owner:
        actors = owner.execute("select distinct actor from ledger.audit_log where object_table = 'control.api_keys'")
        assert actors.fetchall() == [("otto",)]


def test_what_cannot_be_made_or_ended_is_refused_with_why_and_what_was_typed(visit: Visit) -> None:
    otto = visit("otto")
    sent = {"form_token": form_token(otto.get("/keys").text), "tenant": ACME}
    yesterday = f"{clock.today() - timedelta(days=1)}"
    for wrong, why in (({"tenant": "nobody"}, "no tenant"), ({"last_day": "soon"}, "YYYY-MM-DD"),
                       ({"last_day": yesterday}, "expired already")):  # fmt: skip
        refused = otto.post("/keys", data={**sent, **wrong})
        assert (refused.status_code, why in refused.text) == (409, True), refused.text
        assert not TOKEN.search(refused.text)
        for typed in wrong.values():
            assert f'value="{typed}"' in refused.text
    for _ in range(2):
        assert otto.post("/keys", data=sent).status_code == 200
    assert "has two valid keys already" in otto.post("/keys", data=sent).text
    assert "There is no key" in otto.post("/keys/end", data={**sent, "key": "nobodys0"}).text


def test_finance_sees_keys_and_makes_none(visit: Visit) -> None:
    ana = visit("ana")
    page = ana.get("/keys").text
    assert 'name="last_day"' not in page
    refused = ana.post("/keys", data={"form_token": form_token(page), "tenant": ACME})
    assert refused.status_code == 403
    assert visit("tina").get("/keys").status_code == 403
