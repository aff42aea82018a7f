"""What a person sees: a command run in a real pseudo-terminal of a given width."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

import pytest

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def opened(width: int) -> tuple[int, int]:
    """The two ends of a new terminal of that many columns: what a program writes to the second is read of the first."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    return outer, inner


def lines_of(outer: int) -> list[str]:
    """All that was written until the other end closed, in lines, without colours."""
    parts = []
    with suppress(OSError):  # how Linux says that the other end is closed
        while part := os.read(outer, 65536):
            parts.append(part)
    os.close(outer)
    return [line.rstrip() for line in _ESCAPE.sub("", b"".join(parts).decode()).replace("\r\n", "\n").split("\n")]


def shown(width: int, do: Callable[[], object], monkeypatch: pytest.MonkeyPatch, *streams: str) -> list[str]:
    """The lines that these of sys.stdout and sys.stderr show on a terminal of that width while something is done."""
    outer, inner = opened(width)
    found: list[str] = []
    reader = Thread(target=lambda: found.extend(lines_of(outer)))
    reader.start()
    with monkeypatch.context() as patched, open(inner, "w", encoding="utf-8") as terminal:
        patched.delenv("COLUMNS", raising=False)
        for stream in streams:
            patched.setattr(sys, stream, terminal)
        do()
    reader.join(timeout=30)
    return found
