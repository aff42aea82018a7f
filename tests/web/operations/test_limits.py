"""The page of spend limits: set, seen as of a day, and ended, by finance and operators, as by the command."""

from collections.abc import Callable

import httpx
import psycopg

from tests.web.signing import form_token
from tests.web.test_pages import ACME

Visit = Callable[[str], httpx.Client]


def held(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as owner:
        found = owner.execute("select tenant_id, valid_from::text, amount from control.spend_limits order by 1, 2")
        return found.fetchall()


def test_a_limit_is_set_seen_as_of_its_day_and_ended(visit: Visit, story_url: str) -> None:
    ana = visit("ana")
    page = ana.get("/limits").text
    assert "No spend limit holds on 3 Nov 2026." in page
    sent = {"form_token": form_token(page), "tenant": ACME, "from": "2026-11-01", "amount": "500.50"}
    assert ana.post("/limits", data=sent).headers["location"] == "/limits"
    later = ana.post("/limits", data={**sent, "from": "2026-12-01", "amount": "750"}).headers["location"]
    assert later == "/limits?on=2026-12-01"
    page = ana.get("/limits").text
    for part in ("500.50", "until 30 Nov 2026", "Acme Dental", f'<span class="id">{ACME}</span>'):
        assert part in page
    assert "750.00" not in page
    assert "750.00" in ana.get(later).text
    assert "No limit matches." in ana.get("/limits?q=bright").text
    otto = visit("otto")
    ended = {"form_token": form_token(otto.get("/limits").text), "tenant": ACME, "on": "2027-01-01"}
    assert otto.post("/limits/end", data=ended).status_code == 303
    assert "No spend limit" in otto.get("/limits?on=2027-01-01").text
    assert [row[1:] for row in held(story_url)] == [("2026-11-01", 500.50), ("2026-12-01", 750), ("2027-01-01", None)]
    with psycopg.connect(story_url) as owner:
        actors = owner.execute(
            "select actor from ledger.audit_log where object_table = 'control.spend_limits' order by 1"
        ).fetchall()
    assert actors == [("ana",), ("ana",), ("otto",)]


def test_a_limit_that_cannot_be_is_refused_with_why_and_what_was_typed(visit: Visit, story_url: str) -> None:
    ana = visit("ana")
    sent = {"form_token": form_token(ana.get("/limits").text), "tenant": ACME, "from": "2026-11-01", "amount": "17.25"}
    for wrong, why in (
        ({"amount": "0"}, "A spend limit is above 0"), ({"amount": "-1"}, "An amount such as"),
        ({"from": "soon"}, "YYYY-MM-DD"), ({"tenant": "nobody"}, "no tenant"),
    ):  # fmt: skip
        refused = ana.post("/limits", data={**sent, **wrong})
        assert (refused.status_code, why.lower() in refused.text.lower()) == (409, True), refused.text
        for typed in wrong.values():
            assert f'value="{typed}"' in refused.text
    assert ana.post("/limits/end", data={**sent, "on": "soon"}).status_code == 409
    assert ana.post("/limits/end", data={**sent, "on": "2026-11-01", "tenant": "nobody"}).status_code == 409
    assert ana.get("/limits?on=odd").status_code == 200
    assert visit("tina").get("/limits").status_code == 403
    assert held(story_url) == []
