"""Ties the life of processes to that of the one that started them, which may be killed without a word."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

PATIENCE = 20.0
"""Seconds that a group has to end in order, and once more to end at all, before it is killed."""
_SECONDS = 0.5


def end_with(parent: int) -> None:
    """Kill this process once `parent`, which started it, is gone."""
    threading.Thread(target=_watch, args=(parent,), name="life of the parent", daemon=True).start()


@contextmanager
def group(arguments: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process that ends with this block, and all that it starts with it; also where we are killed before.

    It leads a group of its own: a terminal's Ctrl-C reaches us alone, and we stop it in order. A guard waits at the
    other end of a pipe, which closes however we end.
    """
    theirs, ours = os.pipe()
    guard = subprocess.Popen(
        [sys.executable, "-m", "warehouse.database.lifetime"],
        stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2], start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        process = subprocess.Popen(arguments, start_new_session=True, **options)  # noqa: S603 - the caller's, no shell
        try:
            os.write(ours, f"{process.pid}\n".encode())
            yield process
        finally:
            end_group(process.pid)
            process.wait()
    finally:
        os.close(ours)
        guard.wait()


def end_group(leader: int) -> None:
    """End a process and its group: in order if it will, and whatever is left of it in any case."""
    with suppress(ProcessLookupError):
        if os.getpgid(leader) == leader:
            os.kill(leader, signal.SIGINT)
    _until(lambda: _is_over(leader))
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _members(leader):
            return
        with suppress(ProcessLookupError):
            os.killpg(leader, number)  # the group bears the id of the process that leads it
        _until(lambda: not _members(leader))


def _members(leader: int) -> list[int]:
    members = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == leader and not _is_over(process.pid):
                members.append(process.pid)
    return members


def _is_over(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Guard a group: its leader is read, then nothing more comes until whoever started it is gone."""
    leader = sys.stdin.readline().strip()
    sys.stdin.read()
    if leader:
        end_group(int(leader))


if __name__ == "__main__":
    main()
