"""Processes of their own, which may be killed: forks of one that has imported what they need and does nothing else.

To import it takes a process more than a second.
"""

import multiprocessing
import os
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from threading import Lock
from typing import Any

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([
    "orchestration.automations.process", "langgraph.checkpoint.postgres", "langgraph.graph",
    "tests.intake.served_alone", "tests.outgoing.alone",
])  # fmt: skip
_LOOKING = Lock()
"""To start a process looks at how all others ended, and so takes that from who waits for one."""


def started(work: Callable[..., object], environment: Mapping[str, str], *arguments: Any) -> BaseProcess:
    """A process that does this work, in this environment alone."""
    process = _FORKS.Process(target=_work, args=(work, dict(environment), arguments), daemon=True)
    with _LOOKING:
        process.start()
    return process


def end_of(process: BaseProcess, seconds: float | None = None) -> int:
    """How it ended: its exit code, or the negative number of the signal. It is waited for."""
    assert wait([process.sentinel], seconds), f"not within {seconds} s"
    with _LOOKING:
        process.join()
    assert process.exitcode is not None
    return process.exitcode


def _work(work: Callable[..., object], environment: dict[str, str], arguments: tuple[Any, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    work(*arguments)
