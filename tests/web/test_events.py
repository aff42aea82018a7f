"""The page of outgoing events: who listens, and what waits or was given up, for staff alone."""

from collections.abc import Callable

import httpx

from tests.outgoing.receiver import receiving
from tests.web.test_pages import ACME
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.outgoing import endpoints, outbox
from warehouse.security.master_keys import MasterKey
from warehouse.security.vault import Vault

Visit = Callable[[str], httpx.Client]


def test_endpoints_and_deliveries_are_listed(visit: Visit, story_url: str) -> None:
    client = visit("otto")
    assert "minutebook endpoint create" in client.get("/events").text
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
    assert f"minutebook endpoint replay {made['endpoint_id']}" in page
    assert "key=k" not in page
    assert "evt_" not in client.get("/events?show=delivered").text
    assert "evt_" in client.get(f"/events?show=all&endpoint={made['endpoint_id']}").text
    assert client.get("/events?show=odd&endpoint=odd").status_code == 200
    assert visit("tina").get("/events").status_code == 403
