"""What a provider changes after a day was pulled reaches the books: within the trailing days, and on older ones."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.defs.ingestion.schedules import TRAILING_DAYS
from orchestration.ingestion import PullOutcome, PullTrigger
from orchestration.ingestion.late_changes import restating
from orchestration.marts.building import build
from tests.ingestion.house import House, call, states
from tests.ingestion.test_ingest_runs import launch, materialised
from tests.sandbox.faults import FOREVER, altered, status
from tests.sandbox.world import Received, VapiAccount, in_memory

TODAY = datetime.now(UTC).date()
TRAILING = [TODAY - timedelta(days=n) for n in range(1, TRAILING_DAYS + 1)]
OLD, OLDER = TODAY - timedelta(days=9), TODAY - timedelta(days=12)
COSTS = """
select tenant_id, count(*) as calls, sum(cost) as cost from marts.fct_calls group by tenant_id order by tenant_id
"""


BOTH = {f"{tenant}-{day}" for tenant in ("acme", "beta") for day in (OLDER, OLD, TRAILING[0])}


def settled(call_id: str, day: date, **fields: Any) -> dict[str, Any]:
    """A call of noon, final ten minutes later."""
    at = datetime.combine(day, time(12, 10), tzinfo=UTC)
    return call(call_id, day) | {"updatedAt": at.isoformat().replace("+00:00", ".000Z")} | fields


def moment(hours_ago: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours_ago)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def night(house: House, *tenants: str) -> list[PullOutcome]:
    return house.pull(tenants, TRAILING, trigger=PullTrigger.SCHEDULE)


@pytest.fixture
def two(house: House) -> dict[str, list[dict[str, Any]]]:
    """Calls of two tenants' own accounts, on two old days and yesterday, all of them pulled."""
    held = {}
    for tenant in ("acme", "beta"):
        house.tenant(tenant)
        held[tenant] = [settled(f"{tenant}-{day}", day) for day in (OLDER, OLD, TRAILING[0])]
        house.own_vapi(tenant, held[tenant])
        house.pull([tenant], [OLDER, OLD, *TRAILING])
    return held


def test_the_night_pulls_exactly_the_older_days_that_changed(
    house: House, two: dict[str, list[dict[str, Any]]]
) -> None:
    two["acme"][1] |= {"cost": 9.5, "updatedAt": moment(30)}
    outcomes = night(house, "acme", "beta")
    pulled = states(outcomes)
    assert pulled.pop(("acme", OLD)) == "published"
    assert pulled == {(tenant, day): "unchanged" for tenant in ("acme", "beta") for day in TRAILING}
    last = max(row["pull_id"] for row in house.ledger() if row["usage_date"] == OLD)
    cost = "select (payload ->> 'cost')::numeric as cost from raw_vapi.calls where pull_id = %s"
    assert house.execute(cost, last) == [{"cost": Decimal("9.5")}]


def test_an_unchanged_night_asks_each_account_two_questions_more_and_publishes_nothing(
    house: House, two: dict[str, list[dict[str, Any]]]
) -> None:
    house.sandbox.received.clear()
    assert set(states(night(house, "acme", "beta")).values()) == {"unchanged"}
    assert len([one for one in house.sandbox.asked("/vapi/call") if "updatedAtGe" in one.params]) == 2
    assert len(house.sandbox.asked("/vapi/call")) == 2 * (TRAILING_DAYS + 1)
    by_day = [one for one in house.sandbox.asked("/vapi/analytics") if "step" in one.body["queries"][0]["timeRange"]]
    assert len(by_day) == 2
    assert len(house.sandbox.asked("/vapi/analytics")) == 2 * (TRAILING_DAYS + 1)


def test_a_call_deleted_from_an_older_day_is_noticed_and_what_vapi_forgot_is_kept(
    house: House, two: dict[str, list[dict[str, Any]]]
) -> None:
    del two["acme"][1]  # Vapi still counts OLDER as it did: the day of this one was emptied
    del two["beta"][0:2]  # nothing older is told: forgotten
    pulled = states(night(house, "acme", "beta"))
    assert {key for key in pulled if key[1] not in TRAILING} == {("acme", OLD)}
    assert pulled["acme", OLD] == "published"
    assert house.current_calls() == {call_id for call_id in BOTH if call_id != f"acme-{OLD}"}
    assert not {key for key in states(night(house, "acme", "beta")) if key[1] not in TRAILING}  # it is noticed once


