"""What was pushed, after the marts are built: what a tenant is told of its events, and what it is handed out."""

import json
from datetime import datetime, time, timedelta
from pathlib import Path

import httpx

from orchestration.ingestion import PullTrigger, TenantDay, pull
from orchestration.marts.building import build
from orchestration.settings import Settings
from sources.registry import all_sources
from tests.intake.conftest import Pushing
from tests.intake.served import event, key
from warehouse import clock
from warehouse.privacy import personal


def test_an_event_is_read_once_the_built_pull_holds_it_and_is_handed_out_with_what_it_said(
    url: str, tmp_path: Path, dbt_home: Path, pushing: Pushing, acme_key: str
) -> None:
    day = clock.today() - timedelta(days=2)
    at = f"{datetime.combine(day, time(12)).isoformat()}Z"
    acme, settings = pushing(acme_key), Settings(home=tmp_path, database_url=url)

    def push(*events: dict[str, object]) -> None:
        assert acme.post("/v1/events", json=list(events)).json() == {"accepted": len(events), "duplicates": 0}

    def read() -> None:
        (outcome,) = pull(url, settings, [TenantDay("acme", day)], ["events"], PullTrigger.CLI)
        assert not outcome.is_failed, outcome

    push(event("first", time=at), event("wrong", time=at, data={"quantity": 5, "caller": "+15550142"}))
    push(event("void", time=at, replaces="wrong", data={"quantity": 0}))
    assert pushing(key(url, "birch")).post("/v1/events", json=event("birchs", time=at)).status_code == 202
    assert _states(acme, "first", "wrong", "void") == ["stored", "replaced", "stored"]
    read()
    build(url, dbt_home, clock.today())
    assert _states(acme, "first", "wrong", "void") == ["read", "replaced", "read"]
    push(event("late", time=at, data={"quantities": {"input": 3, "output": 1}, "unit": "token"}))
    assert _states(acme, "first", "late") == ["read", "stored"]
    read()
    assert _states(acme, "late") == ["stored"], "what is built is the pull before"
    build(url, dbt_home, clock.today())
    assert _states(acme, "first", "late", "void") == ["read", "read", "read"]
    assert acme.get("/v1/events/%2Focr%2Feu-1/late").json()["pull"]["status"] == "usage"

    counts = personal.export(url, all_sources().values(), "acme", tmp_path / "export")
    assert (counts["intake.events"], counts["raw_inbox.events"]) == (4, 3)
    pushed = [json.loads(line) for line in (tmp_path / "export" / "intake.events.jsonl").open()]
    assert [one["event_id"] for one in pushed] == ["first", "wrong", "void", "late"]
    assert pushed[1]["personal"] == {"caller": "+15550142"}


def _states(client: httpx.Client, *ids: str) -> list[str]:
    return [client.get(f"/v1/events/%2Focr%2Feu-1/{event_id}").json()["state"] for event_id in ids]
