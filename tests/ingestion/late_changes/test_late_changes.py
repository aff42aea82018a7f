"""What turns doubtful in an approved month is a finding of the month that carries its correction, until settled."""

import json
from datetime import date
from typing import Any

import pytest

from tests.ingestion.conftest import Minutebook
from tests.ingestion.findings.test_quarantine import write_plan
from tests.ingestion.house import House, call
from tests.sandbox import faults
from warehouse.blocker import Blocker

FIFTH, SIXTH = date(2026, 9, 5), date(2026, 9, 6)
PULL = f"pull --tenant acme --source vapi --from {FIFTH} --to {SIXTH}"
IN_SEPTEMBER = ", in its approved period of September 2026"


NUMBER = {"phone_number_id": "number"}


def on_the_shared_account(house: House, calls: list[dict[str, Any]]) -> None:
    """A tenant whose calls are found by their number."""
    house.tenant("acme", since=date(2026, 9, 1))
    write_plan(house, "acme")
    house.attach("acme", "vapi_phone_number", "number", date(2026, 9, 1))
    house.own_vapi(None, calls)


def of_september(minutebook: Minutebook) -> dict[str, dict[str, str]]:
    """What of the approved September blocks October, by kind."""
    (statement,) = json.loads(minutebook("review 2026-10 --tenant acme --json"))
    return {one["code"]: one for one in statement["blockers"] if IN_SEPTEMBER in one["what"]}


@pytest.mark.resolves("days_not_whole")
@pytest.mark.resolves("row_set_aside")
@pytest.mark.resolves("total_differs")
@pytest.mark.resolves("costs_of_a_call_differ")
def test_what_turns_doubtful_in_an_approved_month_blocks_the_month_that_carries_its_correction(
    house: House, minutebook: Minutebook
) -> None:
    calls: list[dict[str, Any]] = [
        call("c1", FIFTH, **NUMBER),
        call("c2", SIXTH, **NUMBER),
        call("c3", SIXTH, **NUMBER),
    ]
    on_the_shared_account(house, calls)
    minutebook("pull --tenant acme --source vapi --from 2026-09-01 --to 2026-10-31")
    minutebook("build")
    minutebook("approve 2026-09")
    assert of_september(minutebook) == {}

    calls[0]["cost"] = 30.0
    calls.append(call("odd", FIFTH, costs={"type": "vapi"}, **NUMBER))
    calls.remove(next(one for one in calls if one["id"] == "c3"))

    def dearer(answer: Any) -> Any:
        row = answer[0]["result"][0]
        return [{**answer[0], "result": [{**row, "sumCost": row["sumCost"] + 5}]}]

    house.sandbox.faults.script(
        "/vapi/analytics", faults.altered(dearer), times=faults.FOREVER, when=lambda asked: str(FIFTH) in str(asked)
    )
    minutebook(PULL, code=1)
    minutebook("build")
    found = of_september(minutebook)
    assert set(found) == {Blocker.DAYS, Blocker.SET_ASIDE, Blocker.TOTAL, Blocker.COSTS_DIFFER}
    assert "1 day of vapi doubtful, on 6 Sep 2026" in found[Blocker.DAYS]["what"]
    for _ in range(2):  # what the provider keeps saying is accepted after it was asked again
        for one in of_september(minutebook).values():
            minutebook(one["fix"])
    minutebook("build")
    assert of_september(minutebook) == {}
    accepted = house.execute("select doubt, usage_date from ledger.acceptances order by doubt")
    assert [(row["doubt"], row["usage_date"]) for row in accepted] == [
        ("costs_differ", FIFTH), ("quarantined", FIFTH), ("rows_lost", SIXTH), ("totals_disagree", FIFTH),
    ]  # fmt: skip


def test_what_an_approval_saw_and_overrode_is_no_news(house: House, minutebook: Minutebook) -> None:
    on_the_shared_account(
        house, [call("c1", FIFTH, cost=30.0, **NUMBER), call("odd", FIFTH, costs={"type": "vapi"}, **NUMBER)]
    )
    minutebook("pull --tenant acme --source vapi --from 2026-09-01 --to 2026-10-31")
    minutebook("build")
    minutebook("approve 2026-09 --tenant acme --override 'seen'")
    minutebook(f"{PULL} --again")
    minutebook("build")
    assert of_september(minutebook) == {}
