"""Whoever holds a mart open neither stops a build for good nor makes other readers wait, and Ctrl-C is heard."""

import os
import signal
import subprocess
import sysconfig
import threading
import time
from datetime import date
from pathlib import Path

import psycopg
import pytest

from tests.isolation.conftest import fill
from tests.marts.warehouse_of_one import Warehouse
from warehouse.database.connect import Role, connect

AS_OF = date(2026, 4, 1)
HELD = "marts.fct_statements"
ENDED = "select object_table, after ->> 'application_name' from ledger.audit_log where action = 'end_blocker'"


@pytest.fixture
def built(warehouse: Warehouse) -> Warehouse:
    fill(warehouse)
    warehouse.build(AS_OF)
    return warehouse


def test_a_reader_who_holds_a_mart_is_ended_and_nobody_else_waits(
    built: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINUTEBOOK_DBT_PATIENCE", "20 seconds")
    waits: list[float] = []
    is_done = threading.Event()

    def read_on() -> None:
        with psycopg.connect(built.url, autocommit=True) as other:
            while not is_done.is_set():
                begun = time.monotonic()
                other.execute(f"select count(*) from {HELD}")
                waits.append(time.monotonic() - begun)
                time.sleep(0.05)

    with psycopg.connect(built.url, application_name="a client left open") as holder:
        holder.execute(f"select * from {HELD}")
        reading = threading.Thread(target=read_on)
        reading.start()
        try:
            result = built.build(AS_OF, full_refresh=True)
        finally:
            is_done.set()
            reading.join()
        assert result.models > 0
        with pytest.raises(psycopg.OperationalError):
            holder.execute("select 1")
    assert max(waits) < 3, "a swap that waits must let readers through"
    audited = built.rows(
        "select object_table, after ->> 'application_name' from ledger.audit_log where action = 'end_blocker'"
    )
    assert audited == [(HELD, "a client left open")]
    assert built.rows("select action from ledger.audit_log where action = 'end_blocker'")


def test_a_reader_who_comes_and_goes_is_left_alone(built: Warehouse) -> None:
    with psycopg.connect(built.url) as holder:
        holder.execute(f"select * from {HELD}")
        timer = threading.Timer(8, holder.rollback)
        timer.start()
        built.build(AS_OF, full_refresh=True)
        timer.join()
        assert holder.execute("select 1").fetchone() == (1,)
    assert built.rows(ENDED) == []


def hearing_ctrl_c() -> None:
    """Tests that run behind a shell's & ignore Ctrl-C, and so would what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_reader_who_came_again_is_not_taken_for_one_that_never_left(built: Warehouse) -> None:
    with (
        psycopg.connect(built.url, application_name="reads again and again") as reader,
        connect(built.url, Role.TRANSFORMER) as swapper,
    ):
        reader.execute(f"select * from {HELD}")
        assert "reads again" in str(swapper.execute("select ledger.blockers(%s::regclass)", [HELD]).fetchone())
        time.sleep(2)
        reader.rollback()
        reader.execute(f"select * from {HELD}")
        swapper.execute("select ledger.end_blockers(%s::regclass, interval '1 second')", [HELD])
        assert reader.execute("select 1").fetchone() == (1,)
        time.sleep(1.5)
        swapper.execute("select ledger.end_blockers(%s::regclass, interval '1 second')", [HELD])
        with pytest.raises(psycopg.OperationalError):
            reader.execute("select 1")


def test_ctrl_c_ends_a_build_that_waits(built: Warehouse, tmp_path: Path) -> None:
    environment = {
        **os.environ, "MINUTEBOOK_DATABASE_URL": built.url, "MINUTEBOOK_HOME": str(tmp_path),
        "MINUTEBOOK_DBT_PATIENCE": "1 hour",
    }  # fmt: skip
    waiting = (
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        " and query like '%swap%' and state <> 'idle'"
    )
    command = [str(Path(sysconfig.get_path("scripts")) / "minutebook"), "build", "--full-refresh"]
    printed = tmp_path / "printed.txt"
    with (
        psycopg.connect(built.url) as holder,
        psycopg.connect(built.url, autocommit=True) as watching,
        printed.open("w") as output,
    ):
        holder.execute(f"select * from {HELD}")
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, preexec_fn=hearing_ctrl_c
        )
        until = time.monotonic() + 300
        while watching.execute(waiting).fetchone() == (0,):
            assert process.poll() is None, printed.read_text()
            assert time.monotonic() < until
            time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.wait(60)  # seconds on a busy machine
        assert process.returncode != 0
        until = time.monotonic() + 20
        while watching.execute(waiting).fetchone() != (0,):
            assert time.monotonic() < until, "what it asked for goes on without it"
            time.sleep(0.3)
