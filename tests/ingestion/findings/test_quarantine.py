"""An odd row is set aside by itself: its day is published without it, and blocks whom it may concern until settled."""

import json
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from orchestration.settings import Settings
from sources.registry import horizons
from tests.ingestion.conftest import Minutebook
from tests.ingestion.house import House, call, states
from tests.sandbox.faults import FOREVER, Fault
from tests.sandbox.world import VapiAccount, in_memory
from warehouse.clock import OFFSET, offset_to
from warehouse.database.connect import Role, connect
from warehouse.ingestion import retry_schedule

DAY = date(2026, 10, 5)
SOON = datetime(2026, 10, 7, 12, tzinfo=UTC)
PULL = f"pull --tenant acme --source vapi --from {DAY} --to {DAY}"
OWN_KEY = "private-key-of-acme-at-vapi"


def odd(call_id: str = "odd", **fields: Any) -> dict[str, Any]:
    return call(call_id, DAY, **{"cost": "0.30", **fields})


def blocks(minutebook: Minutebook) -> dict[str, list[dict[str, str]]]:
    """Rows set aside that block each tenant's October."""
    return {
        row["tenant_id"]: [one for one in row["blockers"] if "set aside" in one["what"]]
        for row in json.loads(minutebook("review 2026-10 --json"))
    }


def standing(minutebook: Minutebook) -> list[dict[str, str]]:
    """What status says of the day."""
    return [row for row in json.loads(minutebook("status --json --days 40")) if row["usage_date"] == str(DAY)]


def write_plan(house: House, tenant: str) -> None:
    """A plan that sells each minute begun for a dollar."""
    for statement in (
        "insert into control.meters (meter_id, name, unit, source, increment_seconds, minimum_seconds)"
        " values ('minutes', 'Minutes', 'minute', 'vapi', 60, 0)",
        "insert into control.plans (plan_id, name, currency) values ('plan', 'Plan', 'USD')",
        "insert into control.plan_terms (plan_id, valid_from, subscription_fee, voice_meter_id)"
        " values ('plan', '2026-01-01', 0, 'minutes')",
        "insert into control.prices (plan_id, meter_id, valid_from, model, unit_amount)"
        " values ('plan', 'minutes', '2026-01-01', 'per_unit', 1)",
    ):
        house.execute(statement)
    house.execute("insert into control.tenant_plans values (%s, '2026-01-01', 'plan')", tenant)


@pytest.fixture
def shared(house: House) -> House:
    """Two tenants on the platform's account, and one with an account of its own."""
    for tenant in ("acme", "beta", "gamma"):
        house.tenant(tenant, since=date(2026, 10, 1))
    for tenant in ("acme", "beta"):
        house.attach(tenant, "vapi_phone_number", f"number-of-{tenant}", date(2026, 10, 1))
    house.own_vapi("gamma", [call("g1", DAY)])
    return house


