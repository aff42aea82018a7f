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
    folder = Path(data)
    # PostgreSQL refuses to be run by root.
    user = {"user": folder.owner(), "group": folder.group(), "extra_groups": []} if os.geteuid() == 0 else {}
    pg_ctl = [str(POSTGRES_VERSIONS[version] / "pg_ctl"), "-w", "-s", "-m", "fast", "-D", data]
    subprocess.run([*pg_ctl, "-l", str(folder.parent / "log"), "restart"], check=True, cwd=data, **user)


def wait_for_the_server(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return
