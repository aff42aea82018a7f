"""What a provider settles after a month's end is read once more, on whichever night comes first after that."""

from dataclasses import replace
from datetime import date

import pytest

from orchestration.ingestion.late_changes import settling
from orchestration.ingestion.outcomes import AccountDay
from sources import vapi
from tests.ingestion.house import House
from warehouse.database.connect import Role, connect

ASKED = [AccountDay("vapi", "acme", date(2026, 3, 9), ())]
MONTH = [date(2026, 2, 1), date(2026, 2, 28)]
OTHERS = [date(2026, 1, 31), date(2026, 3, 1)]


@pytest.fixture
def read(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A source that is settled on the third; four days of it were read on the second of March."""
    monkeypatch.setattr(settling, "source_named", lambda name: replace(vapi.CALLS, settles_on=3))
    house.tenant("acme")
    house.attach("acme", "vapi_assistant", "a1")
    house.own_vapi("acme", [])
    house.pull(["acme"], [*MONTH, *OTHERS], accept_unconfirmed=True, today=date(2026, 3, 2))
    house.execute("update ledger.pulls set opened_at = '2026-03-02 03:00Z'")
    return house


def due(house: House, today: date) -> list[date]:
    with connect(house.url, Role.LOADER) as connection:
        return sorted(day for _, _, day in settling.settled(connection, ASKED, today))


def test_each_day_of_the_month_before_is_due_once_from_the_day_it_is_settled_on(read: House) -> None:
    assert due(read, date(2026, 3, 2)) == []
    assert due(read, date(2026, 3, 3)) == MONTH
    assert due(read, date(2026, 3, 31)) == MONTH, "a night that did not run is made good by a later one"
    assert due(read, date(2026, 4, 3)) == [date(2026, 3, 1)]
    read.execute("update ledger.pulls set opened_at = '2026-03-03 03:00Z' where usage_date = %s", MONTH[0])
    assert due(read, date(2026, 3, 4)) == MONTH[1:]


def test_a_day_that_was_never_read_well_is_not_read_once_more(read: House) -> None:
    read.execute(
        "update ledger.pulls set state = 'failed', cause = 'x', confirms_pull_id = null where usage_date = %s", MONTH[0]
    )
    assert due(read, date(2026, 3, 3)) == MONTH[1:]


def test_a_source_that_settles_nothing_has_nothing_due(read: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "source_named", lambda name: vapi.CALLS)
    assert due(read, date(2026, 3, 9)) == []
