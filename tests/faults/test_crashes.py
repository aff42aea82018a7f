"""Killed anywhere and run again, a pull ends where an undisturbed one does.

Random moments come from seeds, which the tests' names tell: `FAULT_SEED=17` replays one, `FAULT_SEEDS=200` runs the
first two hundred (`make faults`).
"""

import os
import signal
import time
from datetime import date
from random import Random

import pytest

from tests.faults.restless import Restless
from tests.faults.servers import crash_the_server, restart_the_server, wait_for_the_server
from tests.faults.zygote import DATABASE_LOST, PLACES, Zygote
from tests.ingestion.house import House

pytestmark = pytest.mark.usefixtures("november")
DAYS = tuple(date(2026, 11, day) for day in (8, 9, 10))
TODAY = date(2026, 11, 12)
LATER = "update ledger.pulls set opened_at = opened_at - interval '16 minutes' where state <> 'superseded'"
SEEDS = [int(os.environ["FAULT_SEED"])] if "FAULT_SEED" in os.environ else range(int(os.environ.get("FAULT_SEEDS", 2)))
seeded = pytest.mark.parametrize("seed", SEEDS, ids="FAULT_SEED={}".format)


@pytest.fixture
def restless(house: House, zygote: Zygote) -> Restless:
    """Five tenants, three days, pulled once and changed since."""
    restless = Restless(house, zygote, DAYS)
    for tenant in ("acme", "beta", "gamma", "delta", "epsilon"):
        restless.add(tenant)
    restless.pull()
    restless.assert_books_are_true()
    return restless


def test_12_killed_at_any_step_and_run_again_it_ends_as_the_undisturbed_run(restless: Restless) -> None:
    random = Random(12)
    for place in PLACES:
        for nth in (1, 2) if place in ("read", "publishing") else (1,):
            restless.change(random)
            (ended,) = restless.pull(restless.run(kill_at=[place, nth]))
            assert ended["status"] == -signal.SIGKILL, place
            (ended,) = restless.pull()
            assert ended["status"] == 0
            restless.assert_books_are_true()


def test_a_reading_of_today_that_is_killed_at_any_step_is_done_again_when_it_is_due(
    house: House, zygote: Zygote
) -> None:
    """By the clock, and nobody else: the next reading of the day ends as an undisturbed one."""
    restless, random = Restless(house, zygote, (TODAY,)), Random(13)
    for tenant in ("acme", "beta", "gamma"):
        restless.add(tenant)
    house.execute(
        "insert into control.today_readings (tenant_id, every) select tenant_id, '15 min' from control.tenants"
    )
    reading = restless.run(trigger="today")
    restless.pull(reading)
    for place in PLACES:
        restless.change(random)
        house.execute(LATER)
        (ended,) = restless.pull({**reading, "kill_at": [place, 1]})
        assert ended["status"] == -signal.SIGKILL, place
        house.execute(LATER)
        (ended,) = restless.pull(reading)
        assert ended["status"] == 0
        restless.assert_books_are_true()


@seeded
def test_killed_at_a_random_moment_again_and_again_it_ends_as_the_undisturbed_run(
    restless: Restless, seed: int
) -> None:
    random = Random(seed)
    for _ in range(3):
        restless.change(random)
        restless.pull(restless.run(kill_after=random.uniform(0.02, 1.2)))
    restless.change(random)
    assert [ended["status"] for ended in restless.pull()] == [0]
    restless.assert_books_are_true()


@seeded
def test_a_server_that_crashes_or_restarts_under_it_costs_a_rerun_and_nothing_else(
    restless: Restless, seed: int
) -> None:
    random = Random(seed)
    restless.change(random)
    restless.start(restless.run())
    time.sleep(random.uniform(0.1, 0.8))  # where it hits is what the seed decides
    (crash_the_server, restart_the_server)[seed % 2](restless.house.url)
    (ended,) = restless.zygote.ended()
    assert ended["status"] in (0, DATABASE_LOST)
    wait_for_the_server(restless.house.url)
    assert [ended["status"] for ended in restless.pull()] == [0]
    restless.assert_books_are_true()


def test_a_full_working_folder_fails_what_did_not_land_and_nothing_else(restless: Restless) -> None:
    restless.change(Random(5))
    before = restless.house.current_calls()
    (ended,) = restless.pull(restless.run(largest_file=4096))
    assert ended["status"] == 0
    states = {(state, code) for _, _, state, code in ended["outcomes"]}
    assert ("failed", "landing_failed") in states
    assert states <= {("failed", "landing_failed"), ("unchanged", None), ("published", None)}
    causes = {row["cause"] for row in restless.house.ledger() if row["cause_code"] == "landing_failed"}
    assert all("File too large" in cause for cause in causes), causes
    assert restless.house.current_calls() <= before
    restless.pull()
    restless.assert_books_are_true()
