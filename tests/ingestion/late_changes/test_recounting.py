"""Rows that turn up late on an older day are noticed at every source that bills: it is counted again each night."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from orchestration.defs.ingestion.schedules import TRAILING_DAYS
from orchestration.ingestion import PullTrigger
from orchestration.ingestion.late_changes.recounting import differing_days
from tests.ingestion.house import LONG_AGO, House, states
from tests.sandbox.faults import FOREVER, status
from tests.sandbox.story import MetricRow
from tests.sandbox.usage_database import write_usage
from tests.sandbox.world import StableRow, VoiceflowProject
from warehouse import clock

TODAY = clock.today()
TRAILING = [TODAY - timedelta(days=n) for n in range(1, TRAILING_DAYS + 1)]
OLD, OLDER = TODAY - timedelta(days=15), TODAY - timedelta(days=20)
PROJECT = "66f0a1b2c3d4e5f600000001"


def scans(count: int, day: date, agent: str = "agent-1") -> list[MetricRow]:
    at = datetime.combine(day, time(9), UTC)
    return [MetricRow(agent, "ocr_scan", Decimal(1), Decimal("0.0750"), at) for _ in range(count)]


@pytest.fixture
def metered(house: House, empty_database_url: str) -> House:
    """A tenant whose agent's scans are in the platform's database: five of an old day, pulled."""
    house.tenant("acme")
    house.attach("acme", "usage_agent", "agent-1")
    write_usage(empty_database_url, scans(5, OLD))
    addresses = {**house.settings.addresses, "USAGE_DATABASE_URL": empty_database_url}
    settings = replace(house.settings, addresses=addresses)
    house = replace(house, settings=settings)
    house.pull(["acme"], [OLDER, OLD, *TRAILING], ["usage_metrics"])
    return house


def night(house: House, *sources: str) -> dict[tuple[str | None, date], str]:
    """How the older days ended that a night pulled."""
    outcomes = house.pull(["acme"], TRAILING, sources, trigger=PullTrigger.SCHEDULE)
    return {key: state for key, state in states(outcomes).items() if key[1] not in TRAILING}


def current(house: House, table: str, column: str = "quantity") -> Any:
    (row,) = house.execute(
        f"select sum({column})::int as total from {table} join ledger.pulls using (pull_id) where state = 'published'"
    )
    return row["total"]


def test_scans_that_were_committed_late_are_found_by_the_night(metered: House) -> None:
    url = metered.settings.addresses["USAGE_DATABASE_URL"]
    assert night(metered, "usage_metrics") == {}
    write_usage(url, scans(100, OLD))
    assert night(metered, "usage_metrics") == {("acme", OLD): "published"}
    assert current(metered, "raw_usage_metrics.metrics") == 105
    assert night(metered, "usage_metrics") == {}
    write_usage(url, scans(2, OLDER))
    write_usage(url, scans(3, OLD, "stray"))
    assert night(metered, "usage_metrics") == {("acme", OLDER): "published", (None, OLD): "published"}
    assert current(metered, "raw_usage_metrics.metrics") == 110


@pytest.mark.parametrize("change", ["quantity = 2", "cost_usd = 0.1"])
def test_a_row_that_was_corrected_is_found_though_no_row_came(metered: House, change: str) -> None:
    with psycopg.connect(metered.settings.addresses["USAGE_DATABASE_URL"]) as platform:
        platform.execute(
            f"update agent_usage_metrics set {change} where ctid = (select min(ctid) from agent_usage_metrics)"  # type: ignore[arg-type]
        )
    assert night(metered, "usage_metrics") == {("acme", OLD): "published"}
    assert night(metered, "usage_metrics") == {}


def test_what_the_platform_tidied_up_is_not_taken_for_a_correction(metered: House) -> None:
    url = metered.settings.addresses["USAGE_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as platform:
        platform.execute("delete from agent_usage_metrics where ctid = (select min(ctid) from agent_usage_metrics)")
        assert night(metered, "usage_metrics") == {}
    write_usage(url, scans(1, OLDER))
    assert night(metered, "usage_metrics") == {("acme", OLDER): "published"}
    # An earlier day is as it was read: nobody tidied up to here, the row was taken back.
    assert night(metered, "usage_metrics") == {("acme", OLD): "published"}
    assert current(metered, "raw_usage_metrics.metrics") == 5


@pytest.fixture(params=["v2", "stable"])
def chatting(request: pytest.FixtureRequest, house: House) -> tuple[House, Callable[[date, int], None]]:
    """A tenant with a project, whose key is of either generation; and what adds interactions to a day of it."""
    house.tenant("acme")
    house.execute(
        "insert into control.agent_attachments (kind, value, tenant_id, agent_id, valid_from)"
        " values ('voiceflow_project', %s, %s, %s, %s)",
        PROJECT, "acme", "acme-agent", LONG_AGO,
    )  # fmt: skip
    project = VoiceflowProject({"production": "e1"}, rows={"interactions": []}, stable={"interaction-count": []})
    secret = "VF.DM.key-of-acme" if request.param == "v2" else "vfp_key-of-acme"
    key = secret if request.param == "v2" else f"Bearer {secret}"
    house.sandbox.world.voiceflow[key] = {PROJECT: project}
    house.credential("acme", "voiceflow", secret, generation=request.param)

    def add(day: date, count: int) -> None:
        at = f"{day}T0{len(project.rows['interactions'])}:00:00.000Z"
        row = {"period": at, "projectID": PROJECT, "environmentID": "e1", "type": "dialog-management", "count": count}
        project.rows["interactions"].append(row)
        held = project.stable["interaction-count"]
        before = sum(one.row["count"] for one in held if one.row["intervalStartDate"].startswith(str(day)))
        held[:] = [one for one in held if not one.row["intervalStartDate"].startswith(str(day))]
        held.append(
            StableRow({"intervalStartDate": f"{day}T00:00:00.000Z", "count": before + count, "averageLatencyMS": 1})
        )

    return house, add


def test_interactions_that_were_restated_late_are_found_by_the_night(
    chatting: tuple[House, Callable[[date, int], None]],
) -> None:
    house, add = chatting
    add(OLD, 5)
    house.pull(["acme"], [OLDER, OLD, *TRAILING], ["voiceflow"])
    assert night(house, "voiceflow") == {}
    add(OLD, 100)
    assert night(house, "voiceflow") == {("acme", OLD): "published"}
    assert night(house, "voiceflow") == {}
    (row,) = house.execute(
        "select sum(quantity)::int as total from raw_voiceflow.usage join ledger.pulls using (pull_id)"
        " where state = 'published' and metric = 'interactions'"
    )
    assert row["total"] == 105


def test_a_source_that_cannot_be_counted_says_so_and_its_days_are_pulled(
    chatting: tuple[House, Callable[[date, int], None]],
) -> None:
    house, add = chatting
    add(OLD, 5)
    house.pull(["acme"], [OLD, *TRAILING], ["voiceflow"])
    month = f"{TRAILING[-1] - timedelta(days=31)}T00:00:00.000Z"
    for path in (
        "/voiceflow/v2/query/usage",
        f"/voiceflow/v1/stable/analytics/query/interaction-count/project/{PROJECT}",
    ):
        house.sandbox.faults.script(path, status(400), times=FOREVER, when=lambda asked: month in str(asked.body))
    outcomes = house.pull(["acme"], TRAILING, ["voiceflow"], trigger=PullTrigger.SCHEDULE)
    (failed,) = [one for one in outcomes if one.is_failed]
    assert "older days could not be counted" in (failed.cause or "")
    assert {one.usage_date for one in outcomes} == set(TRAILING)


def test_a_day_is_counted_by_what_both_sides_name() -> None:
    day = TODAY - timedelta(days=40)
    known = {day: {"rows": Decimal(5), "quantity": Decimal(9), "cost": Decimal("0.5")}}
    assert differing_days(known, {day: {"rows": Decimal(5)}}, "rows") == frozenset()
    assert differing_days(known, {day: {"rows": Decimal(5), "cost": Decimal("0.50")}}, "rows") == frozenset()
    assert differing_days(known, {day: {"rows": Decimal(6)}}, "rows") == {day}
    assert differing_days(known, {}, "rows") == frozenset()
