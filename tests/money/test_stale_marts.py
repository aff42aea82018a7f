"""Marts that are old say so wherever numbers are read from them: since when, and why no newer ones replaced them."""

import threading
import time

import pytest

from orchestration.marts.building import BuildFailed, right_to_build
from tests.marts.warehouse_of_one import Warehouse
from tests.money.acme import FEBRUARY_3, scan, write_acme
from warehouse.database.connect import Role, connect
from warehouse.marts.freshness import PATIENCE_OF_A_DECISION, MartsBehind, require_fresh, standing_still


def test_a_decision_waits_for_the_build_under_way_and_no_longer_than_it_says(warehouse: Warehouse) -> None:
    assert PATIENCE_OF_A_DECISION <= 30
    with connect(warehouse.url, Role.TRANSFORMER, autocommit=True) as build:
        build.execute("select pg_advisory_lock(7734, 0)")
        ended = threading.Timer(1.0, build.execute, ["select pg_advisory_unlock(7734, 0)"])
        ended.start()
        began = time.monotonic()
        with connect(warehouse.url, Role.OPERATOR) as operator, standing_still(operator, PATIENCE_OF_A_DECISION):
            assert 0.5 < time.monotonic() - began < PATIENCE_OF_A_DECISION
            (later,) = build.execute("select pg_try_advisory_lock(7734, 0)")
            assert later == (False,), "the next build begins after it"
        ended.join()


def test_a_decision_goes_before_the_build_that_waited_longer(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    order: list[str] = []

    def build() -> None:
        with right_to_build(warehouse.url):
            order.append("build")

    def decide() -> None:
        with connect(warehouse.url, Role.OPERATOR) as operator, standing_still(operator, PATIENCE_OF_A_DECISION):
            order.append("decision")
            time.sleep(0.2)

    waiting = [threading.Thread(target=what) for what in (build, build, decide, decide)]
    with right_to_build(warehouse.url):
        for number, thread in enumerate(waiting, 1):
            thread.start()
            until = time.monotonic() + 20
            while warehouse.rows("select count(*) from pg_locks where locktype = 'advisory' and not granted") != [
                (number,)
            ]:
                assert time.monotonic() < until, "nothing waits for the build"
                time.sleep(0.05)
    for thread in waiting:
        thread.join(60)
    assert "waiting for a build by login postgres (process" in caplog.text, "and says for whom"
    assert order == ["decision", "decision", "build", "build"]


def test_old_marts_tell_their_age_and_why_the_last_build_failed(warehouse: Warehouse) -> None:
    write_acme(warehouse)
    scan(warehouse, "2026-01-10", 2)
    warehouse.build(FEBRUARY_3)
    with connect(warehouse.url, Role.OPERATOR) as operator:
        require_fresh(operator, FEBRUARY_3)
    scan(warehouse, "2026-01-10", 3)
    with connect(warehouse.url, Role.OPERATOR) as operator, pytest.raises(MartsBehind):
        require_fresh(operator, FEBRUARY_3, ["acme"])
    with connect(warehouse.url, Role.OPERATOR) as operator, standing_still(operator):
        require_fresh(operator, FEBRUARY_3, ["bolt"])  # a pull of another tenant's account moves no statement of its
        assert warehouse.rows("select pg_try_advisory_lock(7734, 0)") == [(False,)], "no build meanwhile"
    warehouse.connection.execute("revoke select on control.prices from minutebook_transformer")
    with pytest.raises(BuildFailed):
        warehouse.build(FEBRUARY_3)
    with (
        connect(warehouse.url, Role.OPERATOR) as operator,
        pytest.raises(
            MartsBehind,
            match=r"\(built \d+ \w{3} 20.* UTC; a build failed \d+ \w{3} 20.* UTC: the marts were not built: ",
        ),
    ):
        require_fresh(operator, FEBRUARY_3)
    assert warehouse.rows("select quantity from marts.fct_line_days") == [(2,)], "the last good build stands"
    with connect(warehouse.url, Role.ANALYST) as analyst:
        ((has_failed, fault),) = analyst.execute("select failed_at is not null, fault from marts.dim_build").fetchall()
    assert has_failed, "who sees the marts alone is told too"
    assert fault.startswith("the marts were not built: ")
