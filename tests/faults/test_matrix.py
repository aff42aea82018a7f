"""A build and an approval, killed or without their database at any step, and begun again: they end as undisturbed.

Pulls: test_crashes.py. Posts: tests/stripe_billing/simulate.py. What serves: test_serving.py. `FAULT_SEED=17` replays
one, `FAULT_SEEDS=200` runs the first two hundred (`make faults`).
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from orchestration.marts import building
from tests.conftest import BUILDING, own_database
from tests.faults.servers import crash_the_server, restart_the_server, wait_for_the_server
from tests.faults.test_crashes import seeded
from tests.isolation.conftest import AS_OF, OURS, QUIET, THEIRS, fill
from tests.marts.warehouse_of_one import Warehouse, call, opened
from tests.replaying import dbt_itself
from warehouse.database.connect import Role, connect
from warehouse.statements import approval, explain, periods
from warehouse.statements.periods import Month, broken_seals

TENANTS = (OURS, QUIET, THEIRS)
MARCH = Month.parse("2026-03")
NODES = 150  # of a build, nearly
LINES = "select to_jsonb(l) - 'frozen_at' from ledger.statement_lines as l order by l.line_id"
STATES = "select distinct state from ledger.periods where period_start = '2026-03-01'"
Fault = Callable[[str], object]


def kill(_: str) -> None:
    """This process, at once."""
    os.kill(os.getpid(), signal.SIGKILL)


FAULTS: tuple[Fault, ...] = (kill, crash_the_server, restart_the_server)
# Where an approval may be met: the owner of a function, and its name; before it and after it.
PLACES: dict[str, tuple[Any, str]] = {
    "held": (approval, "_approve_tenant"),
    "frozen": (approval, "_freeze"),
    "explained": (explain, "freeze"),
    "set": (periods, "set_state"),
}


@pytest.fixture
def warehouse(postgres_server: str, dbt_home: Path, built_template: str) -> Iterator[Warehouse]:
    """Of this test's own, built, with a month to approve; its server may crash."""
    with own_database(postgres_server, built_template, BUILDING) as url:
        first = opened(url, dbt_home)
        fill(first)
        first.build(AS_OF)
        first.connection.close()
        yield first


def in_a_process(work: Callable[[], object]) -> int:
    """Run it in a process of its own; how that ended."""
    child = os.fork()
    if child == 0:
        status = 1
        with suppress(Exception):  # that its database went away
            work()
            status = 0
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@seeded
def test_a_build(warehouse: Warehouse, seed: int) -> None:
    random, fault = Random(seed), FAULTS[seed % len(FAULTS)]
    left = iter(range(random.randint(1, NODES), -1, -1))

    def disturb(_: str) -> None:
        if next(left, -1) == 0:
            fault(warehouse.url)

    again = opened(warehouse.url, warehouse.home)
    again.calls(QUIET, "2026-03-02", [call(f"late-{number}", "61") for number in range(3)])
    again.connection.close()
    in_a_process(lambda: _build(warehouse, disturb))
    wait_for_the_server(warehouse.url)
    after = opened(warehouse.url, warehouse.home)
    after.build(AS_OF)
    found = after.marts()
    after.build(AS_OF, full_refresh=True)
    assert found == after.marts()
    after.connection.close()


def _build(warehouse: Warehouse, disturb: Callable[[str], None]) -> None:
    building._invoke = dbt_itself()  # which reports each node when it is made
    building.build(warehouse.url, warehouse.home, AS_OF, full_refresh=True, on_event=disturb)


def approve(url: str) -> None:
    """Of all tenants, each in a transaction of its own."""
    with connect(url, Role.OPERATOR) as finance:
        approval.approve(finance, approval.Scope(MARCH, TENANTS), "finance", today=AS_OF, override="meant", patience=60)


@seeded
def test_an_approval(warehouse: Warehouse, postgres_server: str, seed: int) -> None:
    random, fault = Random(seed), FAULTS[seed % len(FAULTS)]
    with own_database(postgres_server, BUILDING, "test_undisturbed") as undisturbed:
        approve(undisturbed)
        with psycopg.connect(undisturbed) as books:
            expected = books.execute(LINES).fetchall()
    owner, name = PLACES[random.choice(sorted(PLACES))]
    original, turn, is_before = getattr(owner, name), random.randint(1, 3), random.random() < 0.5
    passes = iter(range(1, 1_000))

    def disturbed(*arguments: Any, **named: Any) -> Any:
        is_now = next(passes) == turn
        if is_now and is_before:
            fault(warehouse.url)
        result = original(*arguments, **named)
        if is_now and not is_before:
            fault(warehouse.url)
        return result

    def disturbed_approval() -> None:
        setattr(owner, name, disturbed)
        approve(warehouse.url)

    in_a_process(disturbed_approval)
    wait_for_the_server(warehouse.url)
    approve(warehouse.url)
    with psycopg.connect(warehouse.url) as books:
        assert books.execute(STATES).fetchall() == [("approved",)]
        assert broken_seals(books) == []
        assert books.execute(LINES).fetchall() == expected != []
