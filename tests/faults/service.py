"""`minutebook up` under a service manager that starts it again whenever it ends, while its parts are killed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from tests.deploy.test_image import free_port
from tests.orchestration.test_up import Up, eventually, is_listening

MINUTEBOOK = [sys.executable, "-c", "from orchestration.cli import main; main()"]
DAEMON, CODE_SERVER = "dagster._daemon", "dagster api grpc"
_SECONDS = 300


class Service:
    """One home's `up`, and the folder that its output goes to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._start()

    def kill(self, word: str) -> None:
        """Every process of it that is called so, at once."""
        for one in self._process_tree():
            with suppress(psutil.NoSuchProcess):
                if word in " ".join(one.cmdline()):
                    one.kill()

    def stand_up(self) -> None:
        """Until it serves again, by itself or begun again."""
        until = time.monotonic() + _SECONDS
        while not self._answers():
            assert time.monotonic() < until, (self._folder / "up").read_text()[-2000:]
            if self._process.poll() is not None:
                self._start()
            time.sleep(0.5)

    def works_a_run_off(self) -> None:
        """What is launched comes to its end: queue, daemon and code server are all there."""
        up = Up(self._process, self.port)
        run = ""

        def is_launched() -> bool:
            nonlocal run
            with suppress(AssertionError, httpx.HTTPError):  # a code server that was killed is started again
                run = up.launch("purge_raw")
            return bool(run)

        eventually(is_launched, _SECONDS)
        eventually(lambda: up.status(run) in ("SUCCESS", "FAILURE"), _SECONDS)
        assert up.status(run) == "SUCCESS"

    def end(self) -> None:
        """For good."""
        self._process.terminate()
        self._process.wait(120)

    def _start(self) -> None:
        self.port = free_port()
        with (self._folder / "up").open("ab") as log:
            self._process = subprocess.Popen(
                [*MINUTEBOOK, "up", "--port", str(self.port)], env=dict(os.environ), stdout=log, stderr=log, text=True
            )

    def _answers(self) -> bool:
        if self._process.poll() is not None or not is_listening(self.port):
            return False
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.port}/server_info", timeout=10).status_code == 200
        return False

    def _process_tree(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid).children(recursive=True)
        return []


@contextmanager
def service(folder: Path) -> Iterator[Service]:
    """One that serves, until the context ends."""
    one = Service(folder)
    try:
        one.stand_up()
        yield one
    finally:
        one.end()
