"""Take events and drive threads: begun once per call, gone on with after a crash, resumed with a person's answer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from zlib import crc32

import psycopg
from graph import thread_of
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import StateGraph
from langgraph.types import Command
from standardwebhooks import Webhook

LOCK = 5201
"""Of threads of this program among other advisory locks of the database."""


def received(secret: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any] | None:
    """The call of a genuine event; None for another type. Raises WebhookVerificationError."""
    event: dict[str, Any] = Webhook(secret).verify(body, dict(headers))
    return event["data"] if event["type"] == "call.completed" else None


class Threads:
    """The threads of one workflow; `url` leads to a Postgres with the checkpointer's tables, already set up."""

    def __init__(self, url: str, graph: StateGraph[Any]) -> None:
        self._url = url
        self._graph = graph

    def begin(self, call: dict[str, Any]) -> str:
        """Begin what follows a call, go on with it, or leave it as it is where it is done; gives its thread."""
        thread_id = thread_of(call)
        with self._alone(thread_id) as (graph, config):
            state = graph.get_state(config)
            if not state.created_at:
                graph.invoke({"call": call}, {**config, "metadata": {"tenant": call["tenant_id"]}}, durability="sync")
            elif state.next and not state.interrupts:
                graph.invoke(None, config, durability="sync")
        return thread_id

    def answer(self, thread_id: str, said: str) -> None:
        """Resume a thread that waits for a person; one that does not is left as it is."""
        with self._alone(thread_id) as (graph, config):
            state = graph.get_state(config)
            if state.interrupts:
                graph.invoke(Command(resume=said), config, durability="sync")
            elif state.next:
                graph.invoke(None, config, durability="sync")

    def waiting(self, thread_id: str) -> str | None:
        """The draft that a person is asked about; None where nobody is."""
        with self._alone(thread_id) as (graph, config):
            asked = graph.get_state(config).interrupts
        return str(asked[0].value["draft"]) if asked else None

    @contextmanager
    def _alone(self, thread_id: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        with (
            psycopg.connect(self._url, autocommit=True) as held,
            PostgresSaver.from_conn_string(self._url) as saver,
        ):
            held.execute("select pg_advisory_lock(%s, %s)", [LOCK, crc32(thread_id.encode()) - 2**31])
            yield self._graph.compile(checkpointer=saver), {"configurable": {"thread_id": thread_id}}