def test_a_call_that_turns_up_on_an_older_day_is_noticed_where_nothing_says_that_it_changed(
    house: House, two: dict[str, list[dict[str, Any]]]
) -> None:
    two["beta"].append(settled("late", OLDER))
    assert states(night(house, "acme", "beta"))["beta", OLDER] == "published"
    assert "late" in house.current_calls()


def test_a_key_of_another_organisation_takes_no_older_day_away(
    house: House, two: dict[str, list[dict[str, Any]]]
) -> None:
    other = [settled(f"other-{n}", day) for n, day in enumerate((OLDER, OLDER, OLDER + timedelta(days=1)))]
    house.sandbox.world.vapi["private-key-of-acme-at-vapi"] = VapiAccount(in_memory(other))
    assert {day for _, day in states(night(house, "acme", "beta"))} == set(TRAILING)
    assert {f"acme-{OLDER}", f"acme-{OLD}"} <= house.current_calls()


def test_an_account_that_counts_nothing_by_day_loses_nothing(
    house: House, two: dict[str, list[dict[str, Any]]]
) -> None:
    del two["acme"][1]

    def undated(answer: Any) -> Any:
        return [{**answer[0], "result": [{"countId": "1"}]}]

    def is_by_day(asked: Received) -> bool:
        return "step" in asked.body["queries"][0]["timeRange"]

    for fault in (altered(undated), status(500), altered(lambda answer: [{**answer[0], "result": []}])):
        house.sandbox.faults.clear()
        house.sandbox.faults.script("/vapi/analytics", fault, times=FOREVER, when=is_by_day)
        outcomes = night(house, "acme", "beta")
        assert not [one for one in outcomes if one.is_failed]
        assert {one.usage_date for one in outcomes} == set(TRAILING)
    assert house.current_calls() == BOTH


def test_a_person_and_a_backfill_pull_what_they_asked_for_alone(
    house: House, two: dict[str, list[dict[str, Any]]]
) -> None:
    two["acme"][1] |= {"cost": 9.5, "updatedAt": moment(30)}
    for trigger in (PullTrigger.CLI, PullTrigger.BACKFILL):
        outcomes = house.pull(["acme"], TRAILING, trigger=trigger)
        assert {day for _, day in states(outcomes)} == set(TRAILING)


def test_after_nights_that_were_missed_the_look_back_is_longer(
    house: House, two: dict[str, list[dict[str, Any]]]
) -> None:
    night(house, "acme")
    house.execute("update ledger.pulls set opened_at = opened_at - interval '6 days'")
    two["acme"][0] |= {"cost": 9.5, "updatedAt": moment(7 * 24)}
    assert ("acme", OLDER) in states(night(house, "acme"))
    assert ("acme", OLDER) not in states(night(house, "acme"))  # now the last night is a minute ago


def test_a_shared_accounts_older_day_is_pulled_for_all_who_share_it(house: House) -> None:
    calls = [
        settled(f"{tenant}-{day}", day, phoneNumberId=f"number-{tenant}")
        for tenant in ("acme", "beta")
        for day in (OLD, TRAILING[0])
    ]
    house.own_vapi(None, calls)
    for tenant in ("acme", "beta"):
        house.tenant(tenant)
        house.attach(tenant, "vapi_phone_number", f"number-{tenant}")
    house.pull(["acme", "beta"], [OLD, *TRAILING])
    calls[0] |= {"cost": 3.25, "updatedAt": moment(1)}
    pulled = states(night(house, "acme", "beta"))
    assert (pulled["acme", OLD], pulled["beta", OLD]) == ("published", "published")
    assert len([row for row in house.ledger() if row["usage_date"] == OLD]) == 2


