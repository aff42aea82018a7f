"""minutebook up: PostgreSQL, the Dagster UI and its daemon, on this machine, until Ctrl-C."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import psutil  # type: ignore[import-untyped]
import typer

from orchestration.cli.options import command
from orchestration.cli.output import next_step, say
from orchestration.cli.session import CommandFailed, session
from orchestration.installing import install
from warehouse.clock import today
from warehouse.control import shards, tenants
from warehouse.database import lifetime
from warehouse.words import counted

app = typer.Typer()
START_SECONDS = 300  # a busy machine with a cold cache takes its time
SOUND_SECONDS = 60
"""What ended after less is not started again: it would end again."""
RELOAD_SECONDS = 30
"""How long there may be no code server, while Dagster puts one in the place of another."""


@command(app, "up", "minutebook up --port 3000")
def up(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=1024, max=65535, help="Port of the UI, on loopback.")] = 3000,
) -> None:
    """Serve the Dagster UI with its schedules and sensors, on the database, until Ctrl-C."""
    from orchestration.dagster_internals import home as dagster_home
    from orchestration.ingestion import partitions  # Dagster takes two seconds to import, which no other command pays

    current = session(ctx)
    settings = current.settings
    with _alone(settings.home, port), settings.database() as url:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise CommandFailed(f"port {port} is taken; choose another: minutebook up --port {port + 1}")
        install(url)
        settings.vault()
        with current.operator_of(url) as connection:
            served = [row["tenant_id"] for row in tenants.tenants_on(connection, today()) if row["status"] == "active"]
            if settings.has_shard_partitions:
                served = list(shards.members(served, shards.shards(connection, settings.shards)))
        ui_days = settings.ui_days or partitions.days_for(len(served))
        own = dagster_home.environment(url, settings.home, has_hosts=settings.broker_url is not None)
        own |= {"MINUTEBOOK_UI_DAYS": str(ui_days)}
        workspace = dagster_home.CONFIGURATION / "workspace.yaml"
        log = Path(own["DAGSTER_HOME"]) / "up.log"
        command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
        command += ["--log-format", "json"] if settings.has_json_logs else []
        with _Terminated() as terminated:
            while not terminated.is_set:
                say(f"starting Dagster, which writes to {log}")
                with (
                    log.open("ab") as output,
                    lifetime.group(
                        command,
                        env=settings.environment_with(own),
                        cwd=dagster_home.CONFIGURATION,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                    ) as process,
                ):
                    _wait_until_served(process, port, log, terminated)
                    if not terminated.is_set:
                        say(f"Dagster UI: http://127.0.0.1:{port} (log: {log})")
                        begin = f"its partitions begin about {counted(ui_days, 'day')} ago"
                        say(f"{begin}; older: minutebook pull, minutebook status")
                        next_step("launch a backfill of the raw assets there, or minutebook pull; Ctrl-C ends all")
                    _wait_until_over(process, log, terminated)
    say("stopped")


@contextmanager
def _alone(home: Path, port: int) -> Iterator[None]:
    """Hold a home folder for one `up`: two would launch every run twice. Raises CommandFailed beside another."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CommandFailed(
                f"minutebook up runs on {home} already ({lock.read() or 'just starting'}); end it with Ctrl-C there"
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, http://127.0.0.1:{port}")
        lock.flush()
        yield


class _Terminated:
    """Remembers that we were asked to stop, by Ctrl-C or by SIGTERM."""

    def __init__(self) -> None:
        self.is_set = False
        self._before: Mapping[signal.Signals, object] = {}

    def __enter__(self) -> "_Terminated":
        self._before = {number: signal.signal(number, self._set) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _set(self, *_: object) -> None:
        self.is_set = True


def _wait_until_served(process: subprocess.Popen[bytes], port: int, log: Path, terminated: _Terminated) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and not terminated.is_set and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    if not terminated.is_set:
        raise CommandFailed(f"Dagster did not start; its log is {log}")


def _wait_until_over(process: subprocess.Popen[bytes], log: Path, terminated: _Terminated) -> None:
    """Until a part of Dagster is gone. Raises CommandFailed where that comes so soon that it would come again."""
    served = held = time.monotonic()
    code: psutil.Process | None = None
    while not terminated.is_set:
        code = code if code is not None and code.is_running() else _code_server(process.pid)
        held = time.monotonic() if code is not None else held
        if process.poll() is not None or time.monotonic() - held > RELOAD_SECONDS:
            # Dagster ends itself without its UI or its daemon; without the server of our code it would live on, idle.
            gone = "Dagster" if process.poll() is not None else "Dagster's code server"
            if time.monotonic() - served < SOUND_SECONDS:
                raise CommandFailed(f"{gone} ended by itself; its log is {log}")
            say(f"{gone} ended by itself")
            return
        time.sleep(0.2 if code is not None else 1)


def _code_server(dagster: int) -> psutil.Process | None:
    for each in _children(dagster):
        with suppress(psutil.Error):
            if {"api", "grpc"} <= set(each.cmdline()):
                return each
    return None


def _children(of: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return list(psutil.Process(of).children(recursive=True))
    return []
