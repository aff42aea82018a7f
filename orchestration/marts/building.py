"""Building the marts: dbt, run in this process, with everything it writes under the home folder.

Owns the one way dbt is called: the environment its profile reads, the target folder whose parsed manifest is reused,
the lock that lets one build at a time touch the marts. What the models mean is dbt's own business (`dbt_project/`).
"""

import fcntl
import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from orchestration.marts import dbt_process
from orchestration.operations import tracing
from warehouse import clock
from warehouse.automations import runs
from warehouse.currency import NO_DECIMALS
from warehouse.database import session
from warehouse.database.connect import Role, connect, url_for
from warehouse.database.queries import Connection
from warehouse.marts import freshness
from warehouse.outgoing import outbox

log = logging.getLogger(__name__)

PROJECT = Path(__file__).parents[2] / "dbt_project"
# Of two threads, a few at once each: what spills to disk costs twice the processor time.
MEMORY_OF_A_SORT = "32MB"
AFTER_POSTING = "tag:after_posting"
STAGING = PROJECT / "models" / "staging"
# What a view of staging says is said by its words, and those did not change. A test of it and of a table still runs.
STANDING_VIEWS = ("--exclude", "path:models/staging,config.materialized:view", "--indirect-selection", "cautious")
PAUSES_SECONDS = (5, 30, 120)
_LOST_RACES = ("due to lock timeout", "deadlock detected")
PARTS_OF_THE_PROJECT = (".sql", ".yml", ".yaml", ".csv", ".md")


class BuildFailed(Exception):
    """dbt could not build the marts; the message names the first node at fault, `faults` all of them."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        rest = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"the marts were not built: {faults[0]}{rest}")

    @property
    def is_a_lost_race(self) -> bool:
        """Whether somebody else held what it needed for too long: built again, it may succeed."""
        return any(words in fault for fault in self.faults for words in _LOST_RACES)


@dataclass(frozen=True)
class BuildResult:
    """What one build did. `models` and `tests` count the dbt nodes that succeeded; `warnings` are tests that only
    warn."""

    as_of: date
    models: int
    tests: int
    warnings: tuple[str, ...]
    seconds: float


def build(
    url: str,
    home: Path,
    as_of: date | None = None,
    full_refresh: bool = False,
    on_event: Callable[[str], None] | None = None,
) -> BuildResult:
    """Build staging, intermediate and marts as of a UTC day (default: today) and test them.

    From scratch if asked, and where the models are not those of the build before. `on_event` is given each finished
    node in one line. Waits while another build is at work; one that lost a race for a lock is begun again after a
    pause. Raises BuildFailed.
    """
    as_of = as_of or clock.today()
    with recorded(url, as_of) as begun, environment(url, home, as_of):
        return _built(as_of, arguments_of(begun, full_refresh), on_event)


def build_after_posting(url: str, home: Path, as_of: date | None = None) -> BuildResult:
    """The second step of a build alone: what is made of the marts and of what was posted and read back since.

    Waits while a build is at work. Raises BuildFailed.
    """
    as_of = as_of or clock.today()
    with comparing(url), environment(url, home, as_of):
        return _built(as_of, arguments_after_posting(), None)


def arguments_of(begun: freshness.Begun, full_refresh: bool = False) -> list[str]:
    """The arguments of a build that has begun: from scratch if asked or needed, else without the views that stand."""
    if full_refresh or begun.are_models_new:
        return [*build_arguments(), "--full-refresh"]
    return [*build_arguments(), *(STANDING_VIEWS if begun.do_views_stand else ())]


def arguments_after_posting() -> list[str]:
    """The arguments of the second step of a build."""
    return [*build_arguments(), "--select", AFTER_POSTING]


def build_arguments() -> list[str]:
    """The command and arguments of a build: models and data tests. Unit tests say nothing about data; CI runs them."""
    return ["build", "--exclude-resource-type", "unit_test", *variables()]


def manifest(home: Path) -> Path:
    """Path of dbt's manifest; it and `documentation` are made again only when a file of the project changed."""
    target = target_folder(home)
    target.mkdir(parents=True, exist_ok=True)
    path, of_digest = target / "manifest.json", target / "manifest.sha256"
    with (target / "manifest.lock").open("w") as lock:  # several processes of one code location load at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        digest = _digest_of_the_project()
        if not (path.exists() and of_digest.exists() and of_digest.read_text() == digest):
            today = clock.today()
            with environment("postgresql://parse:parse@127.0.0.1:5432/parse", home, today):
                _result(today, _invoke(["parse", *variables()], None))
                page = ["--static", "--empty-catalog", "--no-compile"]
                _result(today, _invoke(["docs", "generate", *page, *variables()], None))
            of_digest.write_text(digest)
    return path


