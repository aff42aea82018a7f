"""A run is held by one process, as long as its session lasts; the server notices a client that is gone."""

import psycopg
import pytest
from sqlalchemy import create_engine, text

from orchestration.dagster_internals.storage import storage_url
from warehouse.database.connect import Role, connect
from warehouse.database.limits import OF_THE_SERVER
from warehouse.operations import host_runs

RUN, OTHER = "0f6c1d2e-run", "1a2b3c4d-run"
NOTICES = "select name, setting from pg_settings where name = any(%s)"
END_THE_HOLDER = "select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory' and classid = 7746"


def test_a_run_is_held_by_one_process_until_it_ends(database_url: str) -> None:
    assert not host_runs.is_alive(database_url, RUN)
    with host_runs.holding(database_url, RUN) as held:
        assert held is not None
        assert held.lasts()
        assert host_runs.is_alive(database_url, RUN)
        assert not host_runs.is_alive(database_url, OTHER)
        with host_runs.holding(database_url, RUN) as second:
            assert second is None
        with host_runs.holding(database_url, OTHER) as other:
            assert other is not None
    assert not host_runs.is_alive(database_url, RUN)


def test_who_lost_its_session_knows_that_the_run_may_be_anothers(database_url: str) -> None:
    with host_runs.holding(database_url, RUN) as held, psycopg.connect(database_url, autocommit=True) as owner:
        assert held is not None
        owner.execute(END_THE_HOLDER)
        assert not held.lasts()
        with host_runs.holding(database_url, RUN) as second:
            assert second is not None


@pytest.mark.parametrize("role", [Role.OWNER, Role.LOADER, Role.TRANSFORMER, Role.BILLING])
def test_the_server_gives_up_a_client_that_is_gone_without_a_word_in_half_a_minute(
    database_url: str, role: Role
) -> None:
    with connect(database_url, role) as connection:
        found = dict(connection.execute(NOTICES, [list(OF_THE_SERVER)]).fetchall())
    assert found == OF_THE_SERVER
    idle, interval, count = (int(found[f"tcp_keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert idle + interval * count <= 30


def test_so_it_does_with_dagsters_own_sessions(database_url: str) -> None:
    engine = create_engine(storage_url(database_url))
    with engine.connect() as connection:
        names = ", ".join(f"'{name}'" for name in OF_THE_SERVER)
        found = connection.execute(text(f"select name, setting from pg_settings where name in ({names})"))
        assert {row[0]: row[1] for row in found} == OF_THE_SERVER
    engine.dispose()
