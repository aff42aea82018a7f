"""Any number of pulls at once: of the same days by schedule, command line and backfill, and of many tenants."""

from datetime import date
from random import Random

import pytest

from tests.faults.restless import Restless
from tests.faults.zygote import Zygote
from tests.ingestion.house import House
from tests.sandbox.world import VapiAccount, in_memory

pytestmark = pytest.mark.usefixtures("november")
DAYS = (date(2026, 11, 9), date(2026, 11, 10))


def test_the_same_days_from_schedule_command_line_and_backfill_at_once_are_read_once_each(
    house: House, zygote: Zygote
) -> None:
    restless = Restless(house, zygote, DAYS)
    for tenant in ("acme", "beta", "gamma"):
        restless.add(tenant)
    random = Random(3)
    for _ in range(3):
        restless.change(random)
        ended = restless.pull(*(restless.run(trigger=trigger) for trigger in ("schedule", "cli", "backfill")))
        assert [one["status"] for one in ended] == [0, 0, 0]
        restless.assert_books_are_true()
        for one in ended:  # to each who asked, every day is done: read by itself, or by whom it waited for
            assert {(tenant, day) for tenant, day, _, _ in one["outcomes"]} == {
                (tenant, str(day)) for tenant in restless.calls for day in DAYS
            }
            assert {state for _, _, state, _ in one["outcomes"]} <= {"published", "unchanged", "already done"}
        for tenant in restless.calls:
            for day in DAYS:  # of those who asked, at least one read it
                good = {"published", "unchanged"}
                assert any([tenant, str(day), state, None] in one["outcomes"] for one in ended for state in good)


def test_runs_that_ask_with_one_key_at_once_keep_its_rate_together(house: House, zygote: Zygote) -> None:
    """Three processes, each allowed 20 requests a second: of their own accord they would start 60."""
    days = [date(2026, 11, day) for day in range(1, 9)]
    house.sandbox.world.vapi["one-key"] = account = VapiAccount(in_memory([]), per_second=32)
    for tenant in ("acme", "beta", "gamma"):
        house.tenant(tenant)
        house.credential(tenant, "vapi", "one-key", requests_per_second=20)
    restless = Restless(house, zygote, tuple(days))
    ended = restless.pull(*(restless.run() | {"tenants": [tenant]} for tenant in ("acme", "beta", "gamma")))
    assert {state for one in ended for _, _, state, _ in one["outcomes"]} == {"published"}
    assert len(house.sandbox.received) == 3 * 2 * len(days)
    assert account.refused == 0
    (pace,) = house.execute("select provider, encode(key_fingerprint, 'escape') as told from ledger.request_paces")
    assert pace["provider"] == "vapi"
    assert "one-key" not in pace["told"]


@pytest.mark.parametrize(("processes", "tenants_each"), [(1, 64), (8, 8)])
def test_04_any_number_of_tenants_loading_at_once_keep_exactly_their_rows(
    house: House, zygote: Zygote, processes: int, tenants_each: int
) -> None:
    restless = Restless(house, zygote, DAYS)
    groups = [[f"tenant-{number}-{place}" for place in range(tenants_each)] for number in range(processes)]
    for tenant in (tenant for group in groups for tenant in group):
        restless.add(tenant, calls_per_day=2)
    ended = restless.pull(*(restless.run() | {"tenants": group} for group in groups))
    assert [one["status"] for one in ended] == [0] * processes
    restless.assert_books_are_true()
