"""Workflows of a deployment: each effect is a line of the file AUTOMATIONS_EFFECTS. AUTOMATIONS_DIES is a node, and
`before` or `after` its effect: there the process dies by SIGKILL, once for each thread.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from warehouse import clock

VERSION = os.environ.get("AUTOMATIONS_VERSION", "1")
EFFECTS = Path(os.environ.get("AUTOMATIONS_EFFECTS", os.devnull))


class State(TypedDict, total=False):
    call: dict[str, Any]
    since: str
    said: str


def effect(thread_id: str, what: str) -> None:
    """Done, for all to see."""
    with EFFECTS.open("a") as file:
        file.write(f"{thread_id} {what}\n")


def dies(thread_id: str, node: str, when: str) -> None:
    """As a machine that loses its power, if this is the place and the first time."""
    marker = EFFECTS.with_name(thread_id.replace("/", "_"))
    if os.environ.get("AUTOMATIONS_DIES") == f"{node} {when}" and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def node(name: str, act: Callable[[State], State] | None = None) -> Callable[[State, RunnableConfig], State]:
    def run(state: State, config: RunnableConfig) -> State:
        thread_id = str(config["configurable"]["thread_id"])
        dies(thread_id, name, "before")
        effect(thread_id, name)
        dies(thread_id, name, "after")
        return act(state) if act else {}

    return run


def chain(*nodes: tuple[str, Callable[..., Any]]) -> StateGraph[Any]:
    graph: StateGraph[Any] = StateGraph(State)
    before = START
    for name, run in nodes:
        graph.add_node(name, run)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph


def steps() -> StateGraph[Any]:
    """Three steps."""
    return chain(*((name, node(name)) for name in "abc"))


def asking() -> StateGraph[Any]:
    """Two questions in the same words, one after the other."""

    def ask(state: State, config: RunnableConfig) -> State:
        said = str(interrupt({"may": "it go on?"}))
        effect(str(config["configurable"]["thread_id"]), said)
        return {"said": said}

    return chain(("first", ask), ("second", ask), ("last", node("last")))


def drip() -> StateGraph[Any]:
    """A message, two days, another one."""

    def sleep(state: State) -> State:
        until = datetime.fromisoformat(state["since"]) + timedelta(days=2)
        if clock.now() < until:
            interrupt({"until": until.isoformat()})
        return {}

    return chain(
        ("first", node("first", lambda _: {"since": clock.now().isoformat()})), ("sleep", sleep), ("late", node("late"))
    )


def _fail(state: State) -> State:
    raise TimeoutError(f"nobody answers at {state['call']['call_id']}")


def _exit(state: State) -> State:
    os._exit(3)


def _hang(state: State) -> State:
    time.sleep(600)
    return {}


def _look(state: State) -> State:
    effect("environment", " ".join(sorted(os.environ)))
    sys.stdout.write("this is no line of ours\n")
    sys.stderr.write("a word for the log\n")
    return {}


AUTOMATIONS = {
    "steps": steps,
    "asking": asking,
    "drip": drip,
    "fails": lambda: chain(("fail", _fail)),
    "exits": lambda: chain(("exit", _exit)),
    "hangs": lambda: chain(("hang", node("hang", _hang))),
    "looks": lambda: chain(("look", _look)),
}
