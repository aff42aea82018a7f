"""What follows a call: classify it, draft a message, wait for a person's yes, send. Checkpointed after every step."""

from collections.abc import Callable
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

AUTOMATION = "follow-up"
SHORTEST_SECONDS = 20

Draft = Callable[[dict[str, Any], str], str]
Send = Callable[[str, str, str], None]
"""send(idempotency key, to whom, text): the same key again sends nothing."""


class State(TypedDict, total=False):
    """call: `data` of call.completed. what: missed, short or spoken. answer: what a person said of the draft."""

    call: dict[str, Any]
    what: str
    draft: str
    answer: str
    is_sent: bool


def thread_of(call: dict[str, Any], automation: str = AUTOMATION) -> str:
    """One thread per call and automation, its tenant first."""
    return f"{call['tenant_id']}/{automation}/{call['account']}/{call['source']}/{call['call_id']}"


def classify(state: State) -> State:
    """By the call's result, as it came with the event; without content there is nothing to decide by."""
    content = state["call"].get("content") or {}
    if content.get("outcome") != "connected":
        return {"what": "missed"}
    return {"what": "short" if float(content["connected_seconds"] or 0) < SHORTEST_SECONDS else "spoken"}


def ask(state: State) -> State:
    """Sleep until a person has read the draft: resumed with yes, no, or a better text."""
    return {"answer": str(interrupt({"draft": state["draft"]}))}


def build(draft: Draft, send: Send) -> StateGraph[Any]:
    """The workflow; compile it with a checkpointer."""

    def write(state: State) -> State:
        return {"draft": draft(state["call"], state["what"])}

    def deliver(state: State, config: RunnableConfig) -> State:
        text = state["draft"] if state["answer"] == "yes" else state["answer"]
        send(f"{config['configurable']['thread_id']}/deliver", state["call"]["call_id"], text)
        return {"is_sent": True}

    graph: StateGraph[Any] = StateGraph(State)
    graph.add_node("classify", classify)
    graph.add_node("write", write)
    graph.add_node("ask", ask)
    graph.add_node("deliver", deliver)
    graph.add_edge(START, "classify")
    graph.add_conditional_edges("classify", lambda state: END if state["what"] == "spoken" else "write", ["write", END])
    graph.add_edge("write", "ask")
    graph.add_conditional_edges("ask", lambda state: END if state["answer"] == "no" else "deliver", ["deliver", END])
    graph.add_edge("deliver", END)
    return graph
