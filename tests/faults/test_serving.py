"""`minutebook serve` and `up` as processes: they come back with their database, end on a signal, and are private."""

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.cli.up import _alone
from orchestration.web.access.auth import SESSION
from tests.conftest import own_database
from tests.faults.servers import restart_the_server, wait_for_the_server
from tests.intake.served import login_of
from tests.web.conftest import add_staff
from warehouse.database.connect import Role, connect
from warehouse.security.database_logins import Access

ENDS_WITHIN = 8
STARTS_WITHIN = 120
MINUTEBOOK = [sys.executable, "-c", "from orchestration.cli import main; main()"]


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder with an embedded server, initialised."""
    with tempfile.TemporaryDirectory(prefix="minutebook-serving-") as outside:
        yield initialised(Path(outside) / "home")


def initialised(folder: Path) -> Path:
    done = subprocess.run([*MINUTEBOOK, "init"], env=environment(folder), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def served(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A process that serves it, and its address."""
    with serving(home, free_port()) as running:
        yield running


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def serving(
    home: Path, port: int, urls: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A process that serves a home on a port, once it answers. urls: of another server than its own."""
    log = (home.parent / "serve.log").open("wb")
    with (
        log,
        subprocess.Popen(
            [*MINUTEBOOK, "serve", "--port", str(port)],
            env={**environment(home), **urls},
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            assert wait_for(f"{address}/healthz", 200, STARTS_WITHIN), (home.parent / "serve.log").read_text()
            yield process, address
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "MINUTEBOOK_HOME": str(home)}


def wait_for(address: str, status: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if httpx.get(address, timeout=20).status_code == status:
                return True
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    return False


def test_serve_comes_back_with_its_database_and_ends_on_a_signal_its_home_private(
    home: Path, served: tuple[subprocess.Popen[bytes], str]
) -> None:
    process, address = served
    assert not stat.S_IMODE(home.stat().st_mode) & (stat.S_IRWXG | stat.S_IROTH | stat.S_IWOTH)
    before = (home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
    os.kill(int(before[0]), signal.SIGKILL)  # its own processes notice, and end
    answer = httpx.get(f"{address}/healthz", timeout=60)
    assert answer.status_code in {200, 503}
    assert answer.status_code == 200 or "retry-after" in answer.headers
    assert wait_for(f"{address}/healthz", 200, 90)
    after = (home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
    assert (before[0] != after[0], before[3] == after[3]) == (True, True)  # another process, on the same port
    port = int(address.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port)) as half_sent,
        socket.create_connection(("127.0.0.1", port)) as idle,
    ):
        half_sent.sendall(b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nlogin=")
        idle.sendall(b"GET / HT")
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert process.wait(60) == 0
        assert time.monotonic() - begun < ENDS_WITHIN
    assert not (home / "postgres" / "data" / "postmaster.pid").exists()


def test_under_an_administrators_restart_of_its_server_pages_ask_for_patience_and_come_back(
    postgres_server: str, tmp_path: Path
) -> None:
    """Of a server that is not ours; whoever was signed in still is, and no page is our fault meanwhile."""
    statuses: set[tuple[int, bool]] = set()
    with own_database(postgres_server) as url, login_of(url, Access.SERVER) as server_url:
        with connect(url, Role.SERVER) as connection:
            add_staff(connection)
        urls = {"MINUTEBOOK_DATABASE_URL": url, "MINUTEBOOK_SERVER_DATABASE_URL": server_url}
        with serving(tmp_path / "home", free_port(), urls) as (_, address):
            client = httpx.Client(base_url=address, cookies={SESSION: "a-session-of-otto"}, timeout=60)
            assert client.get("/tasks").status_code == 200
            for _ in range(2):
                is_over = threading.Event()

                def ask(is_over: threading.Event = is_over) -> None:
                    while not is_over.is_set():
                        answer = client.get("/tasks")
                        statuses.add((answer.status_code, "retry-after" in answer.headers))
                        time.sleep(0.3)  # no faster than one client may ask

                with ThreadPoolExecutor() as pool:
                    asking = [pool.submit(ask) for _ in range(4)]
                    restart_the_server(url)
                    wait_for_the_server(url)
                    time.sleep(3)
                    is_over.set()
                    for one in asking:
                        one.result(60)
                assert client.get("/tasks").status_code == 200
    assert statuses <= {(200, False), (503, True)}


def test_serve_killed_in_the_middle_of_its_work_serves_again_where_it_was(
    home: Path, served: tuple[subprocess.Popen[bytes], str]
) -> None:
    process, address = served
    port = int(address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as half_sent:
        half_sent.sendall(b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nlogin=")
        process.kill()
        process.wait(30)
    with serving(home, port) as (_, again):
        assert httpx.get(f"{again}/sign-in", timeout=60).status_code == 200


def test_a_second_up_on_a_home_says_that_one_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path))
    with _alone(tmp_path, 3999):
        result = CliRunner().invoke(app, ["up", "--port", "3998"])
    assert result.exit_code == 1
    assert "already" in result.stderr
    assert f"process {os.getpid()}, http://127.0.0.1:3999" in result.stderr
