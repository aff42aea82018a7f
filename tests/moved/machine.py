"""Commands on a machine whose date is moved."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

SOURCE = Path(__file__).with_name("moved.c")
MOVED_BY = "CLOCK_MOVED_BY"


def moved() -> dict[str, str]:
    """What a process needs in its environment to see the date that we see."""
    return {name: os.environ[name] for name in ("LD_PRELOAD", MOVED_BY) if name in os.environ}


def run_moved(command: Sequence[str], seconds: int) -> int:
    """Run a command with the date moved by so many seconds, and by what it is moved already; its exit code. What an
    interrupt ends is the command's to say."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "moved.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"], check=True)
        library.chmod(0o644)
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user where we are root
        seconds += int(os.environ.get(MOVED_BY, 0))
        before = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            environment = os.environ | {"LD_PRELOAD": str(library), MOVED_BY: str(seconds)}
            return subprocess.run(command, env=environment).returncode
        finally:
            signal.signal(signal.SIGINT, before)
