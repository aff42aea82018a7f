"""A database server that crashes, or is restarted, under whoever uses it."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from warehouse.database.embedded import POSTGRES_VERSIONS


def crash_the_server(url: str) -> None:
    """A killed backend makes PostgreSQL throw everybody out and recover from its log, as after a crash of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)


def restart_the_server(url: str) -> None:
    """An administrator's restart: everybody is sent away, at the same port it begins again."""
    with psycopg.connect(url, autocommit=True) as connection:
        ((data, version),) = connection.execute(
            "select current_setting('data_directory'), current_setting('server_version_num')::int / 10000"
        ).fetchall()
    begin_again(Path(data), version)


def begin_again(data: Path, version: int) -> None:
    """Restart the server of a folder as it was started; start it, if it is down."""
    # PostgreSQL refuses to be run by root.
    user = {"user": data.owner(), "group": data.group(), "extra_groups": []} if os.geteuid() == 0 else {}
    pg_ctl = [str(POSTGRES_VERSIONS[version] / "pg_ctl"), "-w", "-s", "-m", "fast", "-D", str(data)]
    subprocess.run([*pg_ctl, "-l", str(data.parent / "log"), "restart"], check=True, cwd=data, **user)


def wait_for_the_server(url: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return
