"""A real PostgreSQL: the server starts once, each test gets a fresh copy of a migrated database."""

import gc
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy.engine import make_url

from orchestration.installing import install
from orchestration.marts import building
from tests.moved.machine import run_moved
from tests.replaying import Replay
from warehouse.database.embedded import DEFAULT_MAJOR, running

TEMPLATE = "migrated_template"
BUILDING = "test_built"
# Nothing here has to survive a power cut, be replicated, or last long enough for a vacuum.
FAST_AND_LOOSE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "128MB",
    "autovacuum": "off",
}
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
ROOM_BYTES = 4 << 30
EVENING, HALF_A_DAY = 18, 43_200
LONG_AGO = date(1999, 12, 31)

# A process that is started reads compiled modules: to compile dagster, dbt and ours takes it three times as long as to
# import them, and an environment may forbid to keep what was compiled.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# dbt's manifest and the collected tests are a million objects that stay: looking for garbage among them is a tenth of a
# build.
gc.set_threshold(100_000, 50, 50)

# Each client reads the certificates that it trusts, which takes longer than what most tests ask: they are read once.
httpx._transports.default.create_ssl_context = cache(httpx.create_ssl_context)


def database_of(url: str, database: str) -> str:
    """The same server, another database."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def administer(url: str, statement: str, *names: str) -> None:
    """Run one statement of CREATE or DROP DATABASE, names filled in as identifiers."""
    filled = SQL(statement).format(*map(Identifier, names))  # type: ignore[arg-type]
    try:
        administrator(url).execute(filled)
    except psycopg.OperationalError:
        if not administrator(url).broken:
            raise
        administrator.cache_clear()  # a test has crashed or restarted its server
        administrator(url).execute(filled)


@cache
def administrator(url: str) -> psycopg.Connection:
    """One connection for all of a server's databases: to connect takes longer than to copy one."""
    return psycopg.connect(url, autocommit=True)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main() -> int | None:
    """A session keeps to one day, whose tests and fixtures may say "today" at any time: what starts in the evening runs
    as if it were morning, where there is a compiler to move the clock with."""
    if datetime.now(UTC).hour < EVENING or shutil.which("cc") is None:
        return None
    return run_moved([sys.executable, *sys.orig_argv[1:]], -HALF_A_DAY)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--by-dbt", action="store_true", help="have dbt itself do every build, and send nothing again")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads what the developer's shell has set for Minutebook, PostgreSQL, Dagster, dbt or dlt."""
    for name in list(os.environ):
        if name.startswith(("MINUTEBOOK_", "PG", "DAGSTER_", "DBT_", "DESTINATION__", "RUNTIME__")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def server_of_major() -> Iterator[Callable[[int], str]]:
    """Starts the server of a major at its first use; gives the superuser's URL of a server with a migrated template."""
    with ExitStack() as servers:
        urls: dict[int, str] = {}

        def started(major: int) -> str:
            if major not in urls:
                home = Path(tempfile.mkdtemp(prefix=f"minutebook-{major}-", dir=quickest_folder()))
                servers.callback(shutil.rmtree, home)
                url = servers.enter_context(running(home, major, FAST_AND_LOOSE))
                administer(url, "create database {}", TEMPLATE)
                install(database_of(url, TEMPLATE))
                make_signing_in_cheap(url, major)
                urls[major] = url
            return urls[major]

        yield started


def quickest_folder() -> Path | None:
    """Where a server's files cost least: in memory if there is room for them. A thousand databases of 1,500 files each
    are made and dropped here, and each build makes a thousand more."""
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    return MEMORY if has_room else None


def make_signing_in_cheap(url: str, major: int) -> None:
    """The superuser's password is hashed once and not 4,096 times: dbt signs in again for each of its 300 nodes."""
    if major >= 16:  # the setting's first
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("set scram_iterations = 1")
            password = Literal(conninfo_to_dict(url)["password"])
            connection.execute(SQL("alter role postgres password {}").format(password))


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all workers: what one of them made, another need not make."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def dbt_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One target folder for all tests that build in one process, and one name for their databases: dbt then parses the
    project once."""
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture(scope="session")
def postgres_server(server_of_major: Callable[[int], str]) -> str:
    """Superuser's URL of the session's PostgreSQL 18. tests/warehouse overrides it with every major of the wheel."""
    return server_of_major(DEFAULT_MAJOR)


@pytest.fixture(scope="session")
def replay(postgres_server: str, session_folder: Path, request: pytest.FixtureRequest) -> Iterator[Replay]:
    """What builds in this session, unless dbt itself is to."""
    replay = Replay(building._invoke, BUILDING, str(make_url(postgres_server).port), session_folder)
    with pytest.MonkeyPatch.context() as patch:
        if not request.config.getoption("by_dbt"):
            patch.setattr(building, "_invoke", replay)
        yield replay


@pytest.fixture(scope="session")
def built_template(postgres_server: str, dbt_home: Path, replay: Replay) -> Iterator[str]:
    """Name of a migrated database in which the marts were built once, of nothing: a build of a copy makes what changed,
    which takes half as long, and mostly without dbt (replaying.py). What was built is long ago."""

    def make(url: str) -> None:
        building.build(url, dbt_home, LONG_AGO)
        with psycopg.connect(url) as connection:
            connection.execute("update ledger.builds set started_at = as_of, ended_at = as_of")

    with kept_build(postgres_server, TEMPLATE, make) as url:
        yield str(make_url(url).database)


@pytest.fixture
def empty_database_url(postgres_server: str) -> Iterator[str]:
    """Superuser's URL of a database of this test's own, not migrated."""
    with own_database(postgres_server, "template0") as url:
        yield url


@pytest.fixture
def database_url(postgres_server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Superuser's URL of a migrated database of this test's own; of one that is built, too, for a test that builds."""
    if "dbt_home" not in request.fixturenames:
        database = own_database(postgres_server)
    elif request.node.get_closest_marker("unbuilt"):
        request.getfixturevalue("replay")
        database = own_database(postgres_server, name=BUILDING)
    else:
        database = own_database(postgres_server, request.getfixturevalue("built_template"), BUILDING)
    with database as url:
        yield url


@contextmanager
def kept_build(server: str, template: str, make: Callable[[str], None]) -> Iterator[str]:
    """Superuser's URL of a copy of the template to keep for many tests, which `make` fills and builds: under the one
    name that is not parsed for again, and renamed then."""
    with own_database(server, template) as url:
        name = str(make_url(url).database)
        administer(server, "alter database {} rename to {}", name, BUILDING)
        try:
            make(database_of(server, BUILDING))
        finally:
            administer(server, "alter database {} rename to {}", BUILDING, name)
        yield url


@contextmanager
def own_database(server: str, template: str = TEMPLATE, name: str | None = None) -> Iterator[str]:
    """Superuser's URL of a fresh copy of the template, dropped afterwards."""
    name = name or f"test_{secrets.token_hex(6)}"
    administer(server, "create database {} template {} strategy file_copy", name, template)
    try:
        if template != "template0":  # what the copy of a database forgets of warehouse.install.close_doors
            administer(server, "revoke temporary on database {} from public", name)
            administer(server, "grant temporary on database {} to minutebook_transformer", name)
        yield database_of(server, name)
    finally:
        administer(server, "drop database {} with (force)", name)
