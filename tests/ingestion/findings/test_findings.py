"""What blocks an approval is resolved by exactly what is printed beside it."""

import json
from datetime import date

import pytest

from tests.ingestion.conftest import Minutebook
from tests.ingestion.house import House, call
from tests.sandbox.world import VapiAccount, in_memory

SEPTEMBER_5, OCTOBER_5, OCTOBER_6 = date(2026, 9, 5), date(2026, 10, 5), date(2026, 10, 6)


def found(minutebook: Minutebook, month: str, tenant: str, words: str) -> list[str]:
    """The commands beside the findings of a tenant's month that say these words."""
    (statement,) = json.loads(minutebook(f"review {month} --tenant {tenant} --json"))
    return [one["fix"] for one in statement["blockers"] if words in one["what"]]


def follow(minutebook: Minutebook, commands: str, secret: str | None = None) -> None:
    for command in commands.split(" && "):
        minutebook(command, secret=secret if "credential set" in command else None)


@pytest.mark.resolves("days_not_whole")
@pytest.mark.resolves("earlier_period_open")
def test_days_that_were_not_pulled_and_an_earlier_period(house: House, minutebook: Minutebook) -> None:
    house.tenant("acme", since=date(2026, 9, 1))
    house.own_vapi("acme", [call("c1", SEPTEMBER_5), call("c2", OCTOBER_5)])
    house.execute("update control.credentials set used_from = '2026-09-01'")
    for month in ("2026-09", "2026-10"):
        (pull,) = found(minutebook, month, "acme", "of vapi not pulled")
        follow(minutebook, pull)
        assert found(minutebook, month, "acme", "of vapi not pulled") == []
    # The calls have no price: a person says in so many words that this is meant.
    (earlier,) = found(minutebook, "2026-10", "acme", "is not approved")
    follow(minutebook, f"{earlier} --override 'trial month'")
    assert found(minutebook, "2026-10", "acme", "is not approved") == []


@pytest.mark.resolves("calls_in_two_accounts")
def test_one_organisation_that_is_read_under_two_keys(house: House, minutebook: Minutebook) -> None:
    shared = [call("c1", OCTOBER_5), call("c2", OCTOBER_6)]
    for tenant in ("acme", "beta"):
        house.tenant(tenant, since=date(2026, 10, 1))
        house.own_vapi(tenant, shared)
    minutebook(f"pull --source vapi --from {OCTOBER_5} --to {OCTOBER_6}")
    (fix,) = found(minutebook, "2026-10", "acme", "in two accounts")
    house.sandbox.world.vapi["the-key-of-its-own-organisation"] = VapiAccount(in_memory([call("c3", OCTOBER_5)]))
    credential, pull = fix.split(" && ")
    minutebook(credential, secret="the-key-of-its-own-organisation")
    minutebook(pull, code=1)  # what the former key returned is gone: shown, and not accepted unseen
    (accepting,) = found(minutebook, "2026-10", "acme", "in two accounts")
    assert accepting == f"{pull} --accept-loss"
    minutebook(accepting)
    for tenant in ("acme", "beta"):
        assert found(minutebook, "2026-10", tenant, "in two accounts") == []
