"""Who may do what with the API: every route that it serves, with its methods, for every kind of key, from one table."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from orchestration.intake import application
from orchestration.settings import Settings
from orchestration.web.server.readers import Readers
from tests.intake.served import event, key
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.intake import keys

VISITORS = ("no key", "unknown", "another's session", "revoked", "expired", "other tenant", "tenant")
TABLE = {
    "POST /v1/events": "401 401 401 401 401 202 202",
    "GET /v1/events/{rest:path}": "401 401 401 401 401 404 200",
    "POST /v1/hooks/{provider}/{hook}": "404 404 404 404 404 404 404",
    "GET /v1/openapi.json": "200 200 200 200 200 200 200",
}


@pytest.fixture
def shown(url: str, acme_key: str) -> dict[str, dict[str, str]]:
    """The headers of each visitor, in the order of the table."""
    soon = clock.now() + timedelta(hours=1)
    revoked, expired = key(url, "birch"), key(url, "noting", expires_at=soon)
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        keys.revoke(operator, keys.public_part(revoked) or "", clock.now())
    with connect(url, Role.OWNER) as owner:
        owner.execute(
            "update control.api_keys set created_at = created_at - interval '2 h', expires_at = now() - interval '1 h'"
            " where key_id = %s", [keys.public_part(expired)],
        )  # fmt: skip
    tokens = ("mbk_aaaaaaaa_" + "a" * 43, "a-session-of-ana", revoked, expired, key(url, "noting"), acme_key)
    return dict(zip(VISITORS, ({}, *({"Authorization": f"Bearer {one}"} for one in tokens)), strict=True))


def test_every_route_of_the_api_answers_every_key_as_it_is_written_down(
    shown: dict[str, dict[str, str]], address: str
) -> None:
    settings = Settings(Path("nowhere"))
    api = application(settings, Readers(settings))
    routes = [route for route in api.routes if isinstance(route, Route)]
    assert len(routes) == len(api.routes)
    assert httpx.post(f"{address}/v1/events", json=event("mine"), headers=shown["tenant"]).status_code == 202
    paths = {
        "/v1/events/{rest:path}": "/v1/events/%2Focr%2Feu-1/mine",
        "/v1/hooks/{provider}/{hook}": "/v1/hooks/vapi/nobodys",
    }
    found = {}
    for method, route in sorted((method, one.path) for one in routes for method in (one.methods or set()) - {"HEAD"}):
        statuses = []
        for who, headers in shown.items():
            body = event(f"of {who}") if method == "POST" else None
            target = f"{address}{paths.get(route, route)}"
            statuses.append(str(httpx.request(method, target, json=body, headers=headers).status_code))
        found[f"{method} {route}"] = " ".join(statuses)
    assert found == TABLE
