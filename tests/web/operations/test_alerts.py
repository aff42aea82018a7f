"""The page of alerts: what is wrong with the button that resolves it, what ended, who is told; for staff alone."""

import re
from collections.abc import Callable

import httpx
import psycopg

from tests.web.operations.test_tasks import asked, press
from tests.web.signing import form_token
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
        assert "31 days of vapi of delta-legal failed" in page
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


def test_somebody_is_told_tried_and_ended_on_the_page(visit: Visit, story_url: str) -> None:
    client = visit("ana")
    token = form_token(client.get("/alerts").text)
    to = {"form_token": token, "to": "https://hooks.example.com/T0/key", "form": "slack", "tenant": ""}
    for wrong, said in (({"to": "ops@"}, "Nobody was added"), ({"to": "ops@example.com"}, "MINUTEBOOK_SMTP_URL"),
                        ({"form": "pigeon"}, "there is event"), ({"tenant": "nobody"}, "no tenant")):  # fmt: skip
        refused = client.post("/alerts/channels", data={**to, **wrong})
        assert (refused.status_code, said in refused.text) == (409, True), said
    assert client.post("/alerts/channels", data=to).headers["location"] == "/alerts#told"
    signed = client.post("/alerts/channels", data={**to, "form": "event", "tenant": "delta-legal"}).text
    assert "shown only now" in signed
    assert "whsec_" in signed
    page = client.get("/alerts").text
    assert "whsec_" not in page
    assert "T0/key" not in page
    with connect(story_url, Role.OPERATOR) as operator:
        channels = {row["form"]: row["endpoint_id"] for row in endpoints.hearing(operator, "alert.opened")}
        slack, event = channels["slack"], channels["event"]
    tested = client.post("/alerts/channels/test", data={"form_token": token, "endpoint": slack}).text
    assert "hooks.example.com did not take the test" in tested, "there is no such host"
    end = {"form_token": token, "endpoint": event}
    renewed = client.post("/alerts/channels/renew", data=end).text
    assert "signs beside it for 24 hours" in renewed
    assert "that is not signed" in client.post("/alerts/channels/renew", data={**end, "endpoint": slack}).text
    assert client.post("/alerts/channels/end", data=end).status_code == 303
    otto = visit("otto")
    made = {"form_token": form_token(otto.get("/events").text), "url": "https://x.example.com/", "call.completed": "on"}
    (other,) = set(re.findall(r"<b>(ep_\w+)</b>", otto.post("/events/endpoints", data=made).text))
    for unknown in ("ep_none", other):
        for step in ("end", "renew"):
            assert client.post(f"/alerts/channels/{step}", data={**end, "endpoint": unknown}).status_code == 409
    assert event not in client.get("/alerts").text
    with psycopg.connect(story_url) as connection:
        changed = connection.execute("select distinct actor from ledger.audit_log where object_table like '%endpoint%'")
        assert ("ana",) in changed.fetchall()
