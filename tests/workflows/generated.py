"""Graphs made by a seed, run for real against a Postgres checkpointer, with a plain record of what they did beside.

A node notes when it ends, in which step of which graph; the record is these notes, the calls of `invoke`, and what the
models said. Nothing of it is read from the checkpointer's tables.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from operator import add
from random import Random
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt

from tests.workflows.models import Spoken

DURABILITIES = ("sync", "async", "exit")
KINDS = ("plain", "says", "keeps", "waits", "fails once", "sub-graph", "beside")


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    notes: Annotated[list[str], add]


@dataclass
class Record:
    """What one thread did. steps are supersteps in which nodes ended: (branch, graph, number)."""

    tenant: str
    branch: int = 0
    invocations: int = 0
    forks: int = 0
    updates: int = 0
    sleeps: int = 0
    steps: set[tuple[int, str, int]] = field(default_factory=set)
    said: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)


@dataclass
class Story:
    """Threads of one graph, all of one durability."""

    seed: int
    saver: PostgresSaver
    durability: str
    records: dict[str, Record] = field(default_factory=dict)
    failed: set[tuple[str, str, int]] = field(default_factory=set)
    model: Spoken = field(default_factory=Spoken)

    def __post_init__(self) -> None:
        self.random = Random(f"{self.seed}/{self.durability}")
        self.kinds = [self.random.choice(KINDS) for _ in range(self.random.randrange(1, 6))]
        self.graph = self._graph(self.kinds, depth=0).compile(checkpointer=self.saver)

    def run(self) -> None:
        """Three threads of two tenants, each started, woken, forked and edited as the seed has it."""
        for number in range(3):
            thread_id = f"{self.seed}-{self.durability}-{number}"
            record = self.records[thread_id] = Record(("acme", "birch")[number % 2])
            for _ in range(self.random.randrange(1, 4)):
                self._invoke(thread_id, record, {"messages": [], "notes": ["begun"]})
                self._finish(thread_id, record)
            if self.random.random() < 0.5:
                self._fork(thread_id, record)
            if self.random.random() < 0.3:
                self._edit(thread_id, record)

    def _invoke(self, thread_id: str, record: Record, value: Any, **configured: str) -> None:
        config = {
            "configurable": {"thread_id": thread_id, **configured},
            "metadata": {"tenant": record.tenant} if record.invocations == 0 else {},
        }
        record.invocations += 1
        with suppress(Fails):
            self.graph.invoke(value, config, durability=self.durability)
        if self._state(thread_id).interrupts:
            record.sleeps += 1

    def _state(self, thread_id: str) -> Any:
        return self.graph.get_state({"configurable": {"thread_id": thread_id}})

    def _finish(self, thread_id: str, record: Record) -> None:
        """Wake and retry until it is done; now and then it is left as it is."""
        for _ in range(12):
            state = self._state(thread_id)
            if not state.next or self.random.random() < 0.1:
                return
            self._invoke(thread_id, record, Command(resume="yes") if state.interrupts else None)

    def _fork(self, thread_id: str, record: Record) -> None:
        """Run again from an older state that had something to do."""
        history = list(self.graph.get_state_history({"configurable": {"thread_id": thread_id}}))
        older = [one for one in history[1:] if one.next]
        if not older:
            return
        record.branch += 1
        record.forks += 1
        chosen = self.random.choice(older)
        value = Command(resume="again") if chosen.interrupts else None
        self._invoke(thread_id, record, value, checkpoint_id=chosen.config["configurable"]["checkpoint_id"])
        self._finish(thread_id, record)

    def _edit(self, thread_id: str, record: Record) -> None:
        """What a person writes into the state is no run."""
        if self._state(thread_id).next:
            return
        record.updates += 1
        self.graph.update_state({"configurable": {"thread_id": thread_id}}, {"notes": ["edited"]}, as_node=self.last)

    def _graph(self, kinds: list[str], depth: int) -> StateGraph[Any]:
        builder: StateGraph[Any] = StateGraph(State)
        before = START
        for number, kind in enumerate(kinds):
            name = f"n{depth}{number}"
            if kind == "sub-graph" and depth < 2:
                inner = [self.random.choice(KINDS[:5]) for _ in range(self.random.randrange(1, 3))]
                builder.add_node(name, self._graph(inner, depth + 1).compile() | self._ended)
            else:
                builder.add_node(name, self._node(name, "plain" if kind in ("sub-graph", "beside") else kind))
            builder.add_edge(before, name)
            if kind == "beside" and before != START:
                builder.add_node(f"{name}b", self._node(f"{name}b", "says"))
                builder.add_edge(before, f"{name}b")
            before = name
        builder.add_edge(before, END)
        if depth == 0:
            self.last = before
        return builder

    def _node(self, name: str, kind: str) -> Callable[..., dict[str, Any]]:
        def node(state: State, config: RunnableConfig) -> dict[str, Any]:
            thread_id = config["configurable"]["thread_id"]
            record = self.records[thread_id]
            if kind == "waits":
                interrupt("may it go on?")
            written: dict[str, Any] = {"notes": [name]}
            if kind in ("says", "keeps"):
                answer = self.model.invoke(state["messages"], config)
                (record.said if kind == "says" else record.kept).update(_used(answer))
                if kind == "says":
                    written["messages"] = [answer]
            key = (thread_id, name, record.branch)
            if kind == "fails once" and key not in self.failed:
                self.failed.add(key)
                raise Fails(name)
            self._ended(written, config)
            return written

        return node

    def _ended(self, written: Any, config: RunnableConfig) -> Any:
        """Note that a node ended, in which step of which graph."""
        metadata, record = config["metadata"], self.records[config["configurable"]["thread_id"]]
        inside = "|".join(str(metadata["langgraph_checkpoint_ns"]).split("|")[:-1])
        record.steps.add((record.branch, inside, int(metadata["langgraph_step"])))
        return written


class Fails(RuntimeError):
    """A node that fails."""


def _used(answer: Any) -> Counter[str]:
    usage = answer.usage_metadata
    cached = usage["input_token_details"]["cache_read"]
    return Counter(input=usage["input_tokens"] - cached, cache_read=cached, output=usage["output_tokens"])
