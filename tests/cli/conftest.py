"""The command line as a person runs it: the application itself, on a migrated PostgreSQL."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner, Result

from orchestration.cli import app
from tests.conftest import kept_build
from tests.marts.warehouse_of_one import Warehouse
from tests.money.acme import scan, write_acme

MASTER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "onboard-a-tenant.yaml"

Minutebook = Callable[..., Result]


@pytest.fixture
def minutebook(database_url: str, tmp_path: Path, dbt_home: Path, monkeypatch: pytest.MonkeyPatch) -> Minutebook:
    """Run a command; asserts that it exits as expected, 0 unless `code` says otherwise, None for either."""
    (tmp_path / "home").mkdir()
    (dbt_home / "dbt").mkdir(exist_ok=True)
    (tmp_path / "home" / "dbt").symlink_to(dbt_home / "dbt")
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", database_url)
    monkeypatch.setenv("MINUTEBOOK_MASTER_KEYS", MASTER_KEY)
    monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path / "home"))
    runner = CliRunner()

    def run(line: str, *more: str, code: int | None = 0, given: str | None = None) -> Result:
        result = runner.invoke(app, [*line.split(), *more], input=given)
        assert code in (None, result.exit_code), f"{line} {more}: exit {result.exit_code}\n{result.output}"
        return result

    return run


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The superuser's view of the test's database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def acme(minutebook: Minutebook) -> Minutebook:
    """The command line after the documented example was applied: tenant acme on plan growth."""
    minutebook("tenant apply", str(EXAMPLE))
    return minutebook


@pytest.fixture(scope="session")
def january(postgres_server: str, built_template: str, dbt_home: Path) -> Iterator[str]:
    """A database, built once: acme's January, 12 scans above its 100, and 280 scans yesterday."""

    def make(url: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            warehouse = Warehouse(connection, url, dbt_home)
            write_acme(warehouse, included=100)
            scan(warehouse, "2026-01-05", 100)
            scan(warehouse, "2026-01-06", 12)
            scan(warehouse, f"{datetime.now(UTC).date() - timedelta(days=1)}", 280)
            warehouse.build(datetime.now(UTC).date())

    with kept_build(postgres_server, built_template, make) as url:
        yield str(make_url(url).database)
