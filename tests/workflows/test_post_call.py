"""The documented automations, for real: a call ends, its event begins a workflow, processes die between steps, a person
says yes two days later, what is sent is sent once, and the runs are on the tenant's statement.
"""

import json
import os
import runpy
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row

from tests.conftest import own_database
from tests.forks import end_of, started
from tests.ingestion.conftest import Minutebook, house, minutebook  # noqa: F401 - fixtures
from tests.ingestion.house import House, call
from tests.outgoing.receiver import Told, receiving
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.workflows import alone
from warehouse import clock

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "post_call"
BEGUN, ANSWERED = datetime(2026, 10, 28, 15, tzinfo=UTC), datetime(2026, 10, 30, 9, tzinfo=UTC)


@pytest.fixture
def checkpointer(postgres_server: str) -> Iterator[str]:
    """The automations' own database: the library's tables, and what the stub has sent."""
    with own_database(postgres_server, "template0") as url:
        with PostgresSaver.from_conn_string(url) as saver:
            saver.setup()
        with psycopg.connect(url) as connection:
            connection.execute("create table sent (key text primary key, recipient text, text text, asked int)")
        yield url


@pytest.fixture
def receiver_of_the_example(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The documented receiver, whose clock is the product's."""

    class OurTime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock.now()

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", OurTime)
    monkeypatch.syspath_prepend(str(EXAMPLE))
    return runpy.run_path(str(EXAMPLE / "receiver.py"))


def told_of_a_call(house: House, minutebook: Minutebook, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Told, str]]:  # noqa: F811
    """Everything from onboarding to the event of a call that nobody picked up, and the endpoint's secret."""
    for line in (
        "init",
        "tenant create acme --name Acme --currency USD --activated-on 2026-10-01",
        "agent create acme acme-desk --name Desk",
        "agent attach acme acme-desk langgraph_tenant acme --from 2026-10-01",
        'meter create runs --name "Workflow runs" --unit invocation --source langgraph --item invocations',
        "plan create flows --name Flows --currency USD",
        "plan terms flows --from 2026-10-01 --subscription-fee 10",
        "price set --plan flows --meter runs --from 2026-10-01 --amount 0.50",
        "tenant plan acme flows --from 2026-10-01",
    ):
        minutebook(line)
    missed = call("missed", BEGUN.date(), seconds=None)
    house.own_vapi("acme", [missed])
    monkeypatch.setenv("MINUTEBOOK_ENDPOINT_NETWORKS", "127.0.0.0/8")
    with receiving() as receiver:
        now = os.environ[clock.OFFSET]
        monkeypatch.setenv(clock.OFFSET, clock.offset_to(BEGUN - timedelta(days=1)))
        made = json.loads(
            minutebook(f"endpoint create {receiver.address} --events call.completed --tenant acme --content --json")
        )
        monkeypatch.setenv(clock.OFFSET, now)
        minutebook(f"pull --from {BEGUN.date()} --to {BEGUN.date()} --source vapi")
        minutebook("build")
        minutebook("build")
        minutebook("endpoint deliver")
        minutebook("endpoint deliver")
        (told,) = receiver.taken
        yield told, made["secret"]


def run(checkpointer: str, what: str, at: datetime, dies: str = "", **more: str) -> int:
    """The automation in a process of its own at a moment; how it ended."""
    later = (at - datetime.now(UTC)).total_seconds()
    asked = {"POST_CALL_URL": checkpointer, "POST_CALL_DIES": dies, "POST_CALL_LATER": str(later)}
    return end_of(started(alone.main, os.environ | asked | more, what), 120)


