"""The documented callback meters each call of a model exactly, against the real library and the real API."""

import asyncio
import json
import runpy
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import psycopg
import pytest
from langchain_core.messages import AnyMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from psycopg.rows import dict_row

from sources.day import Day
from sources.inbox import EVENTS
from sources.personal import Choices, Keep
from tests.conftest import own_database
from tests.intake.served import add_tenants, key, serving
from tests.intake.test_examples import losing_answers
from tests.workflows.models import Spoken
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.intake.stored import Pushed

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "langgraph_meter.py"
Metering = Callable[..., Any]


@pytest.fixture(scope="module")
def url(postgres_server: str) -> Iterator[str]:
    """A database of this file's own, with two tenants."""
    with own_database(postgres_server) as made:
        with connect(made, Role.OPERATOR, actor="otto") as operator:
            add_tenants(operator, "acme", "birch")
        yield made


@pytest.fixture(scope="module")
def address(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API over it."""
    with serving(url, tmp_path_factory.mktemp("home")) as served:
        yield served


@pytest.fixture(scope="module")
def platform_key(url: str) -> str:
    """A key whose events name their tenant."""
    return key(url, None)


@pytest.fixture
def meter(platform_key: str, address: str) -> Iterator[Metering]:
    """The documented class with a platform's key; every second answer is lost."""
    made = runpy.run_path(str(EXAMPLE))["Meter"]
    with losing_answers(address) as lossy:
        yield lambda source: made(lossy, platform_key, source=source)


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    summary: str


def graph(*models: Spoken) -> Any:
    """Nodes that ask each model; the last keeps the text alone, so that its tokens are in no table."""
    builder = StateGraph(State)
    before = START
    for number, model in enumerate(models):
        is_last = number == len(models) - 1

        def node(state: State, model: Spoken = model, is_last: bool = is_last) -> dict[str, Any]:
            answer = model.invoke(state["messages"])
            return {"summary": answer.text} if is_last else {"messages": [answer]}

        builder.add_node(f"n{number}", node)
        builder.add_edge(before, f"n{number}")
        before = f"n{number}"
    builder.add_edge(before, END)
    return builder.compile(checkpointer=InMemorySaver())


def pushed(url: str, source: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(
            "select tenant_id, event_id, type, facts from intake.events where source = %s order by event_number",
            [source],
        ).fetchall()


def test_each_call_is_one_event_with_its_tokens_by_kind_whatever_is_lost_on_the_way(url: str, meter: Metering) -> None:
    small, large = Spoken(model="small"), Spoken(model="large", answers=3)
    metering, flow = meter("/langgraph/one"), graph(small, large)
    for number in range(5):
        tenant = ("acme", "birch")[number % 2]
        config = {"callbacks": [metering], "metadata": {"tenant": tenant}, "configurable": {"thread_id": f"t{number}"}}
        flow.invoke({"messages": ["hello"]}, config)
    metering.close()
    events = pushed(url, "/langgraph/one")
    assert len(events) == len({one["event_id"] for one in events}) == len(small.calls) + len(large.calls) == 10
    assert Counter(one["tenant_id"] for one in events) == {"acme": 6, "birch": 4}
    for model in (small, large):
        of_model = [one["facts"]["quantities"] for one in events if one["facts"]["model"] == model.model]
        for kind in ("input", "cache_read", "output"):
            assert sum(one[kind] for one in of_model) == model.spent(kind)
    inbox = Pushed(url)
    choices = Choices(Keep.KEPT, Keep.KEPT, Keep.KEPT)
    read = EVENTS.read(inbox, Day(clock.today(), "acme", choices=choices, choices_of=lambda scopes: choices))
    said = [row for row in read.table.to_pylist() if json.loads(row["attributes"])["kind"] == "output"]
    assert sum(int(row["quantity"]) for row in said) == sum(
        one["facts"]["quantities"]["output"] for one in events if one["tenant_id"] == "acme"
    )


def test_a_call_that_fails_is_none_and_one_without_usage_is_reported_as_such(url: str, meter: Metering) -> None:
    metering = meter("/langgraph/two")
    config = {"callbacks": [metering], "metadata": {"tenant": "acme"}, "configurable": {"thread_id": "t"}}
    graph(Spoken(names_usage=False)).invoke({"messages": ["hello"]}, config)
    with pytest.raises(RuntimeError, match="does not answer"):
        graph(Spoken(fails=True)).invoke({"messages": ["hello"]}, config)
    metering.close()
    (event,) = pushed(url, "/langgraph/two")
    assert (event["type"], event["facts"]["quantity"], event["facts"]["unit"]) == ("llm.call_without_usage", 1, "call")


def test_every_way_to_run_a_graph_is_metered(url: str, meter: Metering) -> None:
    metering, model = meter("/langgraph/three"), Spoken()
    flow = graph(model, model)
    config = {"callbacks": [metering], "metadata": {"tenant": "acme"}}

    def of(thread_id: str) -> Any:
        return {**config, "configurable": {"thread_id": thread_id}}

    asyncio.run(flow.ainvoke({"messages": ["hello"]}, of("async")))
    assert list(flow.stream({"messages": ["hello"]}, of("stream")))
    flow.batch([{"messages": ["hello"]}] * 3, [of(f"batch {number}") for number in range(3)])
    metering.close()
    events = pushed(url, "/langgraph/three")
    assert len(events) == len(model.calls) == 10
    assert sum(one["facts"]["quantities"]["output"] for one in events) == model.spent("output")
