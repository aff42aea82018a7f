"""What nobody reads is purged after a while; what is current, young, or explains a frozen line never is."""

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from orchestration.defs.ingestion.jobs import purge_raw
from orchestration.resources import Minutebook
from tests.ingestion.house import House, call
from tests.sandbox.world import VapiAccount, in_memory
from warehouse.database.connect import Role, connect
from warehouse.sources import retention

DAY = datetime.now(UTC).date() - timedelta(days=2)
LONG_AGO = "update ledger.pulls set closed_at = closed_at - interval '40 days' where pull_id = any(%s)"
LEFT = "select pull_id, count(*) as calls from raw_vapi.calls group by pull_id order by pull_id"


@pytest.fixture
def restated(house: House) -> list[int]:
    """Pulls of one day, the last of which is current; one call more each time."""
    house.tenant("acme")
    for number in (1, 2, 3):
        calls = [call(f"c{n}", DAY) for n in range(number)]
        key = house.own_vapi("acme", calls) if number == 1 else "private-key-of-acme-at-vapi"
        house.sandbox.world.vapi[key] = VapiAccount(in_memory(calls))
        house.pull(["acme"], [DAY])
    return [row["pull_id"] for row in house.ledger()]


def purged(house: House, at_most: int = 10_000) -> int:
    with connect(house.url, Role.OPERATOR, autocommit=True) as operator:
        before = datetime.now(UTC) - timedelta(days=35)
        return sum(one.raw_rows for one in retention.purge(operator, before, at_most))


def left(house: House) -> dict[int, int]:
    return {row["pull_id"]: row["calls"] for row in house.execute(LEFT)}


def freeze(house: House, at: str, first: date = DAY, last: date = DAY) -> None:
    """A line about these days, frozen at a moment."""
    house.execute(
        "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
        " values ('acme', %s, %s, 'approved', 'sealed')",
        first, last + timedelta(days=1),
    )  # fmt: skip
    house.execute(
        "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, amount, currency,"
        " service_period_start, service_period_end, inputs, frozen_at)"
        f" values ('acme/line', 'acme', %s, 'overage', 1, 'USD', %s, %s, '{{}}', {at})",
        first, first, last + timedelta(days=1),
    )  # fmt: skip


def test_only_old_rows_of_superseded_pulls_go(house: House, restated: list[int]) -> None:
    first, second, current = restated
    assert purged(house) == 0  # all of them are young
    house.execute(LONG_AGO, [first, current])
    assert purged(house) == 1
    assert left(house) == {second: 2, current: 3}
    assert purged(house) == 0
    marked = [row["pull_id"] for row in house.ledger() if row["purged_at"]]
    assert marked == [first]


def test_what_a_failed_pull_had_landed_goes_too(house: House, restated: list[int]) -> None:
    house.execute("update ledger.pulls set state = 'failed', cause = 'died' where pull_id = %s", restated[0])
    house.execute(LONG_AGO, restated)
    purged(house)
    assert left(house) == {restated[-1]: 3}


@pytest.mark.parametrize(("frozen_after", "kept"), [(0, {0: 1, 2: 3}), (1, {1: 2, 2: 3}), (2, {2: 3})])
def test_what_was_current_when_a_line_was_frozen_stays(
    house: House, restated: list[int], frozen_after: int, kept: dict[int, int]
) -> None:
    house.execute(LONG_AGO, restated)
    freeze(house, f"(select closed_at from ledger.pulls where pull_id = {restated[frozen_after]})")
    purged(house)
    assert left(house) == {restated[place]: calls for place, calls in kept.items()}


def test_a_line_about_other_days_keeps_nothing(house: House, restated: list[int]) -> None:
    house.execute(LONG_AGO, restated)
    freeze(house, "now()", DAY - timedelta(days=9), DAY - timedelta(days=1))
    purged(house)
    assert left(house) == {restated[-1]: 3}


def test_small_batches_end_where_one_large_one_does(house: House, restated: list[int]) -> None:
    house.execute(LONG_AGO, restated)
    assert purged(house, at_most=1) == 3
    assert left(house) == {restated[-1]: 3}
    assert {row["pull_id"] for row in house.ledger() if row["purged_at"]} == set(restated[:-1])


def test_a_dry_run_counts_and_deletes_nothing(house: House, restated: list[int]) -> None:
    house.execute(LONG_AGO, restated)
    freeze(house, f"(select closed_at from ledger.pulls where pull_id = {restated[0]})")
    with connect(house.url, Role.TRANSFORMER) as reader:
        (row,) = retention.waiting(reader, datetime.now(UTC) - timedelta(days=35))
    assert row == {"source": "vapi", "pulls": 1, "raw_rows": 2, "kept_pulls": 1, "kept_rows": 1}
    assert left(house) == dict(zip(restated, (1, 2, 3), strict=True))


def test_whoever_purges_can_name_no_row_and_no_young_one(house: House, restated: list[int]) -> None:
    with connect(house.url, Role.OPERATOR, autocommit=True) as operator:
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="a day at least"):
            retention.purge(operator, datetime.now(UTC))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            operator.execute("delete from raw_vapi.calls")
    for role in (Role.LOADER, Role.TRANSFORMER, Role.BILLING, Role.ANALYST):
        with connect(house.url, role) as other, pytest.raises(psycopg.errors.InsufficientPrivilege):
            other.execute("select ledger.purge_raw(now() - interval '9 days', 1)")


def test_the_daily_job_purges_what_the_setting_says(
    house: House, restated: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.execute(LONG_AGO, restated)
    monkeypatch.setenv("MINUTEBOOK_SUPERSEDED_DAYS", "50")
    assert purge_raw.execute_in_process(resources={"minutebook": Minutebook()}).success
    assert len(left(house)) == 3
    monkeypatch.setenv("MINUTEBOOK_SUPERSEDED_DAYS", "35")
    assert purge_raw.execute_in_process(resources={"minutebook": Minutebook()}).success
    assert left(house) == {restated[-1]: 3}
