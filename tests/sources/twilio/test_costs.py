"""The bill: overlapping categories against the day's own total, and what is unknown is never 0."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sources import twilio
from sources.errors import AnswerMoved, ContractBroken, CredentialRejected, NotYetReported, ProviderRefused, RateLimited
from sources.reading import Reading
from tests.sandbox.faults import FOREVER, altered, cut_body, ok_with, status
from tests.sandbox.server import Sandbox
from tests.sandbox.twilio.account import TwilioAccount, of_day, record
from tests.sources.conftest import Clock
from tests.sources.twilio.conftest import ACCOUNT, CHILD, DAY, KEY, SECRET, Read, opened

PATH = f"/twilio/2010-04-01/Accounts/{ACCOUNT}/Usage/Records/Daily.json"
OVERLAPPING = {
    "channels": "7.46",
    "channels_whatsapp": "3.92",
    "channels_whatsapp_template_marketing": "3.92",
    "channels_messaging": "3.54",
    "channels_messaging_outbound": "2.63",
    "channels_messaging_inbound": "0.90",
    "failed_message_processing_fee": "0.01",
}
LEAVES = {
    "channels-whatsapp-template-marketing": Decimal("3.92"),
    "channels-messaging-outbound": Decimal("2.63"),
    "channels-messaging-inbound": Decimal("0.90"),
    "failed-message-processing-fee": Decimal("0.01"),
}


def rows(reading: Reading) -> list[dict[str, Any]]:
    return [
        row | {name: row[name] and Decimal(row[name]) for name in ("amount", "quantity", "day_total")}
        for row in reading.table.to_pylist()
    ]


def amounts(reading: Reading) -> dict[str, Decimal]:
    return {row["line_item"]: row["amount"] for row in rows(reading)}


def test_what_is_a_sum_of_other_categories_is_no_line(account: TwilioAccount, read: Read) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "7.46", **OVERLAPPING)
    reading = read()
    assert amounts(reading) == LEAVES
    assert reading.totals["amount"] == Decimal("7.46")
    assert reading.provider_totals == {"amount": Decimal("7.46")}


def test_what_the_total_has_beyond_its_categories_is_a_line_of_its_own(account: TwilioAccount, read: Read) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "7.50", **OVERLAPPING)
    assert amounts(read()) == LEAVES | {"other": Decimal("0.04")}


def test_categories_that_exceed_the_total_are_reported_and_not_scaled(account: TwilioAccount, read: Read) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "7.00", **OVERLAPPING)
    reading = read()
    (row,) = rows(reading)
    assert (row["line_item"], row["amount"], row["service"]) == ("total", Decimal("7.00"), "other")
    assert reading.totals["lines_beyond_total"] == 4
    assert all(f'"{name}"' in row["payload"] for name in LEAVES)


def test_a_line_has_the_literal_the_unit_the_quantity_and_whose_it_is(account: TwilioAccount, read: Read) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "0.01700", calls_inbound="0.01700")
    (row,) = rows(read())
    assert row["amount_told"] == "0.01700"
    assert row["amount"] == Decimal("0.017"), "a hundred times as much would be 1.7"
    assert (row["currency"], row["amount_unit"], row["service"]) == ("USD", "dollars", "telephony")
    assert (row["payer"], row["grain"]) == ("provider_account", "day")
    assert (row["scope_kind"], row["scope_ref"]) == ("twilio_account", ACCOUNT)
    assert (row["quantity"], row["quantity_unit"], row["day_total"]) == (5, "minutes", Decimal("0.017"))
    assert row["as_of"] == datetime(2026, 3, 2, 23, 59, tzinfo=UTC)
    assert row["final_after"] == datetime(2026, 4, 3, tzinfo=UTC), "the month is settled on the third of the next"


def test_another_currency_is_kept_in_its_major_unit(account: TwilioAccount, read: Read) -> None:
    account.usage[DAY] = [dict(row, price_unit="jpy") for row in of_day(ACCOUNT, DAY, "12", calls="12")]
    (row,) = rows(read())
    assert (row["amount"], row["currency"]) == (12, "JPY")


def test_a_day_in_two_currencies_has_no_total(account: TwilioAccount, read: Read) -> None:
    account.usage[DAY] = [*of_day(ACCOUNT, DAY, "1"), record(ACCOUNT, DAY, "calls", "1", price_unit="eur")]
    with pytest.raises(ContractBroken, match="several currencies"):
        read()


def test_the_day_is_asked_by_itself_without_its_children_and_with_the_largest_page(
    account: TwilioAccount, read: Read, sandbox: Sandbox
) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "1", calls="1")
    sandbox.world.twilio[CHILD] = TwilioAccount(CHILD, parent=ACCOUNT, usage={DAY: of_day(CHILD, DAY, "9", calls="9")})
    assert amounts(read()) == {"calls": 1}
    (asked,) = sandbox.asked(PATH)
    assert asked.params == {
        "StartDate": "2026-03-02", "EndDate": "2026-03-02", "IncludeSubaccounts": "false", "PageSize": "1000",
    }  # fmt: skip


def test_no_record_is_unknown_and_not_zero(account: TwilioAccount, read: Read) -> None:
    with pytest.raises(NotYetReported, match="unknown"):
        read()


def test_records_of_zero_are_a_day_that_cost_nothing(account: TwilioAccount, read: Read) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "0", calls="0", sms="0")
    reading = read()
    assert reading.table.num_rows == 0
    assert reading.is_whole


def test_without_a_total_the_day_is_not_published(account: TwilioAccount, read: Read) -> None:
    account.usage[DAY] = [record(ACCOUNT, DAY, "calls", "1")]
    with pytest.raises(ContractBroken, match="no totalprice"):
        read()


def test_a_category_that_is_named_twice_is_not_counted_twice(account: TwilioAccount, read: Read) -> None:
    account.usage[DAY] = [*of_day(ACCOUNT, DAY, "2", calls="1"), record(ACCOUNT, DAY, "calls", "1")]
    with pytest.raises(ContractBroken, match="twice"):
        read()


@pytest.mark.parametrize(
    "wrong", [{"account_sid": CHILD}, {"start_date": "2026-03-01"}, {"price": None}, {"category": None}, {"as_of": "x"}]
)
def test_a_record_of_elsewhere_is_set_aside_and_its_money_stays_in_the_rest(
    account: TwilioAccount, read: Read, wrong: dict[str, object]
) -> None:
    account.usage[DAY] = [*of_day(ACCOUNT, DAY, "3", calls="1"), record(ACCOUNT, DAY, "sms", "2") | wrong]
    reading = read()
    assert amounts(reading) == {"calls": 1, "other": 2}
    assert len(reading.quarantined) == 1


def test_a_credit_is_negative(account: TwilioAccount, read: Read) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "0.75", calls="1", promotional_credit="-0.25")
    assert amounts(read()) == {"calls": 1, "promotional-credit": Decimal("-0.25")}


def test_what_is_asked_again_says_the_same_though_it_is_of_later(account: TwilioAccount, read: Read) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "1", calls="1")
    first = read()
    for row in account.usage[DAY]:
        row["as_of"] = "2026-03-04T01:00:00+00:00"
    assert read().content_hash == first.content_hash
    account.usage[DAY][0]["price"] = account.usage[DAY][1]["price"] = "1.01"
    assert read().content_hash != first.content_hash


def test_the_platforms_account_has_its_attached_subaccounts_read_each_by_itself(
    account: TwilioAccount, read: Read, sandbox: Sandbox
) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "1", calls="1")
    sandbox.world.twilio[CHILD] = TwilioAccount(CHILD, parent=ACCOUNT, usage={DAY: of_day(CHILD, DAY, "9", calls="9")})
    reading = read(tenant=None, attached=(CHILD,), is_token="yes", secret=account.token)
    assert {(row["scope_ref"], row["amount"]) for row in rows(reading)} == {(ACCOUNT, 1), (CHILD, 9)}
    assert reading.provider_totals == {"amount": 10}
    assert amounts(read(attached=(CHILD,))) == {"calls": 1}, "a tenant's own account is what its key opens"


def test_a_subaccount_that_was_closed_is_set_aside_and_hides_no_other(
    account: TwilioAccount, read: Read, sandbox: Sandbox
) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "1", calls="1")
    reading = read(tenant=None, attached=(CHILD,), is_token="yes", secret=account.token)
    assert amounts(reading) == {"calls": 1}
    (odd,) = reading.quarantined
    assert "404" in odd.reason
    assert "unknown" in odd.reason
    assert odd.scopes == {"twilio_account": CHILD}


def test_the_next_page_is_followed_as_it_stands(
    account: TwilioAccount, read: Read, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    monkeypatch.setattr("sources.twilio.client.MOST_ROWS", 2)
    account.usage[DAY] = of_day(ACCOUNT, DAY, "6", a="1", b="2", c="3")
    assert amounts(read()) == {"a": 1, "b": 2, "c": 3}
    assert [asked.params.get("PageToken") for asked in sandbox.asked(PATH)] == [None, f"PA{1:032x}"]


@pytest.mark.parametrize(
    "following",
    [
        "https://elsewhere.example/2010-04-01/x.json?Page=1",
        f"/2010-04-01/Accounts/{CHILD}/Usage/Records/Daily.json?Page=1",
        f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json?Page=1",
        f"//elsewhere.example/2010-04-01/Accounts/{ACCOUNT}/Usage/Records/Daily.json?Page=1",
    ],
)
def test_a_next_page_of_elsewhere_is_not_asked(
    account: TwilioAccount, read: Read, sandbox: Sandbox, following: str
) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "1", calls="1")
    sandbox.faults.script(PATH, altered(lambda page: page | {"next_page_uri": following}), times=FOREVER)
    with pytest.raises(ContractBroken, match="next page"):
        read()
    assert {asked.path for asked in sandbox.received} == {PATH}


def test_pages_that_go_round_are_no_day(account: TwilioAccount, read: Read, sandbox: Sandbox) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "1", calls="1")
    again = PATH.removeprefix("/twilio") + "?StartDate=2026-03-02&EndDate=2026-03-02"
    sandbox.faults.script(PATH, altered(lambda page: page | {"next_page_uri": again}), times=FOREVER)
    with pytest.raises(ContractBroken, match="next page"):
        read()


def test_an_answer_that_does_not_say_whether_more_follow_is_no_answer(
    account: TwilioAccount, read: Read, sandbox: Sandbox
) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "1", calls="1")
    sandbox.faults.script(PATH, ok_with({"usage_records": []}), times=FOREVER)
    with pytest.raises(ContractBroken, match="next_page_uri"):
        read()


def test_too_many_at_once_waits_as_long_as_is_asked_and_a_cut_answer_is_asked_again(
    account: TwilioAccount, read: Read, sandbox: Sandbox, clock: Clock
) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "1", calls="1")
    too_many = {"code": 20429, "message": "Too Many Requests", "status": 429}
    sandbox.faults.script(PATH, status(429, retry_after=7, body=too_many), cut_body(), status(503))
    assert amounts(read()) == {"calls": 1}
    assert sum(clock.slept) >= 7
    sandbox.faults.script(PATH, status(429, body=too_many), times=FOREVER)
    with pytest.raises(RateLimited, match="Too Many Requests"):
        read()


def test_each_refusal_says_what_it_means(account: TwilioAccount, read: Read, sandbox: Sandbox, clock: Clock) -> None:
    with pytest.raises(CredentialRejected, match=r"401: Authenticate; key and account do not go together") as refused:
        read(secret="another-secret-of-somebody")
    assert "another-secret" not in str(refused.value)
    sandbox.world.twilio[CHILD] = TwilioAccount(CHILD)
    with pytest.raises(CredentialRejected, match="401"):
        read(account_sid=CHILD)
    account.keys[KEY].reads = {"Calls"}
    with pytest.raises(CredentialRejected, match=r"Usage/Records/Daily.json answered 403: .*give it read permission"):
        read()
    with pytest.raises(ProviderRefused, match=r"404: .*deletes a closed one"):
        read(account_sid="AC" + "d" * 32)
    account.keys[KEY].reads = None
    bad = opened(sandbox, clock)
    with pytest.raises(ProviderRefused, match="400: Invalid parameter"):
        bad.get(f"/2010-04-01/Accounts/{ACCOUNT}/Usage/Records/Daily.json", lambda body: body, {"Start": "2026-03-02"})


def test_the_secret_is_in_no_failure_even_encoded(account: TwilioAccount, sandbox: Sandbox, clock: Clock) -> None:
    client = opened(sandbox, clock)
    header = client._http.headers["authorization"].removeprefix("Basic ")
    path = PATH.removeprefix("/twilio")
    sandbox.faults.script(PATH, status(400, body={"message": f"{SECRET} {header}"}), times=FOREVER)
    with pytest.raises(ProviderRefused) as refused:
        client.get(path, lambda body: body, {})
    assert SECRET not in str(refused.value)
    assert header not in str(refused.value)


def test_a_key_is_verified_by_one_row_of_a_day_that_costs_nothing(
    account: TwilioAccount, sandbox: Sandbox, clock: Clock
) -> None:
    client = opened(sandbox, clock)
    assert twilio.USAGE.verify(client, ()) == f"usage records of account {ACCOUNT} can be read"
    account.keys[KEY].reads = {"Calls", "Recordings", "Messages"}
    with pytest.raises(CredentialRejected, match="403"):
        twilio.USAGE.verify(client, ())
    assert "calls, recordings, messages" in str(twilio.CALLS.verify(client, ()))
    account.keys[KEY].reads = {"Usage", "Calls", "Recordings"}
    with pytest.raises(CredentialRejected, match=r"Messages.json answered 403"):
        twilio.CALLS.verify(client, ())


def test_a_page_that_repeats_a_row_has_moved(
    account: TwilioAccount, read: Read, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    monkeypatch.setattr("sources.twilio.client.MOST_ROWS", 1)
    account.usage[DAY] = [dict(row, sid="UR1") for row in of_day(ACCOUNT, DAY, "1", calls="1")]
    with pytest.raises(AnswerMoved, match="two pages"):
        read()


def test_days_are_read_again_for_three_nights_and_on_the_third_of_the_next_month() -> None:
    assert (twilio.USAGE.look_back_days, twilio.USAGE.settles_on) == (3, 3)
    assert "from day 3 of the next one on" in twilio.USAGE.late_changes
    assert twilio.USAGE.final_after(DAY - timedelta(days=2)) == datetime(2026, 3, 4, tzinfo=UTC)
