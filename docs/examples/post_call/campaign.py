"""A drip: a message on day 1; two days of sleep; a second one if nobody replied. A clock resumes it, not a process.

Call `due` as often as you like (cron): it resumes what sleeps past its time, each thread alone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

AUTOMATION = "drip"
WAIT = timedelta(days=2)

Send = Callable[[str, str, str], None]
Replied = Callable[[str], bool]


class State(TypedDict, total=False):
    """contact: whom; or call: `data` of call.completed, of whoever called. since: when the first message went (ISO
    8601). sent: how many went.
    """

    call: dict[str, Any]
    contact: str
    since: str
    sent: int


def build(send: Send, has_replied: Replied, now: Callable[[], datetime]) -> StateGraph[Any]:
    """The campaign of one contact; compile it with a checkpointer."""

    def first(state: State, config: RunnableConfig) -> State:
        contact = state.get("contact") or str(state["call"]["call_id"])
        send(f"{config['configurable']['thread_id']}/first", contact, "Shall we call you back?")
        return {"contact": contact, "since": now().isoformat(), "sent": 1}

    def sleep(state: State) -> State:
        until = datetime.fromisoformat(state["since"]) + WAIT
        if now() < until:  # woken early, it sleeps on
            interrupt({"until": until.isoformat()})
        return {}

    def second(state: State, config: RunnableConfig) -> State:
        send(f"{config['configurable']['thread_id']}/second", state["contact"], "We are still here for you.")
        return {"sent": 2}

    graph: StateGraph[Any] = StateGraph(State)
    graph.add_node("first", first)
    graph.add_node("sleep", sleep)
    graph.add_node("second", second)
    graph.add_edge(START, "first")
    graph.add_edge("first", "sleep")
    graph.add_conditional_edges(
        "sleep", lambda state: END if has_replied(state["contact"]) else "second", ["second", END]
    )
    graph.add_edge("second", END)
    return graph


def due(graph: Any, thread_ids: list[str], now: datetime) -> list[str]:
    """Resume the threads whose time has come; gives those that were. `graph` is compiled with its checkpointer."""
    resumed = []
    for thread_id in thread_ids:
        config = {"configurable": {"thread_id": thread_id}}
        state = graph.get_state(config)
        if state.interrupts and datetime.fromisoformat(state.interrupts[0].value["until"]) <= now:
            graph.invoke(Command(resume=True), config, durability="sync")
            resumed.append(thread_id)
    return resumed
