"""Events that wait for the database: committed together, and for no longer than who pushes should wait."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from orchestration.intake import application, keeping
from orchestration.intake.answers import Problem
from orchestration.intake.keeping import Keeper, Outcomes
from orchestration.settings import Settings
from orchestration.web.server.readers import Readers
from warehouse import clock
from warehouse.intake.events import Event

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def numbered(number: int) -> Event:
    return Event("/ocr", str(number), "ocr.scan", None, clock.now(), b"", None, "{}", None)


def test_single_events_that_wait_together_are_committed_together_and_answered_each() -> None:
    stored: list[list[str]] = []
    first_is_stored = threading.Event()

    def store(_: str, events: Sequence[Event]) -> Outcomes:
        first_is_stored.wait(10)
        stored.append([event.event_id for event in events])
        return {place: "duplicate" for place, event in enumerate(events) if event.event_id == "5"}

    async def story() -> list[Outcomes]:
        keeper = Keeper(store, at_once=1)
        first = asyncio.create_task(keeper.keep("acme", [numbered(1)]))
        await asyncio.sleep(0.05)
        kept = [asyncio.create_task(keeper.keep("acme", [numbered(number)])) for number in (2, 3, 5, 5)]
        await asyncio.sleep(0.05)
        first_is_stored.set()
        return await asyncio.gather(first, *kept)

    assert asyncio.run(story()) == [{}, {}, {}, {0: "duplicate"}, {0: "duplicate"}]
    assert sorted(stored) == [["1"], ["2", "3", "5"], ["5"]], "no identity stands twice in one transaction"


def test_who_is_not_taken_in_time_is_sent_away_and_not_stored_later(monkeypatch: pytest.MonkeyPatch) -> None:
    assert keeping._WAIT_SECONDS == 2
    monkeypatch.setattr(keeping, "_WAIT_SECONDS", 0.1)
    stored: list[str] = []
    is_over = threading.Event()

    def store(_: str, events: Sequence[Event]) -> Outcomes:
        is_over.wait(10)
        stored.extend(event.event_id for event in events)
        return {}

    async def story() -> None:
        keeper = Keeper(store, at_once=1)
        first = asyncio.create_task(keeper.keep("acme", [numbered(1)]))
        await asyncio.sleep(0.05)
        with pytest.raises(Problem) as busy:
            await keeper.keep("acme", [numbered(2)])
        assert (busy.value.status_code, busy.value.headers) == (503, {"Retry-After": "2"})
        is_over.set()
        assert await first == {}
        assert await keeper.keep("acme", [numbered(3)]) == {}

    asyncio.run(story())
    assert stored == ["1", "3"]


def test_while_the_database_is_away_nothing_is_taken_and_the_client_comes_again(tmp_path: Path) -> None:
    readers = Readers(Settings(home=tmp_path, database_url=NOWHERE))
    api = application(Settings(home=tmp_path, database_url=NOWHERE), readers)

    async def asked() -> httpx.Response:
        headers = {"Authorization": "Bearer mbk_aaaaaaaa_" + "a" * 43}
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            return await client.post("/v1/events", json={})

    answer = asyncio.run(asked())
    readers.close()
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0
