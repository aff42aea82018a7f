"""The page of outgoing events: who listens, and what waits or was given up, for staff alone."""

import re
from collections.abc import Callable

import httpx
import psycopg

from tests.outgoing.receiver import receiving
from tests.web.signing import form_token
from tests.web.test_pages import ACME
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.outgoing import endpoints, outbox
from warehouse.security.master_keys import MasterKey
from warehouse.security.vault import Vault

Visit = Callable[[str], httpx.Client]
SECRET = re.compile(r"whsec_[\w+/=]+")


def test_endpoints_and_deliveries_are_listed(visit: Visit, story_url: str) -> None:
    client = visit("otto")
    assert "Nobody listens yet." in client.get("/events").text
    with receiving() as receiver, connect(story_url, Role.OPERATOR, actor="otto") as operator:
        _, made = endpoints.create(
            Vault([MasterKey.generate()]), operator, receiver.address, ["alert.opened"], clock.now(), tenant_id=ACME
        )
        outbox.tell(operator, "alert.opened", ACME, "<alert>/1", {"alert_id": "1", "rule": "x"})
        operator.execute("update ledger.deliveries set state = 'dead', fault = 'it answered 500', attempts = 10")
    page = client.get("/events").text
    assert "127.0.0.1" in page
    assert "&lt;alert&gt;/1" in page
    assert "it answered 500" in page
    assert f"Send again what was given up {made['endpoint_id']}" in page
    assert "Send again" not in visit("ana").get("/events").text
    assert "key=k" not in page
    assert "evt_" not in client.get("/events?show=delivered").text
    assert "evt_" in client.get(f"/events?show=all&endpoint={made['endpoint_id']}").text
    assert client.get("/events?show=odd&endpoint=odd").status_code == 200
    assert visit("tina").get("/events").status_code == 403


def test_an_endpoint_is_made_sent_again_and_ended_where_it_is_listed(visit: Visit, story_url: str) -> None:
    client = visit("otto")
    token = form_token(client.get("/events").text)
    url = {"form_token": token, "url": "https://hooks.example.com/x?key=k", "tenant": ACME}
    for wrong, said in (
        ({"url": "http://hooks.example.com/x"}, "https"), ({}, "name one at least of"),
        ({"tenant": "nobody", "call.completed": "on"}, "no tenant"),
    ):  # fmt: skip
        refused = client.post("/events/endpoints", data={**url, **wrong})
        assert (refused.status_code, said in refused.text) == (409, True), said
        assert "whsec_" not in refused.text
    made = client.post("/events/endpoints", data={**url, "call.completed": "on", "statement.approved": "on"})
    assert "shown only now" in made.text
    (endpoint_id,) = set(re.findall(r"ep_\w{12}", made.text))
    page = client.get("/events").text
    assert "whsec_" not in page
    assert "key=k" not in page
    assert "call.completed, statement.approved" in page
    of = {"form_token": token, "endpoint": endpoint_id}
    with connect(story_url, Role.OPERATOR, actor="otto") as operator:
        outbox.tell(operator, "call.completed", ACME, "x/1", {"call_id": "1"})
        operator.execute("update ledger.deliveries set state = 'dead', fault = 'it answered 500', attempts = 10")
    assert client.post("/events/endpoints/replay", data=of).status_code == 303
    with connect(story_url, Role.OPERATOR) as operator:
        assert operator.execute("select state from ledger.deliveries").fetchall() == [("waiting",)]
    renewed = client.post("/events/endpoints/renew", data=of).text
    assert "signs beside it for 24 hours" in renewed
    assert set(SECRET.findall(renewed)).isdisjoint(SECRET.findall(made.text))
    assert client.post("/events/endpoints/end", data=of).status_code == 303
    for step, named in (("replay", endpoint_id), ("replay", "ep_none"), ("renew", endpoint_id), ("end", "ep_none")):
        assert client.post(f"/events/endpoints/{step}", data={**of, "endpoint": named}).status_code == 409
    with psycopg.connect(story_url) as owner:
        changed = owner.execute(
            "select distinct actor from ledger.audit_log where object_table like '%endpoint%'"
        ).fetchall()
    assert changed == [("otto",)]
