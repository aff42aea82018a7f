"""The documented post-call automation in a process of its own, as asked by its environment. It dies by SIGKILL where
it is told to, before or after the node of a name has had its effect.

POST_CALL_URL is the checkpointer's database, which has a table of what was sent; POST_CALL_DIES a node and when, as
in `deliver after`; POST_CALL_LATER seconds by which its clock is moved.
"""

import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import psycopg

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "post_call"


class Later(datetime):
    """The clock of this process."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz or UTC) + timedelta(seconds=float(os.environ.get("POST_CALL_LATER", "0")))


def die(node: str, when: str) -> None:
    """As a machine that loses its power, if this is the place."""
    if f"{node} {when}" == os.environ.get("POST_CALL_DIES"):
        os.kill(os.getpid(), signal.SIGKILL)


def draft(call: dict[str, Any], what: str) -> str:
    """A text about a call."""
    die("write", "before")
    text = f"You called us ({what})."
    die("write", "after")
    return text


def send(key: str, to: str, text: str) -> None:
    """A stub that sends each key once, and counts how often it was asked."""
    die("deliver", "before")
    with psycopg.connect(os.environ["POST_CALL_URL"]) as connection:
        connection.execute(
            "insert into sent as s (key, recipient, text, asked) values (%s, %s, %s, 1)"
            " on conflict (key) do update set asked = s.asked + 1",
            [key, to, text],
        )
    die("deliver", "after")


def main(what: str) -> None:
    """Begin what the call asks for, or answer its question."""
    sys.path.insert(0, str(EXAMPLE))
    import graph
    import langgraph.pregel._checkpoint as checkpoint
    import receiver

    checkpoint.datetime = Later  # type: ignore[attr-defined]
    threads = receiver.Threads(os.environ["POST_CALL_URL"], graph.build(draft, send))
    if what == "begin":
        threads.begin(json.loads(os.environ["POST_CALL_CALL"]))
    else:
        threads.answer(os.environ["POST_CALL_THREAD"], what)
