"""A call of a model that was read from the checkpointer and not pushed is found, of tenants that push."""

from datetime import UTC, datetime

import dagster as dg
import httpx
import psycopg
import pytest

from orchestration.defs.ingestion.checks import pushed_events_are_complete
from orchestration.resources import Minutebook as Deployment
from tests.ingestion.conftest import Minutebook, house, minutebook  # noqa: F401 - fixtures
from tests.ingestion.house import House
from tests.intake.served import event, key, serving
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sources.langgraph.tables import TABLES, Written, answer

RUNS = [f"019c0000-0000-7000-8000-00000000000{number}" for number in range(5)]


@pytest.fixture
def checkpointer(empty_database_url: str) -> str:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(TABLES)
    return empty_database_url


def check() -> dg.AssetCheckResult:
    (found,) = pushed_events_are_complete
    result = found(minutebook=Deployment())
    assert isinstance(result, dg.AssetCheckResult)
    return result


def test_what_was_read_and_not_pushed_is_found_once_something_is_pushed(
    house: House,  # noqa: F811
    minutebook: Minutebook,  # noqa: F811
    checkpointer: str,
) -> None:
    for line in (
        "init",
        "tenant create acme --name Acme --currency USD --activated-on 2026-11-01",
        "tenant create birch --name Birch --currency USD --activated-on 2026-11-01",
        "agent create acme acme-flows --name Flows",
        "agent create birch birch-flows --name Flows",
        "agent attach acme acme-flows langgraph_tenant acme --from 2026-11-01",
        "agent attach birch birch-flows langgraph_tenant birch --from 2026-11-01",
    ):
        minutebook(line)
    minutebook("credential set langgraph", secret=checkpointer)
    for number, run_id in enumerate(RUNS[:3]):
        Written(checkpointer, f"call-{number}").run("01 09:00", answer(f"lc_run--{run_id}-0", "small", 10, number))
    Written(checkpointer, "own").run("01 09:00", answer("msg_of_the_providers_own", "small", 10, 5))
    Written(checkpointer, "other", "birch").run("01 09:00", answer(f"run-{RUNS[3]}", "small", 10, 5))
    minutebook("pull --from 2026-11-01 --to 2026-11-01 --source langgraph")
    assert check().passed, "nobody pushes"

    now = datetime(2026, 11, 3, 12, tzinfo=UTC)
    with serving(house.url, house.settings.home, now=lambda: now) as address:

        def push(*ids: str) -> None:
            events = [
                event(one, type="llm.tokens", time="2026-11-02T00:01:00Z", data={"quantities": {"output": 1}})
                for one in ids
            ]
            authorized = {"Authorization": f"Bearer {key(house.url, 'acme')}"}
            assert httpx.post(f"{address}/v1/events", json=events, headers=authorized).status_code == 202

        push(RUNS[0], RUNS[4])
        red = check()
        assert not red.passed
        assert red.metadata["found"].value == 1
        said = minutebook("doctor --json", code=1)
        assert f"acme pushed 1 and not 2 of the calls that langgraph read of 1 Nov 2026, {RUNS[1]} among them" in said
        push(*RUNS[1:3])
    assert check().passed
