"""The bill of the platform's own account is read although no tenant has a scope in it, and its days come back."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from orchestration.ingestion import PullTrigger
from orchestration.settings import Settings
from sources.registry import horizons
from tests.ingestion.house import House, states
from tests.ingestion.late_changes.test_repulls import NOW, again, waiting
from tests.sandbox.openai import Organization
from warehouse.database.connect import Role, connect
from warehouse.ingestion import retry_schedule

DAYS = [NOW.date() - timedelta(days=back) for back in (4, 3, 2, 1)]


@pytest.fixture
def billed(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """acme, and the platform's key at OpenAI, where acme has no project."""
    monkeypatch.setenv("MINUTEBOOK_OPENAI_URL", house.sandbox.url_of("openai"))
    house.sandbox.world.openai["key-of-openai"] = Organization()
    found = replace(house, settings=Settings.from_environment())
    found.tenant("acme")
    found.credential(None, "openai", "key-of-openai")
    return found


def read(house: House, trigger: PullTrigger, *days: date) -> dict[tuple[str | None, date], str]:
    outcomes = house.pull(["acme"], days, ["openai_costs"], trigger=trigger)
    return states(one for one in outcomes if one.tenant_id is None)


def test_a_person_and_the_night_read_it_and_a_backfill_of_a_tenant_does_not(billed: House) -> None:
    assert read(billed, PullTrigger.BACKFILL, DAYS[0]) == {}
    assert read(billed, PullTrigger.CLI, DAYS[0]) == {(None, DAYS[0]): "published"}
    assert read(billed, PullTrigger.SCHEDULE, DAYS[3])[None, DAYS[3]] == "published"


def test_a_day_between_that_no_night_read_comes_back_by_itself(billed: House) -> None:
    with connect(billed.url, Role.LOADER) as connection:
        assert retry_schedule.account_days(connection, NOW, horizons()) == []  # none was ever read
    read(billed, PullTrigger.CLI, DAYS[0])
    read(billed, PullTrigger.CLI, DAYS[2])
    assert {key: status for key, (status, _, _) in waiting(billed).items()} == {
        ("platform", DAYS[1]): "never pulled", ("platform", DAYS[3]): "never pulled",
    }  # fmt: skip
    assert again(billed)[None, DAYS[1]] == "published"
    billed.execute("update control.credentials set retired_at = now()")
    assert waiting(billed) == {}
