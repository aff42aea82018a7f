"""A server that fails over: a standby that has every commit takes the place of the primary, which is killed."""

import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from tests.faults.servers import begin_again, wait_for_the_server
from warehouse.database.binaries import give_to_the_server, run_tool
from warehouse.database.embedded import DEFAULT_MAJOR

# What a standby asks of its primary.
REPLICATED = {"wal_level": "replica", "max_wal_senders": "4", "synchronous_commit": "on"}
STREAMING = "select 1 from pg_stat_replication where state = 'streaming'"
_SECONDS = 60


@dataclass
class Primary:
    """The server that is in use: its own URL, its data, and how it is started."""

    url: str
    data: Path
    folder: Path
    taken_over: int = 0

    @property
    def port(self) -> int:
        return int(make_url(self.url).port or 5432)

    def fail_over(self, to_port: int) -> None:
        """Nothing that was committed is lost: until it is killed the primary waits for its standby."""
        standby = self.folder / f"standby-{self.taken_over}"
        standby.mkdir(mode=0o700)
        give_to_the_server(standby)
        data, address = standby / "data", make_url(self.url)
        where = ["-h", "127.0.0.1", "-p", str(address.port), "-U", str(address.username)]
        copy = ["-D", str(data), "-R", "--wal-method=stream", "--checkpoint=fast"]
        run_tool(
            standby, DEFAULT_MAJOR, "pg_basebackup", *where, *copy, environment={"PGPASSWORD": str(address.password)}
        )
        options = (self.data / "postmaster.opts").read_text().split(" ", 1)[1]
        options = options.replace(f'"{self.data}"', f'"{data}"').replace(str(address.port), str(to_port))
        run_tool(
            standby, DEFAULT_MAJOR, "pg_ctl", "-w", "-D", str(data), "-l", str(standby / "log"), "-o", options, "start"
        )
        with psycopg.connect(self.url, autocommit=True) as owner:
            until = time.monotonic() + _SECONDS
            while not owner.execute(STREAMING).fetchall():
                assert time.monotonic() < until, "the standby does not follow"
                time.sleep(0.1)
            owner.execute("alter system set synchronous_standby_names = '*'")
            owner.execute("select pg_reload_conf()")
            owner.execute("select pg_sleep(0.5)")
        self.kill()
        run_tool(standby, DEFAULT_MAJOR, "pg_ctl", "-w", "-D", str(data), "promote")
        shutil.rmtree(self.data, ignore_errors=True)
        self.data, self.taken_over = data, self.taken_over + 1
        self.url = address.set(port=to_port).render_as_string(hide_password=False)
        wait_for_the_server(self.url)

    def kill(self) -> None:
        """At once, with no word to anybody; its processes notice, and end."""
        pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        """Of one that took over: nobody else will."""
        if self.taken_over:
            run_tool(self.data.parent, DEFAULT_MAJOR, "pg_ctl", "-w", "-m", "immediate", "-D", str(self.data), "stop")

    def stand_up(self) -> None:
        """As a service manager does, whatever happened to it."""
        try:
            wait_for_the_server(self.url, 15)
        except AssertionError:
            begin_again(self.data, DEFAULT_MAJOR)
            wait_for_the_server(self.url)
