"""Starts pulls as processes of their own that can be killed, without each paying for its imports.

Reads one JSON command per line and answers with one: `{"environment": …, "runs": [{"tenants", "days", "trigger",
"kill_at": [place, nth] | null, "kill_after": seconds | null, "largest_file": bytes | null, "memory": bytes more than it
has | null}]}`. The runs of a command
are forked at once; the answer is `{"ended": [{"status": negative signal or exit code, "outcomes": [[tenant, day,
state, cause code]]}]}`.
"""

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from orchestration.ingestion import PullOutcome, PullTrigger, TenantDay, pull, pull_today
from orchestration.ingestion.reading import Readers
from orchestration.settings import Settings
from warehouse.database.errors import DatabaseUnreachable
from warehouse.ingestion import pulls
from warehouse.sources import raw_tables

# Where a run can be killed: the owner of a function, its name, and whether it dies before or after it.
PLACES: dict[str, tuple[Any, str, bool]] = {
    "claimed": (pulls, "claim", False),
    "read": (Readers, "read", False),
    "landing": (raw_tables, "land", True),
    "landed": (raw_tables, "land", False),
    "publishing": (pulls, "_reported", False),  # in the transaction, after the former pull was superseded
    "published": (pulls, "publish", False),
}
DATABASE_LOST = 3  # exit code of a run that told so
PRELOADED = ("dlt", "dlt.destinations", "adbc_driver_postgresql.dbapi", "pyarrow.parquet")


def main() -> None:
    """Serve commands until the input ends."""
    for name in PRELOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        command = json.loads(line)
        forked = [_fork(command["environment"], run) for run in command["runs"]]
        ended = []
        for pid, report, timer in forked:
            _, status = os.waitpid(pid, 0)
            if timer:
                timer.cancel()
            with os.fdopen(report) as pipe:
                ended.append({"status": os.waitstatus_to_exitcode(status), "outcomes": json.loads(pipe.read() or "[]")})
        sys.stdout.write(json.dumps({"ended": ended}) + "\n")
        sys.stdout.flush()


def _fork(environment: dict[str, str], run: dict[str, Any]) -> tuple[int, int, threading.Timer | None]:
    report, reported = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(report)
        status = 1
        try:
            with os.fdopen(reported, "w") as pipe:
                json.dump(_pull(environment, run), pipe)
            status = 0
        except DatabaseUnreachable:
            status = DATABASE_LOST
        except BaseException:  # noqa: BLE001 - it goes to stderr, and the exit code says so
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(reported)
    timer = None
    if run["kill_after"] is not None:
        timer = threading.Timer(run["kill_after"], os.kill, (pid, signal.SIGKILL))
        timer.start()
    return pid, report, timer


def _pull(environment: dict[str, str], run: dict[str, Any]) -> list[list[str | None]]:
    os.environ.update(environment)
    if run["kill_at"]:
        _kill_at(*run["kill_at"])
    if run["largest_file"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (run["largest_file"], resource.RLIM_INFINITY))
    if run["memory"]:
        bound = psutil.Process().memory_info().vms + run["memory"]
        resource.setrlimit(resource.RLIMIT_AS, (bound, resource.RLIM_INFINITY))
    settings = Settings.from_environment(environment)
    if run["trigger"] == PullTrigger.TODAY:
        return [_told(one) for one in pull_today(str(settings.database_url), settings)]
    asked = [TenantDay(tenant, date.fromisoformat(day)) for day in run["days"] for tenant in run["tenants"]]
    outcomes = pull(str(settings.database_url), settings, asked, ["vapi"], PullTrigger(run["trigger"]))
    return [_told(one) for one in outcomes]


def _told(one: PullOutcome) -> list[str | None]:
    return [one.tenant_id, str(one.usage_date), one.state.value, one.cause_code]


def _kill_at(place: str, nth: int) -> None:
    owner, name, before = PLACES[place]
    original: Callable[..., Any] = getattr(owner, name)
    passes = iter(range(1, 10**9))

    def deadly(*arguments: Any, **named: Any) -> Any:
        turn = next(passes)
        if before and turn == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **named)
        if turn == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)


class Zygote:
    """The parent's end: starts runs and tells how they ended."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def start(self, environment: dict[str, str], *runs: dict[str, Any]) -> None:
        """Fork these runs at once."""
        usual = {"trigger": "cli", "kill_at": None, "kill_after": None, "largest_file": None, "memory": None}
        command = {"environment": environment, "runs": [usual | run for run in runs]}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def ended(self) -> list[dict[str, Any]]:
        """How the runs of the last command ended; waits for them."""
        assert self._process.stdout
        ended: list[dict[str, Any]] = json.loads(self._process.stdout.readline())["ended"]
        return ended

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


if __name__ == "__main__":
    main()