def test_an_account_that_will_not_tell_what_changed_is_told_and_its_days_are_pulled(
    house: House, two: dict[str, list[dict[str, Any]]]
) -> None:
    house.sandbox.faults.script(
        "/vapi/call", status(404), times=FOREVER,
        when=lambda asked: "updatedAtGe" in asked.params and "acme" in asked.key,
    )  # fmt: skip
    outcomes = night(house, "acme", "beta")
    (failed,) = [outcome for outcome in outcomes if outcome.is_failed]
    assert (failed.tenant_id, failed.cause_code) == ("acme", "provider_refused")
    assert "which older days changed is not known" in (failed.cause or "")
    assert set(states([one for one in outcomes if not one.is_failed]).values()) == {"unchanged"}
    assert not [row for row in house.ledger() if row["state"] == "failed"]


def test_the_look_back_is_two_days_at_least() -> None:
    assert timedelta(days=2) <= restating.LOOK_BACK
    assert timedelta(days=2) <= restating.OVERLAP


def test_the_nightly_run_marks_the_older_day_it_pulled(house: House, instance: dg.DagsterInstance) -> None:
    house.tenant("acme")
    held = [settled("old", OLD), settled("new", TRAILING[0])]
    house.own_vapi("acme", held)
    house.pull(["acme"], [OLD, *TRAILING])
    held[0] |= {"cost": 9.5, "updatedAt": moment(30)}
    instance.add_dynamic_partitions("tenant", ["acme"])
    tags = {"dagster/schedule_name": "pull_usage_nightly"}
    assert launch(instance, ("acme", TRAILING[-1]), ("acme", TRAILING[0]), tags).success
    assert materialised(instance) == {f"acme|{day}" for day in (OLD, *TRAILING)}


def test_cost_up_cost_down_a_deleted_call_and_an_emptied_day_all_reach_the_marts(house: House, dbt_home: Path) -> None:
    held = {}
    for tenant in ("cheaper", "deleted", "dearer", "emptied", "same"):
        house.tenant(tenant)
        cost = {"cost": 0.2, "costs": [{"type": "vapi", "cost": 0.2}]}
        held[tenant] = [settled(f"{tenant}-{n}", TRAILING[0], **cost) for n in (1, 2)]
        house.own_vapi(tenant, held[tenant])
    house.tenant("of-old")
    held["of-old"] = [
        settled(f"of-old-{n}", day, **cost) for n, day in enumerate((OLDER, OLD, OLD, TODAY - timedelta(days=5)))
    ]
    house.own_vapi("of-old", held["of-old"])
    house.pull(["of-old"], sorted({OLDER, OLD, TODAY - timedelta(days=5)}))
    night(house, *held)
    build(house.url, dbt_home, TODAY)
    whole = dict.fromkeys(held, (2, 0.4)) | {"of-old": (4, 0.8)}
    assert {row["tenant_id"]: (row["calls"], float(row["cost"])) for row in house.execute(COSTS)} == whole
    held["cheaper"][0] |= {"cost": 0.1, "costs": [{"type": "vapi", "cost": 0.1}]}
    held["dearer"][0] |= {"cost": 0.5, "costs": [{"type": "vapi", "cost": 0.5}]}
    del held["deleted"][0]
    held["emptied"].clear()
    del held["of-old"][1:3]
    night(house, *held)
    build(house.url, dbt_home, TODAY)
    assert {row["tenant_id"]: (row["calls"], float(row["cost"])) for row in house.execute(COSTS)} == {
        "cheaper": (2, 0.3),
        "deleted": (1, 0.2),
        "dearer": (2, 0.7),
        "of-old": (2, 0.4),
        "same": (2, 0.4),
    }


def test_an_unchanged_day_is_stored_anew_only_if_asked_with_what_its_tenant_keeps_since(house: House) -> None:
    house.tenant("acme")
    house.own_vapi("acme", [settled("c1", OLD, transcript="hello")])
    house.pull(["acme"], [OLD])
    house.execute("insert into control.personal_choices (tenant_id, transcripts) values ('acme', 'kept')")
    said = (
        "select payload ->> 'transcript' as said from raw_vapi.calls join ledger.pulls using (pull_id)"
        " where state = 'published'"
    )
    for is_forced, state, kept in (
        (False, "unchanged", None),
        (True, "published", "hello"),
        (False, "unchanged", "hello"),
    ):
        assert states(house.pull(["acme"], [OLD], is_forced=is_forced)) == {("acme", OLD): state}
        assert house.execute(said) == [{"said": kept}]
    assert [row["state"] for row in house.ledger()] == ["superseded", "unchanged", "published", "unchanged"]
