"""Whether a provider's own total agrees is said by the latest reading; a difference that stays, a person settles."""

import json
from datetime import date
from typing import Any

import pytest

from tests.ingestion.conftest import Minutebook
from tests.ingestion.house import House, call
from tests.sandbox import faults

DAY = date(2026, 10, 5)
PULL = f"pull --tenant acme --source vapi --from {DAY} --to {DAY}"


@pytest.fixture
def acme(house: House) -> list[dict[str, Any]]:
    """A tenant's own account; its calls, to be changed."""
    calls = [call("c1", DAY), call("c2", DAY)]
    house.tenant("acme", since=date(2026, 10, 1))
    house.own_vapi("acme", calls)
    return calls


def dearer(house: House, by: float, times: int = faults.FOREVER) -> None:
    def edit(answer: Any) -> Any:
        row = answer[0]["result"][0]
        return [{**answer[0], "result": [{**row, "sumCost": row["sumCost"] + by}]}]

    house.sandbox.faults.clear()
    house.sandbox.faults.script("/vapi/analytics", faults.altered(edit), times=times)


def doubts(minutebook: Minutebook) -> list[dict[str, str]]:
    (statement,) = json.loads(minutebook("review 2026-10 --json"))
    return [one for one in statement["blockers"] if "its rows say" in one["what"]]


@pytest.mark.resolves("total_differs")
def test_a_total_that_is_off_while_a_day_is_published_is_settled_by_the_pull_that_is_printed(
    house: House, acme: list[dict[str, Any]], minutebook: Minutebook
) -> None:
    dearer(house, 5, times=1)
    minutebook(PULL)
    (doubt,) = doubts(minutebook)
    assert "vapi says cost" in doubt["what"]
    assert "unchanged" in minutebook(doubt["fix"])
    assert doubts(minutebook) == []

    dearer(house, 7)
    assert "unchanged" in minutebook(PULL)
    (raised,) = doubts(minutebook)
    assert raised["fix"].endswith(f"--to {DAY}")
    minutebook(raised["fix"])
    (stays,) = doubts(minutebook)
    assert stays["fix"].endswith("--accept-cost")
    minutebook(stays["fix"])
    assert doubts(minutebook) == []
    minutebook(PULL)
    assert doubts(minutebook) == [], "the same difference, accepted"

    dearer(house, 8)
    minutebook(PULL)
    assert len(doubts(minutebook)) == 1, "another difference than was accepted"


def test_a_count_that_a_person_accepted_is_doubted_again_only_when_it_differs_otherwise(
    house: House, acme: list[dict[str, Any]]
) -> None:
    def more(by: int) -> None:
        def edit(answer: Any) -> Any:
            row = answer[0]["result"][0]
            return [{**answer[0], "result": [{**row, "countId": int(row["countId"]) + by}]}]

        house.sandbox.faults.clear()
        house.sandbox.faults.script("/vapi/analytics", faults.altered(edit), times=faults.FOREVER)

    def ended(**accepted: bool) -> str:
        (outcome,) = house.pull(["acme"], [DAY], **accepted)
        return outcome.cause_code or outcome.state.value

    more(1)
    assert ended(accept_cost=True, accept_loss=True, accept_unconfirmed=True) == "totals_disagree"
    assert ended(accept_count=True) == "published"
    assert ended() == "unchanged"
    (accepted,) = house.execute("select subject, evidence, reason from ledger.acceptances")
    assert accepted == {
        "subject": "calls", "evidence": "2/3",
        "reason": "--accept-count: vapi lists 2 calls and counts 3 in its own total",
    }  # fmt: skip
    more(2)
    assert ended() == "totals_disagree"


def test_a_reading_without_a_total_says_nothing_of_it(house: House, acme: list[dict[str, Any]]) -> None:
    dearer(house, 5)
    house.pull(["acme"], [DAY])
    house.sandbox.faults.clear()
    house.sandbox.faults.script("/vapi/analytics", faults.status(500), times=faults.FOREVER)
    house.pull(["acme"], [DAY])
    assert len(house.execute("select name from ledger.disagreeing_totals")) == 1
    house.sandbox.faults.clear()
    acme[0]["endedReason"] = "another"
    house.sandbox.faults.script("/vapi/analytics", faults.status(500), times=faults.FOREVER)
    house.pull(["acme"], [DAY])
    assert house.execute("select name from ledger.disagreeing_totals") == [], "it was told of other rows"
