"""Fields of a call that contradict each other wait for a person, or for a pull after the provider mended them."""

from datetime import date, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from tests.ingestion.house import House, call
from tests.sandbox.world import VapiAccount, in_memory
from warehouse.clock import today
from warehouse.database.connect import Role, connect
from warehouse.statements.blocker import Kind
from warehouse.statements.blocking import blockers
from warehouse.statements.unknown_costs import unknown_costs

DAY = today() - timedelta(days=2)
NUMBER = {"phone_number_id": "number"}


def run(line: str) -> None:
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == 0, result.output


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
        blocking = {str(one.kind): one.mend for one in blockers(operator, [period], DAY)}
        return blocking | {str(one.reason): one.mend for one in unknown_costs(operator, [period])}


@pytest.mark.resolves("the costs of a call differ")
@pytest.mark.resolves("minutes were charged of no connection")
@pytest.mark.resolves("totals_differ")
@pytest.mark.resolves("no_number")
def test_what_contradicts_itself_is_settled_by_the_pull_that_is_printed(house: House) -> None:
    house.tenant("acme")
    house.attach("acme", "vapi_phone_number", "number")
    key = house.own_vapi(None, odd_calls())
    house.pull(["acme"], [DAY])
    run("build")
    codes = {Kind.COSTS_DIFFER, Kind.MINUTES_DIFFER, "totals_differ", "no_number"}
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
