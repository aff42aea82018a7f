"""What was pushed is read as any source: by tenant and day, due by what a day holds, and never counted twice."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from orchestration.ingestion import PullOutcome, PullState, PullTrigger, TenantDay, pull, pull_again
from orchestration.settings import Settings
from sources.registry import horizons
from tests.intake.served import event, key, serving
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.ingestion import retry_schedule
from warehouse.intake import keys
from warehouse.intake.events import tidy
from warehouse.privacy import personal

DAY = clock.today() - timedelta(days=2)


@pytest.fixture(scope="module")
def acme(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {key(url, 'acme')}"}
    with (
        serving(url, tmp_path_factory.mktemp("home")) as address,
        httpx.Client(base_url=address, headers=headers, timeout=30) as client,
    ):
        yield client


@pytest.fixture
def settings(url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url=url)


def at(day: date, hour: int = 12) -> str:
    return f"{datetime.combine(day, time(hour)).isoformat()}.123456789Z"


def pulled(settings: Settings, *days: date) -> list[PullOutcome]:
    assert settings.database_url is not None
    return pull(settings.database_url, settings, [TenantDay("acme", day) for day in days], ["events"], PullTrigger.CLI)


def rows(url: str, day: date) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(
            "select r.* from raw_inbox.events as r inner join ledger.pulls as p on r.pull_id = p.pull_id"
            " where p.state = 'published' and r.usage_date = %s and r.tenant_id = 'acme'"
            " order by r.reference",
            [day],
        ).fetchall()


def due(url: str) -> list[tuple[date, str]]:
    with connect(url, Role.LOADER) as connection:
        later = clock.now() + timedelta(hours=1)
        found = retry_schedule.account_days(connection, later, horizons())
    return sorted((one.key.usage_date, one.status) for one in found if one.key.source == "events")


def test_a_day_of_events_becomes_rows_of_usage_and_nothing_changes_when_it_is_read_again(
    url: str, acme: httpx.Client, settings: Settings
) -> None:
    scan = event("scan", time=at(DAY), subject="desk", data={"quantity": 250, "unit": "page", "model": "large", "n": 7})
    other = event(
        "other", time=at(DAY), source="/ocr/eu-2", data={"cost": "0.10", "currency": "USD", "to": "+15550100"}
    )
    assert acme.post("/v1/events", json=[scan, other, scan]).json() == {"accepted": 2, "duplicates": 1}
    assert [one.state for one in pulled(settings, DAY)] == [PullState.PUBLISHED]
    first, second = rows(url, DAY)
    assert (first["item"], first["unit"], first["quantity"]) == ("ocr.scan", "event", 1)
    assert (str(first["cost"]), first["currency"]) == ("0.10", "USD")
    assert (first["attributes"], first["reference"]) == ({"event_source": "/ocr/eu-2"}, "other")
    assert first["payload"]["data"]["to"] == "+15550100"
    assert (second["unit"], str(second["quantity"]), second["scope_ref"]) == ("page", "250", "desk")
    assert second["attributes"] == {"model": "large", "n": "7", "event_source": "/ocr/eu-1"}
    assert second["recorded_at"].microsecond == 123456
    assert [one.state for one in pulled(settings, DAY)] == [PullState.UNCHANGED]
    assert due(url) == []


def test_an_event_of_several_quantities_is_a_row_for_each_kind(
    url: str, acme: httpx.Client, settings: Settings
) -> None:
    day = DAY - timedelta(days=12)
    spent = {"quantities": {"input": 812, "output": "77", "cache_read": 0}, "unit": "token", "model": "small"}
    assert acme.post("/v1/events", json=event("run-1", time=at(day), data=spent)).json()["accepted"] == 1
    respelled = {**spent, "quantities": {"output": 77.0, "cache_read": "0", "input": 812}}
    assert acme.post("/v1/events", json=event("run-1", time=at(day), data=respelled)).json()["duplicates"] == 1
    pulled(settings, day)
    assert {(row["attributes"]["kind"], int(row["quantity"]), row["reference"]) for row in rows(url, day)} == {
        ("input", 812, "run-1"),
        ("output", 77, "run-1"),
        ("cache_read", 0, "run-1"),
    }
    void = event("void-1", time=at(day), replaces="run-1", data={"quantities": {"input": 0}})
    assert acme.post("/v1/events", json=void).json()["accepted"] == 1
    pulled(settings, day)
    assert rows(url, day) == []


@pytest.mark.parametrize(
    "data",
    [
        {"quantities": {}},
        {"quantities": [1]},
        {"quantities": {"input": -1}},
        {"quantities": {"input": "many"}},
        {"quantities": {"input": None}},
        {"quantities": {"": 1}},
        {"quantities": {"x" * 41: 1}},
        {"quantities": {f"k{number}": 1 for number in range(21)}},
        {"quantities": {"input": 1}, "quantity": 1},
        {"quantities": {"input": 1}, "kind": "x"},
        {"quantities": {"input": 1}, "cost": 1, "currency": "USD"},
    ],
)
def test_quantities_that_cannot_be_are_refused(acme: httpx.Client, data: dict[str, object]) -> None:
    (refused,) = acme.post("/v1/events", json=event("odd", data=data)).json()["rejected"]
    assert refused["code"] == "invalid_quantities"


def test_a_part_of_a_unit_is_set_aside_by_itself_until_another_event_replaces_it(
    url: str, acme: httpx.Client, settings: Settings
) -> None:
    day = DAY - timedelta(days=9)
    half = event("half", time=at(day), data={"quantity": 2.50, "unit": "page"})
    assert acme.post("/v1/events", json=[half, event("whole", time=at(day))]).json()["accepted"] == 2
    (outcome,) = pulled(settings, day)
    assert not outcome.is_failed
    assert [row["reference"] for row in rows(url, day)] == ["whole"]
    with psycopg.connect(url) as owner:
        said = owner.execute("select reason from ledger.quarantine where usage_date = %s", [day]).fetchall()
    assert [words for (words,) in said if "no whole number but 2.5" in words]
    cents = event("in cents", time=at(day), data={"quantity": 250, "unit": "cent"}, replaces="half")
    assert acme.post("/v1/events", json=cents).status_code == 202
    pulled(settings, day)
    assert sorted(row["reference"] for row in rows(url, day)) == ["in cents", "whole"]
    assert due(url) == []


def test_a_late_event_makes_its_day_due_by_what_it_holds(url: str, acme: httpx.Client, settings: Settings) -> None:
    day = DAY - timedelta(days=1)
    assert acme.post("/v1/events", json=event("in time", time=at(day))).status_code == 202
    pulled(settings, day)
    assert acme.post("/v1/events", json=event("in time", time=at(day))).json()["duplicates"] == 1
    assert due(url) == []
    assert acme.post("/v1/events", json=event("late", time=at(day))).status_code == 202
    assert due(url) == [(day, "changed")]
    outcomes = pull_again(url, settings, now=clock.now() + timedelta(hours=1))
    assert [(one.usage_date, one.state) for one in outcomes] == [(day, PullState.PUBLISHED)]
    assert len(rows(url, day)) == 2
    assert due(url) == []


def test_a_replacement_moves_usage_from_one_day_to_another_and_voids_it(
    url: str, acme: httpx.Client, settings: Settings
) -> None:
    first_day, second_day = DAY - timedelta(days=4), DAY - timedelta(days=3)
    acme.post("/v1/events", json=[event("moved", time=at(first_day)), event("stays", time=at(second_day))])
    pulled(settings, first_day, second_day)
    moving = event("moving", time=at(second_day), replaces="moved")
    assert acme.post("/v1/events", json=moving).status_code == 202
    assert due(url) == [(first_day, "changed"), (second_day, "changed")]
    pulled(settings, first_day, second_day)
    assert [len(rows(url, day)) for day in (first_day, second_day)] == [0, 2]
    voiding = event("voiding", time=at(second_day), replaces="moved", data={"quantity": 0})
    assert acme.post("/v1/events", json=voiding).status_code == 202
    pulled(settings, first_day, second_day)
    assert [len(rows(url, day)) for day in (first_day, second_day)] == [0, 1]
    assert due(url) == []


def test_what_is_forgotten_leaves_the_usage_as_it_was(url: str, acme: httpx.Client, settings: Settings) -> None:
    day = DAY - timedelta(days=5)
    personal_data = {"caller": "+15550199", "quantity": 4}
    assert acme.post("/v1/events", json=event("caller", time=at(day), data=personal_data)).status_code == 202
    pulled(settings, day)
    with psycopg.connect(url) as connection:  # nothing is built here
        connection.execute(
            "create table marts.fct_calls (tenant_id text, source text, account text, usage_date date, call_id text)"
        )
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        personal.retain(operator, "acme", 1)
        assert personal.expire(operator, clock.today())["acme"] >= 2
        operator.execute("delete from control.retention_periods")
    with psycopg.connect(url) as connection:
        (kept,) = connection.execute(
            "select coalesce(personal::text, '') || facts::text from intake.events where event_id = 'caller'"
        ).fetchall()
    assert kept == ('{"quantity":4}',)
    assert [one.state for one in pulled(settings, day)] == [PullState.UNCHANGED]


def test_tidying_folds_what_arrived_and_forgets_nothing_that_may_still_be_pushed(
    url: str, acme: httpx.Client, settings: Settings
) -> None:
    day = DAY - timedelta(days=6)
    for number in range(3):
        acme.post("/v1/events", json=event(f"fold-{number}", time=at(day)))
    pulled(settings, day)
    counts = "select count(*), sum(events) from ledger.arrivals where usage_date = %s"
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        tidy(operator, clock.today())
        tidy(operator, clock.today())
    with psycopg.connect(url) as connection:
        assert connection.execute(counts, [day]).fetchone() == (1, 3)
    assert due(url) == []
    assert acme.post("/v1/events", json=event("fold-1", time=at(day))).json()["duplicates"] == 1


def test_an_identity_is_known_for_as_long_as_any_key_may_push_it(url: str, acme: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {key(url, 'acme', 'backfill')}"}
    oldest = event("oldest", time=at(clock.today() - keys.REACH["backfill"] + timedelta(days=1)))
    assert acme.post("/v1/events", json=oldest, headers=headers).json() == {"accepted": 1, "duplicates": 0}
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        tidy(operator, clock.today() + timedelta(days=30))
    assert acme.post("/v1/events", json=oldest, headers=headers).json() == {"accepted": 0, "duplicates": 1}


def test_what_was_voided_stays_so_for_as_long_as_it_is_stored(url: str, acme: httpx.Client, settings: Settings) -> None:
    voided, before = DAY - timedelta(days=8), DAY - timedelta(days=28)
    acme.post("/v1/events", json=[event("voided", time=at(voided)), event("beside it", time=at(voided))])
    void = event("void of it", time=at(before), replaces="voided", data={"quantity": 0})
    assert acme.post("/v1/events", json=void).json()["accepted"] == 1
    pulled(settings, voided)
    assert [row["reference"] for row in rows(url, voided)] == ["beside it"]
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        tidy(operator, before + timedelta(days=436))
    with psycopg.connect(url) as connection:
        assert connection.execute("select from intake.events where event_id = 'void of it'").fetchall() == []
    assert [one.state for one in pulled(settings, voided)] == [PullState.UNCHANGED]
    assert [row["reference"] for row in rows(url, voided)] == ["beside it"]


def test_a_day_whose_events_are_kept_no_more_stays_as_it_was_read(
    url: str, acme: httpx.Client, settings: Settings
) -> None:
    day = DAY - timedelta(days=7)
    acme.post("/v1/events", json=event("old", time=at(day)))
    pulled(settings, day)
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        tidy(operator, clock.today() + timedelta(days=500))
    assert [one.state for one in pulled(settings, day)] == [PullState.FAILED]
    assert len(rows(url, day)) == 1
