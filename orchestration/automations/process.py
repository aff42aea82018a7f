"""The process that takes runs of one tenant on, which it is given on standard input.

    the module   AUTOMATIONS = {"follow-up": build}, where build() gives a StateGraph; VERSION, a text, is recorded
    in           {"module": …, "tenant_id": …, "runs": [{"thread_id", "automation", "call", "question_id", "answer"}]}
    out          {"thread_id": …, "state": "begun"} before a thread is touched; then done, asleep (until), asks
                 (question, question_id), failed (fault) or busy (another process has it)

A thread without a state is begun with {"call": …}; one that was killed goes on after the last step that was stored; one
that waits is resumed with what a person said, or, where its interrupt names `until`, with True once that has come.
"""

import importlib
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any, TextIO

from psycopg.rows import dict_row

from warehouse import clock
from warehouse.automations import threads
from warehouse.database.queries import Connection

URL = "AUTOMATIONS_DATABASE_URL"
_LONGEST_QUESTION = 2_000
log = logging.getLogger(__name__)


def work(asked: Mapping[str, Any], url: str, say: Callable[[Mapping[str, Any]], None]) -> None:
    """Take each run as far as it goes, one after the other; what fails touches no other."""
    from langgraph.checkpoint.postgres import PostgresSaver

    module = importlib.import_module(asked["module"])
    with ExitStack() as stack:
        saving, locking = (stack.enter_context(threads.opened(url, asked["tenant_id"])) for _ in range(2))
        newest, made = len(PostgresSaver.MIGRATIONS) - 1, threads.version(saving)
        if newest != made:
            raise SystemExit(
                f"langgraph-checkpoint-postgres is of tables of version {newest}, and this release has those of version"
                f" {made}: install another version of it"
            )
        saving.row_factory = dict_row
        saver = PostgresSaver(saving)
        for run in asked["runs"]:
            say({"thread_id": run["thread_id"], "state": "begun"})
            said = _one(module, saver, locking, run, asked["tenant_id"])
            say({"thread_id": run["thread_id"], "version": str(getattr(module, "VERSION", "")) or None, **said})


def _one(module: Any, saver: Any, locking: Connection, run: Mapping[str, Any], tenant_id: str) -> Mapping[str, Any]:
    with threads.alone(locking, run["thread_id"]) as is_ours:
        if not is_ours:
            return {"state": "busy"}
        try:
            build = module.AUTOMATIONS.get(run["automation"])
            if build is None:
                return {"state": "failed", "fault": "the module has no such automation"}
            config = {"configurable": {"thread_id": run["thread_id"]}, "metadata": {"tenant": tenant_id}}
            return _taken_on(build().compile(checkpointer=saver), config, run)
        except Exception as error:
            log.exception("%s", run["thread_id"])
            return {"state": "failed", "fault": type(error).__name__}


def _taken_on(graph: Any, config: Any, run: Mapping[str, Any]) -> Mapping[str, Any]:
    from langgraph.types import Command

    state = graph.get_state(config)
    if not state.created_at:
        value: Any = {"call": run["call"]}
    elif not state.next:
        return {"state": "done"}
    elif not state.interrupts:
        value = None
    elif (until := _until(state)) is not None and until <= clock.now():
        value = Command(resume=True)
    elif until is None and run["answer"] is not None and run["question_id"] == _question_id(state):
        value = Command(resume=run["answer"])
    else:
        return _standing(state)
    graph.invoke(value, config, durability="sync")
    return _standing(graph.get_state(config))


def _standing(state: Any) -> Mapping[str, Any]:
    if not state.next:
        return {"state": "done"}
    if not state.interrupts:
        return {"state": "asleep", "until": clock.now().isoformat()}  # a breakpoint: it goes on at once
    if (until := _until(state)) is not None:
        return {"state": "asleep", "until": until.isoformat()}
    question = state.interrupts[0].value
    text = question if isinstance(question, str) else json.dumps(question, default=str, ensure_ascii=False)
    return {"state": "asks", "question": text[:_LONGEST_QUESTION], "question_id": _question_id(state)}


def _question_id(state: Any) -> str:
    return f"{state.config['configurable']['checkpoint_id']}/{state.interrupts[0].id}"


def _until(state: Any) -> datetime | None:
    """When a thread that sleeps goes on by itself; None where it waits for a person."""
    value = state.interrupts[0].value
    named = value.get("until") if isinstance(value, Mapping) else None
    until = datetime.fromisoformat(named) if isinstance(named, str) else None
    if until is not None and until.tzinfo is None:
        raise ValueError("`until` names no time zone")
    return until


def _saying(out: TextIO) -> Callable[[Mapping[str, Any]], None]:
    def say(what: Mapping[str, Any]) -> None:
        out.write(json.dumps(what) + "\n")
        out.flush()

    return say


def main() -> None:
    """What a workflow prints goes to the log, and never between our lines."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    work(json.loads(sys.stdin.read()), os.environ.pop(URL), _saying(out))


if __name__ == "__main__":
    main()