def test_a_missed_call_is_followed_up_once_whatever_dies_and_is_on_the_statement(
    house: House,  # noqa: F811
    minutebook: Minutebook,  # noqa: F811
    checkpointer: str,
    receiver_of_the_example: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ((told, secret),) = told_of_a_call(house, minutebook, monkeypatch)
    ended = receiver_of_the_example["received"](secret, told.headers, told.raw)
    assert (ended["call_id"], ended["content"]["outcome"]) == ("missed", "never connected")
    thread_id = receiver_of_the_example["thread_of"](ended)
    of_call = {"POST_CALL_CALL": json.dumps(ended), "POST_CALL_THREAD": thread_id}

    assert run(checkpointer, "begin", BEGUN, "write before", **of_call) == -9
    assert run(checkpointer, "begin", BEGUN, "write after", **of_call) == -9
    assert run(checkpointer, "begin", BEGUN, **of_call) == 0
    assert run(checkpointer, "begin", BEGUN, **of_call) == 0, "the same event again changes nothing"
    graph, threads = runpy.run_path(str(EXAMPLE / "graph.py")), receiver_of_the_example["Threads"]
    waiting = threads(checkpointer, graph["build"](None, None)).waiting(thread_id)
    assert waiting == "You called us (missed)."

    for dies, ends in (("deliver before", -9), ("deliver after", -9), ("", 0), ("", 0)):
        assert run(checkpointer, "yes", ANSWERED, dies, **of_call) == ends
    with psycopg.connect(checkpointer, row_factory=dict_row) as connection:
        (sent,) = connection.execute("select * from sent").fetchall()
    assert sent == {
        "key": f"{thread_id}/deliver",
        "recipient": "missed",
        "text": "You called us (missed).",
        "asked": 2,
    }, "asked for twice under one key, and so sent once"

    minutebook("credential set langgraph", secret=checkpointer)
    minutebook(f"pull --from {BEGUN.date()} --to {ANSWERED.date()} --source langgraph")
    minutebook("build")
    (line,) = house.execute(
        "select tenant_id, quantity, amount from marts.fct_statement_lines"
        " where line_kind = 'overage' and meter_id = 'runs' and period_start = '2026-10-01'"
    )
    assert (line["tenant_id"], int(line["quantity"]), line["amount"]) == ("acme", 2, 1)
    days = house.execute(
        "select usage_date, quantity from marts.fct_usage_daily where meter_id = 'runs' order by usage_date"
    )
    assert {row["usage_date"]: int(row["quantity"]) for row in days} == {BEGUN.date(): 1, ANSWERED.date(): 1}


def test_two_workers_take_one_call_once(checkpointer: str) -> None:
    ended = {"tenant_id": "acme", "account": "acme", "source": "vapi", "call_id": "c1", "content": None}
    later = (BEGUN - datetime.now(UTC)).total_seconds()
    asked = {"POST_CALL_URL": checkpointer, "POST_CALL_LATER": str(later), "POST_CALL_CALL": json.dumps(ended)}
    workers = [started(alone.main, os.environ | asked, "begin") for _ in range(2)]
    assert [end_of(worker, 120) for worker in workers] == [0, 0]
    with psycopg.connect(checkpointer) as connection:
        inputs = connection.execute(
            "select count(*) from checkpoints where metadata ->> 'source' = 'input' and checkpoint_ns = ''"
        ).fetchone()
    assert inputs == (1,)


@pytest.mark.parametrize("replies", [True, False])
def test_a_campaign_sends_again_after_two_days_if_nobody_replied(replies: bool) -> None:
    campaign = runpy.run_path(str(EXAMPLE / "campaign.py"))
    now, sent = [datetime(2026, 10, 1, 9, tzinfo=UTC)], {}
    builder = campaign["build"](
        lambda key, contact, text: sent.setdefault(key, (now[0].date(), contact)), lambda _: replies, lambda: now[0]
    )
    graph = builder.compile(checkpointer=InMemorySaver())
    threads = ["acme/drip/ana", "acme/drip/ben"]
    for thread_id in threads:
        config = {"configurable": {"thread_id": thread_id}, "metadata": {"tenant": "acme"}}
        graph.invoke({"contact": thread_id[-3:]}, config, durability="sync")
    now[0] += timedelta(days=2) - timedelta(seconds=1)
    assert campaign["due"](graph, threads, now[0]) == []
    now[0] += timedelta(seconds=1)
    assert campaign["due"](graph, threads, now[0]) == threads
    assert campaign["due"](graph, threads, now[0] + timedelta(days=9)) == []
    first = {f"{thread_id}/first": (date(2026, 10, 1), thread_id[-3:]) for thread_id in threads}
    second = {f"{thread_id}/second": (date(2026, 10, 3), thread_id[-3:]) for thread_id in threads}
    assert sent == (first if replies else {**first, **second})