def documentation(home: Path) -> Path:
    """Path of dbt's own pages about the models, one HTML file."""
    return target_folder(home) / "static_index.html"


def target_folder(home: Path) -> Path:
    """Where dbt keeps what it compiled, its partial parse and its manifest."""
    return home.absolute() / "dbt" / "target"


@contextmanager
def right_to_build(url: str) -> Iterator[Connection]:
    """Hold the right to build, waiting and saying so while another has it. It ends with the connection, however that
    ends."""
    with connect(url, Role.TRANSFORMER, autocommit=True) as connection:
        freshness.hold_the_right_to_build(connection, log.warning)
        yield connection


@contextmanager
def comparing(url: str) -> Iterator[None]:
    """Hold the right to build while what was posted is compared; what differs then is told to whoever listens."""
    with tracing.span("build after posting"), right_to_build(url) as connection:
        yield
        outbox.tell_of_differences(connection)


@contextmanager
def recorded(url: str, as_of: date) -> Iterator[freshness.Begun]:
    """Hold the right to build; keep in the ledger when it began, ended and what failed first, for those who read old
    marts. Gives what is there of the models already."""
    with tracing.span("build", day=as_of), right_to_build(url) as connection:
        staging = [path.stem for path in STAGING.rglob("*.sql")]
        begun = freshness.begin_build(connection, as_of, _digest_of_the_project(), staging)
        try:
            yield begun
        except Exception as error:
            fault = _one_line(str(error)) or type(error).__name__
            freshness.end_build(connection, begun.build_id, fault)
            freshness.tell_readers(connection, fault)
            raise
        try:
            with connection.transaction():
                freshness.end_build(connection, begun.build_id)
                outbox.tell_of_build(connection, clock.today())
                runs.begin(connection, clock.today())
        except psycopg.Error:
            # No bill waits for what others are told: whatever was not told now, the next build tells.
            log.exception("the marts are built, and calls that ended were not told or followed")
            freshness.end_build(connection, begun.build_id)