@pytest.mark.resolves("row_set_aside")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"startedAt": f"{DAY}T12:00:02.000Z", "endedAt": "2026-12-02T12:00:02.000Z",
          "updatedAt": "2026-12-02T12:00:05.000Z"}, "ends a call after 43200"),
        ({"endedAt": f"{DAY}T11:00:00.000Z"}, "ended before it started"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_have_lasted_so_long_is_no_usage_until_somebody_decides(
    house: House, minutebook: Minutebook, fields: dict[str, str], words: str
) -> None:
    house.tenant("acme", since=date(2026, 10, 1))
    house.own_vapi("acme", [call("c1", DAY), call("endless", DAY, **fields)])
    minutebook(PULL)
    minutebook("build")
    assert house.current_calls() == {"c1"}
    (found,) = blocks(minutebook)["acme"]
    assert "call endless of vapi" in found["what"]
    assert words in found["what"]
    minutebook(found["fix"])
    minutebook("build")
    assert blocks(minutebook)["acme"] == []


@pytest.mark.resolves("row_set_aside")
def test_an_odd_call_of_an_own_account_blocks_its_tenant_until_it_is_repaired_or_accepted(
    house: House, minutebook: Minutebook
) -> None:
    house.tenant("acme", since=date(2026, 10, 1))
    house.own_vapi("acme", [call("c1", DAY), odd("odd"), odd("odder", costs={"type": "vapi"})])
    assert "published, incomplete" in minutebook(PULL)
    assert house.current_calls() == {"c1"}
    first, second = blocks(minutebook)["acme"]
    assert "call odd of vapi on 5 Oct 2026 is set aside" in first["what"]
    assert "$.cost" in first["what"]
    assert "call odder" in second["what"]
    (attention,) = standing(minutebook)
    assert attention["status"] == "incomplete"
    assert attention["cause"].count("set aside") == 2
    minutebook("approve 2026-10 --tenant acme", code=1)

    house.sandbox.world.vapi[OWN_KEY] = VapiAccount(
        in_memory([call("c1", DAY), call("odd", DAY), odd("odder", costs={})])
    )
    minutebook(PULL)
    assert house.current_calls() == {"c1", "odd"}
    (left,) = blocks(minutebook)["acme"]
    assert "call odder" in left["what"]

    minutebook(left["fix"])
    assert blocks(minutebook)["acme"] == []
    (audited,) = house.execute("select after from ledger.audit_log where object_table = 'ledger.acceptances'")
    assert (audited["after"]["subject"], audited["after"]["doubt"]) == ("odder", "quarantined")
    assert standing(minutebook) == []
    minutebook(f"{PULL} --again")
    assert blocks(minutebook)["acme"] == [], "told as it was when it was accepted"

    house.sandbox.world.vapi[OWN_KEY] = VapiAccount(
        in_memory([call("c1", DAY), call("odd", DAY), odd("odder", costs=7)])
    )
    minutebook(PULL)
    assert "call odder" in blocks(minutebook)["acme"][0]["what"], "another fault than was accepted"


def test_an_odd_call_blocks_whom_it_routes_to_and_all_of_the_account_while_that_is_nobody(
    shared: House, minutebook: Minutebook
) -> None:
    shared.own_vapi(
        None,
        [
            call("a1", DAY, phone_number_id="number-of-acme"),
            odd("of-acme", phoneNumberId="number-of-acme"),
            odd("of-nobody", phoneNumberId=None, assistantId=None),
        ],
    )
    minutebook(f"pull --source vapi --from {DAY} --to {DAY}")
    found = {tenant: [one["what"] for one in blockers] for tenant, blockers in blocks(minutebook).items()}
    assert [what.split()[1] for what in found["acme"]] == ["of-acme", "of-nobody"]
    assert [what.split()[1] for what in found["beta"]] == ["of-nobody"]
    assert "routes to nobody" in found["beta"][0]
    assert found["gamma"] == []
    statuses = shared.execute(
        "select tenant_id, status from marts.fct_tenant_day_status where usage_date = %s order by 1", DAY
    )
    assert [row["status"] for row in statuses] == ["incomplete", "incomplete", "usage"]

    (row,) = [one for one in json.loads(minutebook("quarantine list --json")) if one["item"] == "of-nobody"]
    minutebook(f"quarantine assign {row['quarantine_id']} beta beta-agent")
    found = {tenant: [one["what"] for one in blockers] for tenant, blockers in blocks(minutebook).items()}
    assert [what.split()[1] for what in found["acme"]] == ["of-acme"]
    assert [what.split()[1] for what in found["beta"]] == ["of-nobody"]
    assert "nobody (" not in found["beta"][0]
    for tenant in ("acme", "beta"):
        for one in blocks(minutebook)[tenant]:
            minutebook(one["fix"])
    assert not any(blocks(minutebook).values())
    statuses = shared.execute("select status from marts.fct_tenant_day_status where usage_date = %s", DAY)
    assert {row["status"] for row in statuses} == {"usage", "no usage"}


def test_a_day_with_a_row_set_aside_comes_back_by_itself_and_is_unchanged_while_that_stays(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OFFSET, offset_to(SOON))
    house.tenant("acme", since=DAY)
    house.own_vapi("acme", [call("c1", DAY), odd()])
    assert states(house.pull(["acme"], [DAY])) == {("acme", DAY): "published"}
    with connect(house.url, Role.LOADER) as connection:
        (day,) = [one for one in retry_schedule.account_days(connection, SOON, horizons()) if one.key.usage_date == DAY]
    assert (day.status, day.tries) == ("incomplete", 1)
    (again,) = house.pull(["acme"], [DAY])
    assert (again.state.value, again.is_incomplete) == ("unchanged", True)
    (kept,) = house.execute("select item, payload::text from ledger.quarantine")
    assert kept["item"] == "odd"
    assert "number-odd" in kept["payload"]
    house.sandbox.world.vapi[OWN_KEY] = VapiAccount(in_memory([call("c1", DAY), call("odd", DAY)]))
    assert states(house.pull(["acme"], [DAY])) == {("acme", DAY): "published"}
    with connect(house.url, Role.LOADER) as connection:
        assert not [
            one for one in retry_schedule.account_days(connection, SOON, horizons()) if one.key.usage_date == DAY
        ]
    assert house.execute("select payload from ledger.quarantine") == [{"payload": None}]


@pytest.mark.resolves("row_set_aside")
def test_a_call_that_is_too_long_is_billed_at_the_length_that_a_person_gives_and_explain_says_so(
    house: House, minutebook: Minutebook
) -> None:
    house.tenant("acme", since=date(2026, 10, 1))
    write_plan(house, "acme")
    ended = {"startedAt": f"{DAY}T12:00:02.000Z", "endedAt": "2026-12-02T12:00:02.000Z"}
    endless = call("endless", DAY, **ended, updatedAt="2026-12-02T12:00:05.000Z")
    calls = [call("c1", DAY), endless, odd("odd")]
    house.own_vapi("acme", calls)
    minutebook("pull --tenant acme --source vapi --from 2026-10-01 --to 2026-10-31")
    minutebook("build")
    blocked = {one["what"].split()[1]: one for one in blocks(minutebook)["acme"]}
    assert "--seconds N" in blocked["endless"]["what"]
    assert "--seconds N" not in blocked["odd"]["what"]
    minutebook(f"{blocked['odd']['fix']} --seconds 60", code=1)  # another fault than its length
    for seconds, units in (("43200.001", None), ("240", 4), ("300", 5)):
        minutebook(f"{blocked['endless']['fix']} --seconds {seconds}", code=1 if units is None else 0)
        if units is None:
            continue
        minutebook("build")
        assert [one["what"].split()[1] for one in blocks(minutebook)["acme"]] == ["odd"]
        (line,) = house.execute("select line_id, quantity from marts.fct_statement_lines where line_kind = 'overage'")
        assert line["quantity"] == 2 + units, "61 seconds of the other call are two minutes"
    explained = json.loads(minutebook(f"explain {line['line_id']} --objects --json"))
    (one,) = [row for row in explained["objects"] if row["object_id"] == "endless"]
    assert (one["quantity"], one["accepted_seconds"]) == ("5", "300")
    assert one["accepted_because"] == "looked at: not to be billed"
    assert len(house.execute("select after from ledger.audit_log where object_table = 'ledger.acceptances'")) == 2

    calls[1] = endless | {"endedAt": "2026-12-03T12:00:02.000Z"}  # another length than the one that was judged
    minutebook(PULL)
    minutebook("build")
    assert [one["what"].split()[1] for one in blocks(minutebook)["acme"]] == ["endless", "odd"]
    assert house.execute("select quantity from marts.fct_statement_lines where line_kind = 'overage'") == [
        {"quantity": 2}
    ]


def test_a_byte_that_is_no_utf_8_is_replaced_and_reported_and_costs_no_day(
    house: House, minutebook: Minutebook
) -> None:
    house.tenant("acme", since=DAY)
    house.own_vapi("acme", [call("c1", DAY, customer={"name": "Jose@"}), call("c2", DAY, assistantId="agent@")])
    cut = Fault(change=lambda body: body.replace(b"@", b"\xe9"))
    house.sandbox.faults.script("/vapi/call", cut, times=FOREVER)
    minutebook(PULL)
    assert house.current_calls() == {"c1"}
    (kept,) = house.execute("select payload #>> '{customer,name}' as name from raw_vapi.calls")
    assert kept["name"] == "Jose\ufffd"
    (aside,) = blocks(minutebook)["acme"]
    assert "call c2 of vapi on 5 Oct 2026 is set aside: its assistant holds a character" in aside["what"]

    def replaced() -> list[dict[str, str]]:
        found = json.loads(minutebook("doctor --json", code=1))
        return [one for one in found if "no UTF-8" in one["what"]]

    (finding,) = replaced()
    assert finding["what"].startswith("vapi of acme sent characters that are no UTF-8")
    house.sandbox.faults.clear()
    minutebook(finding["fix"])
    assert replaced() == []
    assert house.current_calls() == {"c1", "c2"}


def test_a_metric_that_cannot_be_counted_leaves_the_others_of_its_day(
    house: House, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.tenant("acme", since=DAY)
    house.attach("acme", "usage_agent", "ocr", DAY)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            "create table agent_usage_metrics (agent_id text, metric_type text, quantity numeric, cost_usd numeric,"
            " metadata jsonb, created_at timestamptz)"
        )
        for quantity in ("10", "1.5", "-3", "NaN"):
            connection.execute(
                "insert into agent_usage_metrics values ('ocr', 'scan', %s, 1, '{}', %s)", (quantity, DAY)
            )
        connection.execute("update agent_usage_metrics set created_at = '2026-10-05T08:00:00Z'")
    monkeypatch.setenv("MINUTEBOOK_USAGE_DATABASE_URL", empty_database_url)
    read = House(house.url, Settings.from_environment(), house.sandbox).pull(["acme"], [DAY], ["usage_metrics"])
    assert [(one.state.value, one.rows, one.is_incomplete) for one in read if one.tenant_id] == [("published", 1, True)]
    assert len(house.execute("select item from ledger.standing_quarantine where tenant_id = 'acme'")) == 3
