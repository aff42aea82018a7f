"""What an account holds is listed without its secrets, and what is missing of a tenant is proposed and attached."""

import json
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from tests.ingestion.conftest import Minutebook
from tests.ingestion.house import House, call
from tests.sandbox.world import VapiAccount, in_memory
from tests.sources.test_allowed import CANARY, SECRETS_OF_A_CALL

FIRST, SECOND = date(2026, 10, 28), date(2026, 10, 30)


def held(object_id: str, name: str | None = None, at: str = "2026-01-05T09:00:00.000Z", **more: Any) -> dict[str, Any]:
    """With secrets where the provider may put them."""
    secrets = {**SECRETS_OF_A_CALL, "twilioAuthToken": CANARY, "authentication": {"password": CANARY}}
    return secrets | {"id": object_id, "createdAt": at, "updatedAt": at} | ({"name": name} if name else {}) | more


@pytest.fixture
def platform(house: House) -> VapiAccount:
    """The platform's account: two numbers, an assistant for the web, and calls of three days."""
    account = house.sandbox.world.vapi[house.own_vapi(None, [])]
    account.numbers = [
        held("n-1", "Acme front desk", number="+15550100"),
        held("n-2", sipUri="sip:desk@example.invalid"),
        held("n-3", "Acmeology", number="+15550103"),
    ]
    account.assistants = [held("a-1", "ACME web"), held("a-2", "Acme front desk")]
    account.campaigns = [
        held(f"c-{number}", f"Recall {number}", callMetrics={"dialed": number, "connected": "few"})
        for number in range(150)
    ]
    web = call("web", SECOND, assistant_id="a-1")
    del web["phoneNumberId"]
    account.calls_between = in_memory(
        [
            call("one", FIRST, phone_number_id="n-1", assistant_id="a-2"),
            call("two", SECOND, phone_number_id="n-1", assistant_id="a-2"),
            call("gone", SECOND, phone_number_id="n-9", assistant_id="a-2"),
            web,
        ]
    )
    return account


@pytest.fixture
def acme(house: House, platform: VapiAccount, minutebook: Minutebook) -> Minutebook:
    minutebook("init")
    minutebook("tenant create acme --name Acme --currency USD --activated-on 2026-10-01")
    minutebook("tenant create other --name Other --currency USD --activated-on 2026-10-01")
    minutebook("agent create other other-desk")
    minutebook("agent attach other other-desk vapi_phone_number n-2 --from 2026-10-01")
    minutebook(f"pull --source vapi --from {FIRST} --to {SECOND}")
    return minutebook


def test_what_the_platforms_account_holds_is_listed_with_whose_it_is_and_no_secret(
    acme: Minutebook, house: House
) -> None:
    house.execute(
        "insert into marts.dim_campaigns (tenant_id, source, account, campaign_id, calls, connected_calls,"
        " first_usage_date, last_usage_date, count_state)"
        " select of_tenant, source, account, 'c-7', calls, connected, '2026-10-01', '2026-10-02', 'uncounted'"
        " from (values"
        " ('acme', 'vapi', 'platform', 5, 3), ('other', 'vapi', 'platform', 1, 0), ('acme', 'x', 'platform', 9, 9),"
        " ('acme', 'vapi', 'acme', 9, 9)) as made (of_tenant, source, account, calls, connected)"
    )
    told = acme("discover vapi --json")
    found = {row["id"]: row for row in json.loads(told)["found"]}
    assert CANARY not in told
    counted = {row["id"]: row for row in json.loads(told)["campaigns"]}
    assert counted["c-7"] == {
        "id": "c-7", "name": "Recall 7", "calls_by_provider": 7, "calls": 6, "connected_by_provider": None,
        "connected": 3,
    }  # fmt: skip
    assert len(counted) == 150, "of two pages"
    assert not counted.keys() & found.keys()
    assert (found["n-1"]["unattached_since"], found["n-1"]["unattached_calls"]) == (str(FIRST), 2)
    assert (found["n-2"]["tenant_id"], found["n-2"]["label"]) == ("other", "sip:desk@example.invalid")
    assert found["a-2"]["unattached_calls"] == 0, "its calls would route by their number"
    assert (found["a-1"]["unattached_since"], found["n-9"]["what"]) == (str(SECOND), "not held any more")
    assert json.loads(told)["proposals"] == []
    told = acme("discover vapi")
    assert "c-149" in told.split("Its campaigns")[1]
    assert "c-149" not in told.split("Its campaigns")[0]


def test_what_bears_a_tenants_name_is_proposed_from_the_first_call_on_and_attached_when_confirmed(
    acme: Minutebook, house: House
) -> None:
    proposed = json.loads(acme("discover vapi --tenant acme --json"))["proposals"]
    assert proposed == [
        "minutebook agent create acme acme-front-desk --name 'Acme front desk' && minutebook agent attach acme"
        f" acme-front-desk vapi_phone_number n-1 --from {FIRST}",
        "minutebook agent create acme acme-web --name 'ACME web' && minutebook agent attach acme acme-web"
        f" vapi_assistant a-1 --from {SECOND}",
    ]
    said = CliRunner().invoke(app, ["discover", "vapi", "--tenant", "acme", "--apply"], input="y\nn\n")
    assert said.exit_code == 0, said.output
    assert attached(house) == [("vapi_phone_number", "n-1", "acme-front-desk", FIRST)]
    acme("discover vapi --tenant acme --apply --yes")
    assert ("vapi_assistant", "a-1", "acme-front-desk", SECOND) in attached(house), "its only agent by now"
    assert "nothing is missing of acme" in acme("discover vapi --tenant acme")
    acme("discover vapi --tenant acme --apply --yes")
    assert len(attached(house)) == 2


def test_an_id_is_proposed_whatever_its_name_and_what_is_anothers_is_not(acme: Minutebook, house: House) -> None:
    acme("agent create acme acme-bot")
    acme("discover vapi --tenant acme --only n-3 --only n-9 --only n-2 --agent acme-bot --apply --yes")
    assert attached(house) == [
        ("vapi_phone_number", "n-3", "acme-bot", date(2026, 11, 3)),
        ("vapi_phone_number", "n-9", "acme-bot", SECOND),
    ]
    acme("discover vapi --tenant acme --only n-404", code=1)
    acme("discover vapi --apply", code=2)
    acme("discover twilio", code=2)
    acme("discover vapi --tenant nobody", code=1)


def test_all_of_a_tenants_own_account_is_its_own(acme: Minutebook, house: House) -> None:
    own = house.sandbox.world.vapi[house.own_vapi("acme", [])]
    own.numbers = [held(f"own-{number}", at=f"2026-01-05T09:00:00.{number:03}Z") for number in range(250)]
    found = json.loads(acme("discover vapi --tenant acme --json"))
    assert (found["account"], len(found["found"]), len(found["proposals"])) == ("acme", 250, 250)
    assert "--from 2026-11-03" in found["proposals"][0], "a number that nobody called yet, from today on"


def attached(house: House) -> list[tuple[str, str, str, date]]:
    rows = house.execute(
        "select kind, value, agent_id, valid_from from control.agent_attachments where tenant_id = 'acme'"
    )
    return sorted((row["kind"], row["value"], row["agent_id"], row["valid_from"]) for row in rows)
