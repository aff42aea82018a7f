"""A command that is stopped by a signal ends in order, and says what stands."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

MINUTEBOOK = [sys.executable, "-c", "from orchestration.cli import main; main()"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_says_what_stands_and_what_to_do(tmp_path: Path, number: signal.Signals) -> None:
    """While it waits for a database that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        environment = {**os.environ, "MINUTEBOOK_HOME": str(tmp_path), "MINUTEBOOK_DATABASE_URL": url}
        waiting = subprocess.Popen(
            [*MINUTEBOOK, "tenant", "list"], env=environment, stderr=subprocess.PIPE, text=True, restore_signals=True
        )
        silent.settimeout(120)
        asked, _ = silent.accept()
        with asked:
            waiting.send_signal(number)
            _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == -number
    assert said == "stopped: what was done stands; run the same command again for the rest\n"
