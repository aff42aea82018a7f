"""No session waits or holds without a bound, whoever opens it; and whoever waits says for whom."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import psycopg2
import pytest
from psycopg import errors
from psycopg_pool import ConnectionPool
from sqlalchemy import create_engine
from structlog.testing import capture_logs

from orchestration.dagster_internals import storage
from orchestration.marts import building
from sources.registry import all_sources
from tests.isolation.conftest import AS_OF, House
from tests.warehouse.sources.test_raw_tables import rows_of
from warehouse.database import limits, session
from warehouse.database.connect import Role, connect, opener
from warehouse.database.limits import OF_DAGSTER, OF_PEOPLE, OF_ROLES, Limits
from warehouse.marts.freshness import standing_still
from warehouse.security.database_logins import Access
from warehouse.security.isolation import require_isolation
from warehouse.sources.raw_tables import land

NAMES = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", limits.LONGEST)
IN_FORCE = "select " + ", ".join(f"current_setting('{name}', true)" for name in NAMES)
Seen = tuple[str | None, ...]


def as_shown(bounds: Limits) -> Seen:
    return (*bounds.settings().values(), bounds.longest)


def of_role(house: House, role: Role) -> Seen:
    with connect(house.url, role) as connection:
        return connection.execute(IN_FORCE).fetchone() or ()


def of_pool(house: House, role: Role) -> Seen:
    pool = ConnectionPool("", connection_class=opener(house.url, role), min_size=0, max_size=1, open=True)
    with pool, pool.connection() as connection:
        return connection.execute(IN_FORCE).fetchone() or ()


def of_person(house: House, access: Access) -> Seen:
    with house.as_login(access) as connection:
        return connection.execute(IN_FORCE).fetchone() or ()


@pytest.mark.parametrize("role", Role)
def test_each_role_is_bounded_on_a_connection_and_in_a_pool(house: House, role: Role) -> None:
    assert of_role(house, role) == as_shown(OF_ROLES[role])
    assert of_pool(house, role) == as_shown(OF_ROLES[role])


@pytest.mark.parametrize("access", Access)
def test_each_login_is_bounded_whatever_tool_it_is_used_with(house: House, access: Access) -> None:
    assert of_person(house, access) == as_shown(OF_PEOPLE)


def test_what_lands_is_bounded_by_each_of_its_drivers(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, set[Seen]] = {}
    original = session.Session.establish

    def establish(one: session.Session, cursor: Any) -> None:
        original(one, cursor)
        cursor.execute(IN_FORCE)
        driver = type(cursor).__module__.partition(".")[0]
        seen.setdefault(driver, set()).add(tuple(cursor.fetchone()))

    monkeypatch.setattr(session.Session, "establish", establish)
    land(house.url, all_sources()["vapi"], [rows_of("vapi", 77, 2)], tmp_path)
    assert {driver: seen[driver] for driver in ("psycopg2", "adbc_driver_manager")} == {
        driver: {as_shown(OF_ROLES[Role.LOADER])} for driver in ("psycopg2", "adbc_driver_manager")
    }


def test_dbt_is_bounded(house: House) -> None:
    with psycopg2.connect(house.url) as connection, connection.cursor() as cursor:
        cursor.execute(f"set role {session.for_dbt(Role.TRANSFORMER, '32MB')}")
        cursor.execute(IN_FORCE)
        assert cursor.fetchone() == as_shown(OF_ROLES[Role.TRANSFORMER])


def test_what_dbt_does_of_one_model_is_one_transaction(house: House) -> None:
    with psycopg2.connect(house.url) as connection, connection.cursor() as cursor:
        cursor.execute(f"set role {session.for_dbt(Role.TRANSFORMER, '32MB')}")
        cursor.execute("create table marts.half_done (x int)")
        connection.rollback()
        cursor.execute("select to_regclass('marts.half_done'), current_user, current_setting('search_path')")
        assert cursor.fetchone() == (None, Role.TRANSFORMER, "")


def test_dagsters_own_records_are_bounded(house: House) -> None:
    with create_engine(storage.storage_url(house.url)).connect() as connection:
        assert tuple(connection.exec_driver_sql(IN_FORCE).one()) == as_shown(OF_DAGSTER)


@contextmanager
def held(house: House, statement: str) -> Iterator[None]:
    with psycopg.connect(house.url, application_name="a client left open") as holder:
        holder.execute(statement)  # type: ignore[call-overload]
        yield


def test_who_waits_says_for_whom_and_stops_at_its_bound(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OF_ROLES, Role.OPERATOR, Limits(5, 60, 60, 60))  # type: ignore[arg-type]
    named = r"waited 5 s .* login postgres \(process \d+, a client left open, since"
    with (
        held(house, "lock table control.plans"),
        capture_logs() as logs,
        connect(house.url, Role.OPERATOR) as waiting,
        pytest.raises(errors.LockNotAvailable, match=named),
    ):
        waiting.execute("select * from control.plans")
    (said,) = logs
    assert "a client left open, since" in said["held_by"]


def test_the_preflight_of_a_locked_mart_ends_within_its_bound(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OF_ROLES, Role.ANALYST, Limits(5, 60, 60, 60))  # type: ignore[arg-type]
    begun = time.monotonic()
    with (
        held(house, "lock table marts.fct_calls, marts.dim_build"),
        connect(house.url, Role.ANALYST) as reader,
        suppress(errors.LockNotAvailable),
    ):
        require_isolation(reader)
    assert time.monotonic() - begun < 15


def test_a_build_waits_for_another_and_says_for_which(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with building.recorded(house.url, AS_OF):
        other = threading.Thread(target=_build_nothing, args=(house.url,))
        other.start()
        other.join(4)
        assert other.is_alive()
    other.join(60)
    assert not other.is_alive()
    assert "waiting for the build begun at" in caplog.text


def _build_nothing(url: str) -> None:
    with building.recorded(url, AS_OF):
        pass


def test_a_build_that_lost_a_race_for_a_lock_is_begun_again(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = building.BuildResult(AS_OF, 1, 1, (), 1.0)
    lost = building.BuildFailed(("fct_calls: canceling statement due to lock timeout",))
    ends = iter([lost, built, building.BuildFailed(("fct_calls: division by zero",))])

    def end(*_: object) -> building.BuildResult:
        if isinstance(one := next(ends), Exception):
            raise one
        return one

    monkeypatch.setattr(building, "PAUSES_SECONDS", (0,))
    monkeypatch.setattr(building, "_invoke", lambda *_: None)
    monkeypatch.setattr(building, "_result", end)
    assert building.build(house.url, tmp_path, AS_OF) is built
    with pytest.raises(building.BuildFailed, match="division"):
        building.build(house.url, tmp_path, AS_OF)


def test_an_approval_waits_for_a_build_as_long_as_it_was_asked_to(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OF_ROLES, Role.OPERATOR, Limits(1, 60, 60, 60))  # type: ignore[arg-type]
    with connect(house.url, Role.OPERATOR) as finance:
        with building.recorded(house.url, AS_OF), pytest.raises(errors.LockNotAvailable), standing_still(finance):
            pass
        finance.rollback()
        with building.recorded(house.url, AS_OF):
            waited = threading.Thread(target=_stand_still, args=(finance,))
            waited.start()
            waited.join(3)
            assert waited.is_alive()
        waited.join(60)
        assert not waited.is_alive()


def _stand_still(finance: psycopg.Connection[Any]) -> None:
    with standing_still(finance, patience=60):
        pass