@contextmanager
def environment(url: str, home: Path, as_of: date) -> Iterator[None]:
    """Set what dbt's profile and folders are read from, for the time of one invocation in this process.

    as_of: the UTC day that is today to the models; a variable of dbt's would have the project parsed again each day.
    """
    parts = conninfo_to_dict(url_for(url, Role.TRANSFORMER))
    values = {
        "MINUTEBOOK_DBT_HOST": parts.get("host") or "127.0.0.1",
        "MINUTEBOOK_DBT_PORT": str(parts.get("port") or 5432),
        "MINUTEBOOK_DBT_USER": parts.get("user") or "",
        "MINUTEBOOK_DBT_DBNAME": parts.get("dbname") or "",
        "MINUTEBOOK_DBT_SSLMODE": parts.get("sslmode") or "prefer",
        "DBT_ENV_SECRET_MINUTEBOOK_PASSWORD": parts.get("password") or "",
        "MINUTEBOOK_DBT_SESSION": session.for_dbt(Role.TRANSFORMER, MEMORY_OF_A_SORT),
        dbt_process.PARENT: str(os.getpid()),
        "MINUTEBOOK_DBT_AS_OF": as_of.isoformat(),
        "DBT_PROJECT_DIR": os.fspath(PROJECT),
        "DBT_PROFILES_DIR": os.fspath(PROJECT),
        "DBT_TARGET_PATH": os.fspath(target_folder(home)),
        "DBT_LOG_PATH": os.fspath(home.absolute() / "dbt" / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update({name: str(value) for name, value in values.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def variables() -> list[str]:
    """The variables every command of dbt needs: how amounts are rounded."""
    return ["--vars", json.dumps({"currencies_without_decimals": NO_DECIMALS})]


def _built(as_of: date, arguments: list[str], on_event: Callable[[str], None] | None) -> BuildResult:
    for pause in PAUSES_SECONDS:
        try:
            return _result(as_of, _invoke(["--no-write-json", *arguments], on_event))
        except BuildFailed as failure:
            if not failure.is_a_lost_race:
                raise
            log.warning("%s; building again in %d s", failure, pause)
            time.sleep(pause)
    return _result(as_of, _invoke(["--no-write-json", *arguments], on_event))


def _invoke(arguments: list[str], on_event: Callable[[str], None] | None) -> Any:
    from dbt.cli.main import dbtRunner  # two seconds to import, which no other command needs to pay

    def tell(event: Any) -> None:
        if on_event is not None and event.info.name in {"LogModelResult", "LogTestResult", "LogSeedResult"}:
            on_event(event.info.msg)

    runner = dbtRunner(callbacks=[tell])
    asked = ["--log-level", "none", "--log-level-file", "info", *arguments]
    if threading.current_thread() is not threading.main_thread():
        return runner.invoke(asked)
    # Interrupted, dbt waits for its own threads, and these for PostgreSQL: a thread of ours is left behind instead, and
    # what it did rolled back when the process ends.
    answer: Future[Any] = Future()
    threading.Thread(target=_answer, args=(answer, runner, asked), name="dbt", daemon=True).start()
    return answer.result()


def _answer(answer: Future[Any], runner: Any, asked: list[str]) -> None:
    try:
        answer.set_result(runner.invoke(asked))
    except BaseException as error:  # noqa: BLE001 - whoever waits raises it
        answer.set_exception(error)


def _result(as_of: date, answer: Any) -> BuildResult:
    if answer.exception is not None:
        raise BuildFailed((_one_line(str(answer.exception)),)) from answer.exception
    results = list(getattr(answer.result, "results", None) or [])
    faults = [_fault(result) for result in results if result.status in {"error", "fail", "runtime error"}]
    if faults or not answer.success:
        raise BuildFailed(tuple(faults) or ("dbt gave no reason; see dbt/logs/dbt.log under the home folder",))
    done = [result.node.resource_type for result in results if result.status in {"success", "pass"}]
    return BuildResult(
        as_of=as_of,
        models=sum(kind in {"model", "seed", "snapshot"} for kind in done),
        tests=sum(kind in {"test", "unit_test"} for kind in done),
        warnings=tuple(_fault(result) for result in results if result.status == "warn"),
        seconds=float(getattr(answer.result, "elapsed_time", 0.0)),
    )


def _fault(result: Any) -> str:
    return f"{result.node.name}: {_one_line(result.message or result.status)}"


def _one_line(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return " ".join(lines[:3])


def _digest_of_the_project() -> str:
    """Of all that the models are made of: the project's files, and the variables given to it."""
    digest = hashlib.sha256(json.dumps(variables()).encode())
    for path in sorted(PROJECT.rglob("*")):
        if path.suffix in PARTS_OF_THE_PROJECT and not {"target", "logs"} & set(path.relative_to(PROJECT).parts):
            digest.update(os.fsencode(path.relative_to(PROJECT)) + b"\0" + path.read_bytes())
    return digest.hexdigest()
