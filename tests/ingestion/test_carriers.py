"""What a carrier charged, from its account to the rows that every bill shares: a tenant's own, and a shared one."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from orchestration.ingestion import PullState
from tests.ingestion.house import House
from tests.sandbox.twilio.account import Key, TwilioAccount, call, of_day

DAY = date(2026, 3, 2)
OWN, MAIN, CHILD, KEY = "AC" + "a" * 32, "AC" + "b" * 32, "AC" + "c" * 32, "SK" + "d" * 32
SOURCES = ("twilio_usage", "twilio_calls")


@pytest.fixture
def carried(house: House) -> House:
    """A tenant with an account of its own, and one on a subaccount of the platform's."""
    addresses = {**house.settings.addresses, "TWILIO_URL": house.sandbox.url_of("twilio")}
    house = replace(house, settings=replace(house.settings, addresses=addresses))
    accounts = house.sandbox.world.twilio
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    accounts[OWN] = TwilioAccount(OWN, keys={KEY: Key("secret-of-a-key")})
    accounts[MAIN], accounts[CHILD] = TwilioAccount(MAIN, "token-of-the-main"), TwilioAccount(CHILD, parent=MAIN)
    for sid, account in accounts.items():
        account.usage[DAY] = of_day(sid, DAY, "0.50", calls_inbound="0.30")
        account.calls = [call(sid, int(sid[-1], 16), noon, "-0.017", parent_call_sid=None)]
    for tenant in ("own", "shared"):
        house.tenant(tenant)
    house.credential("own", "twilio", "secret-of-a-key", account_sid=OWN, api_key_sid=KEY)
    house.credential(None, "twilio", "token-of-the-main", account_sid=MAIN)
    house.attach("shared", "twilio_account", CHILD)
    return house


def test_each_account_has_its_bill_and_its_detail_and_none_another_ones(carried: House) -> None:
    outcomes = carried.pull(["own", "shared"], [DAY], SOURCES)
    assert {(one.tenant_id, one.account, one.state) for one in outcomes} == {
        ("own", "own", PullState.PUBLISHED), ("shared", "platform", PullState.PUBLISHED),
    }  # fmt: skip
    rows = carried.execute(
        "select account, grain, scope_ref, line_item, amount, currency, day_total, final_after from contracts.costs"
        " join ledger.pulls using (pull_id, account) where state = 'published'"
    )
    assert {(row["account"], row["grain"], row["scope_ref"], row["line_item"], row["amount"]) for row in rows} == {
        (account, grain, sid, item, Decimal(amount))
        for account, sid in (("own", OWN), ("platform", MAIN), ("platform", CHILD))
        for grain, item, amount in (
            ("day", "calls-inbound", "0.30"), ("day", "other", "0.20"), ("call", "call inbound", "0.017"),
        )
    }  # fmt: skip
    assert {row["final_after"] for row in rows if row["grain"] == "day"} == {datetime(2026, 4, 3, tzinfo=UTC)}


def test_read_again_a_day_says_the_same_and_a_price_that_came_is_a_restatement(carried: House) -> None:
    carried.sandbox.world.twilio[OWN].calls[0]["price"] = None
    carried.pull(["own"], [DAY], SOURCES)
    (pending,) = carried.execute("select is_pending, amount from raw_twilio.calls where account = 'own'")
    assert (pending["is_pending"], pending["amount"]) == (True, None)
    carried.sandbox.world.twilio[OWN].calls[0]["price"] = "-0.017"
    again = [one for one in carried.pull(["own"], [DAY], SOURCES) if one.account == "own"]
    found = {one.source: one.state for one in again}
    assert found == {"twilio_usage": PullState.UNCHANGED, "twilio_calls": PullState.PUBLISHED}


def test_a_day_that_the_carrier_does_not_report_fails_alone_and_is_no_zero(carried: House) -> None:
    del carried.sandbox.world.twilio[OWN].usage[DAY]
    found = {one.tenant_id: one for one in carried.pull(["own", "shared"], [DAY], ["twilio_usage"])}
    assert (found["own"].state, found["own"].cause_code) == (PullState.FAILED, "not_yet_reported")
    assert found["shared"].state is PullState.PUBLISHED


def test_a_closed_subaccount_leaves_the_platforms_day_incomplete_and_the_others_read(carried: House) -> None:
    del carried.sandbox.world.twilio[CHILD]
    (outcome,) = carried.pull(["shared"], [DAY], ["twilio_usage"])
    assert (outcome.state, outcome.is_incomplete) == (PullState.PUBLISHED, True)
    (odd,) = carried.execute("select item, reason from ledger.quarantine")
    assert "404" in odd["reason"]
