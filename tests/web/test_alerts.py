"""The page of alerts: what is wrong with the button that resolves it, what ended, who is told; for staff alone."""

from collections.abc import Callable

import httpx
import psycopg

from tests.web.test_tasks import asked, press
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.outgoing import endpoints
from warehouse.security.master_keys import MasterKey
from warehouse.security.vault import Vault

Visit = Callable[[str], httpx.Client]


def test_open_alerts_are_shown_with_what_resolves_each(visit: Visit) -> None:
    otto, ana = visit("otto"), visit("ana")
    for client in (otto, ana):
        page = client.get("/alerts").text
        assert "4 open" in page
        assert "31 vapi day(s) of delta-legal failed" in page
        assert "&lt;b&gt;markup&lt;/b&gt;" in page
        assert 'href="/days/delta-legal/2026-10-31"' in page
        assert page.index("days behind") < page.index("quota reached")  # the worst first
        assert "docs/runbooks/stripe-differs.md" in page
        assert "Nobody is told yet." in page
    assert 'href="/invoices"' in ana.get("/alerts").text.split("<main")[1]
    assert 'href="/invoices"' not in otto.get("/alerts").text
    assert visit("tina").get("/alerts").status_code == 403
    for client, home in ((otto, "/days"), (ana, "/periods")):
        assert '<a href="/alerts">4 alerts are open</a>' in client.get(home).text


def test_the_button_of_an_alert_asks_for_what_its_command_does(visit: Visit, story_url: str) -> None:
    answer = press(visit("otto"), "/alerts", "Store a new key of vapi", key="sk-new")
    assert answer.headers["location"] == "/alerts?watch=1"
    ((page, (step,), asked_by),) = asked(story_url)
    assert (page, step[0], asked_by) == ("/alerts", "pull", "otto")


def test_once_it_is_over_it_has_no_button_and_is_listed_as_ended(visit: Visit, story_url: str) -> None:
    client = visit("otto")
    with psycopg.connect(story_url) as connection:
        connection.execute("update ledger.alerts set opened_at = now(), resolved_at = now()")
    page = client.get("/alerts").text
    assert "Nothing is wrong." in page
    assert "Ended in the last week" in page
    assert '<form class="act"' not in page
    assert "alerts are open" not in client.get("/days").text
    form = {"form_token": page.split('name="form_token" value="')[1].split('"')[0], "offer": "0" * 64}
    refused = client.post("/alerts/resolve", data=form)
    assert (refused.status_code, "has changed since" in refused.text) == (409, True)


def test_who_is_told_is_listed_without_an_address_that_holds_a_key(visit: Visit, story_url: str) -> None:
    with connect(story_url, Role.OPERATOR, actor="otto") as operator:
        vault, types = Vault([MasterKey.generate()]), ("alert.opened", "alert.resolved")
        endpoints.create(vault, operator, "https://hooks.example.com/T0/key", types, clock.now(), form="slack")
        endpoints.create(vault, operator, "ops@example.com", types, clock.now(), form="mail")
        endpoints.create(vault, operator, "https://calls.example.com/x", ["call.completed"], clock.now())
    page = visit("ana").get("/alerts").text
    for part in ("hooks.example.com", "Slack", "ops@example.com", "mail", "all tenants"):
        assert part in page
    assert "T0/key" not in page
    assert "calls.example.com" not in page
