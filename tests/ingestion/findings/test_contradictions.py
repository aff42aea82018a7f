"""Fields of a call that contradict each other wait for a person, or for a pull after the provider fixed them."""

import shlex
from datetime import date, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.remedies import word
from tests.ingestion.house import House, call
from tests.sandbox.world import VapiAccount, in_memory
from warehouse.blocker import Blocker
from warehouse.clock import today
from warehouse.costs.unknown_costs import unknown_costs
from warehouse.database.connect import Role, connect
from warehouse.statements.blocking import blockers

pytestmark = pytest.mark.usefixtures("dbt_home")
DAY = today() - timedelta(days=2)
NUMBER = {"phone_number_id": "number"}


def run(line: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, shlex.split(line.removeprefix("minutebook ")))
    assert result.exit_code == code, result.output
    return result.output


def odd_calls() -> list[dict[str, Any]]:
    differs, unnumbered, at_once = (call(name, DAY, **NUMBER) for name in ("differs", "unnumbered", "at-once"))
    unnumbered["costs"][0] |= {"cost": None}
    unnumbered["cost"] = round(sum(item["cost"] or 0 for item in unnumbered["costs"]), 4)
    charged = [{"type": "vapi", "cost": 0.2225, "minutes": 4.45}]
    return [
        differs | {"cost": 30.0},
        unnumbered,
        at_once | {"endedAt": at_once["startedAt"], "costs": charged, "cost": 0.2225},
    ]


def found(house: House) -> dict[str, str]:
    """The commands by code, of a period that is that day."""
    period = {
        "tenant_id": "acme", "period_start": DAY, "period_end": DAY + timedelta(days=1), "ends_on": date.min,
    }  # fmt: skip
    with connect(house.url, Role.OPERATOR) as operator:
        reported = [*blockers(operator, [period], DAY), *unknown_costs(operator, [period])]
        return {one.code.value: word(one).fix for one in reported}


@pytest.mark.resolves("costs_of_a_call_differ")
@pytest.mark.resolves("minutes_of_a_call_differ")
@pytest.mark.resolves("totals_differ")
@pytest.mark.resolves("no_number")
def test_what_contradicts_itself_is_settled_by_the_pull_that_is_printed(house: House) -> None:
    house.tenant("acme")
    house.attach("acme", "vapi_phone_number", "number")
    key = house.own_vapi(None, odd_calls())
    house.pull(["acme"], [DAY])
    run("build")
    codes = {Blocker.COSTS_DIFFER, Blocker.MINUTES_DIFFER, "totals_differ", "no_number"}
    printed = found(house)
    assert codes <= set(printed)

    house.sandbox.world.vapi[key] = VapiAccount(in_memory([
        call(name, DAY, **NUMBER) for name in ("differs", "unnumbered", "at-once")
    ]))  # fmt: skip
    for line in {printed[code] for code in codes}:
        assert line == f"minutebook pull --tenant acme --source vapi --from {DAY} --to {DAY}"
        run(line.removeprefix("minutebook "))
    run("build")
    assert not codes & set(found(house))


@pytest.mark.resolves("costs_of_a_call_differ")
@pytest.mark.resolves("minutes_of_a_call_differ")
@pytest.mark.resolves("totals_differ")
def test_what_the_provider_keeps_saying_a_person_lets_stand_with_its_figures_and_no_other(house: House) -> None:
    house.tenant("acme")
    house.attach("acme", "vapi_phone_number", "number")
    calls = [one for one in odd_calls() if one["id"] != "unnumbered"]
    key = house.own_vapi(None, calls)
    house.pull(["acme"], [DAY])
    run("build")
    codes = {Blocker.COSTS_DIFFER, Blocker.MINUTES_DIFFER}
    for line in {found(house)[code] for code in codes}:
        assert "unchanged" in run(line)
    printed = found(house)
    assert printed[Blocker.COSTS_DIFFER] == (
        f"minutebook doubt accept acme costs_differ --from {DAY} --to {DAY} --calls 1 --charged 30"
        " --reason 'looked at: it stands'"
    )
    assert "differs" in run(f"doubt list acme --from {DAY} --to {DAY}")

    calls[0]["cost"] = 31.0  # another figure than was shown
    house.pull(["acme"], [DAY])
    run("build")
    assert "charged 31 in all, and not 1, charged 30" in " ".join(run(printed[Blocker.COSTS_DIFFER], code=1).split())
    house.pull(["acme"], [DAY])
    for code in codes:
        assert "stands: " in run(found(house)[code])
    run("build")
    assert not (codes | {"totals_differ"}) & set(found(house))
    audited = house.execute("select after from ledger.audit_log where object_table = 'ledger.acceptances'")
    assert {(row["after"]["doubt"], row["after"]["evidence"]) for row in audited} >= {("minutes_differ", "4.45/0")}

    calls[0]["cost"] = 32.0
    house.sandbox.world.vapi[key] = VapiAccount(in_memory(calls))
    house.pull(["acme"], [DAY])
    run("build")
    assert set(found(house)) & (codes | {"totals_differ"}) == {Blocker.COSTS_DIFFER, "totals_differ"}
