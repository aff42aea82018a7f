"""Ties the life of a process to that of the one that started it, which may be killed without a word."""

import os
import signal
import threading
import time

_SECONDS = 0.5


def end_with(parent: int) -> None:
    """Kill this process once `parent`, which started it, is gone."""
    threading.Thread(target=_watch, args=(parent,), name="life of the parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
