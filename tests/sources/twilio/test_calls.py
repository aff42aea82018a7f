"""Single calls and what hangs on them: signs, prices that are pending, legs, recordings, and the day of each."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sources.errors import ContractBroken
from sources.personal import Choices, Keep
from sources.reading import Reading
from tests.sandbox.faults import FOREVER, altered
from tests.sandbox.server import Sandbox
from tests.sandbox.twilio.account import TwilioAccount, call, message, recording, sid, transcription
from tests.sources.twilio.conftest import ACCOUNT, CHILD, DAY, Read

NOON = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
MIDNIGHT = NOON.replace(hour=0)
LISTS = f"/twilio/2010-04-01/Accounts/{ACCOUNT}"


def rows(reading: Reading) -> dict[str, dict[str, Any]]:
    """Rows by what was charged, their numbers as such."""
    numbers = ("amount", "quantity")
    found = reading.table.to_pylist()
    return {row["call_ref"]: row | {name: row[name] and Decimal(row[name]) for name in numbers} for row in found}


def test_a_negative_price_is_a_cost_by_its_literal(account: TwilioAccount, read: Read) -> None:
    account.calls = [call(ACCOUNT, 1, NOON, "-0.0170", duration="61")]
    (row,) = rows(read(details=True)).values()
    assert row["amount"] == Decimal("0.017"), "neither -0.017 nor 1.7"
    assert (row["amount_told"], row["amount_unit"], row["currency"]) == ("-0.0170", "negative_dollars", "USD")
    assert (row["grain"], row["service"], row["line_item"]) == ("call", "telephony", "call inbound")
    assert (row["call_ref"], row["parent_ref"]) == (sid("CA", 1), None)
    assert (row["quantity"], row["quantity_unit"]) == (61, "seconds")
    assert row["is_pending"] is None


@pytest.mark.parametrize("state", ["busy", "failed", "no-answer", "canceled"])
def test_no_price_of_a_call_that_never_connected_is_0(account: TwilioAccount, read: Read, state: str) -> None:
    account.calls = [call(ACCOUNT, 1, NOON, None, status=state, duration="0")]
    (row,) = rows(read(details=True)).values()
    assert (row["amount"], row["currency"], row["is_pending"]) == (0, "USD", None)


def test_no_price_of_a_completed_call_is_pending_and_comes_though_nothing_says_it_was_updated(
    account: TwilioAccount, read: Read
) -> None:
    account.calls = [call(ACCOUNT, 1, NOON, None)]
    reading = read(details=True)
    (row,) = rows(reading).values()
    assert (row["amount"], row["currency"], row["is_pending"]) == (None, None, True)
    assert reading.is_whole, "one that is never rated must not hold a day up"
    account.calls[0]["price"] = "-0.0085"
    rated = read(details=True)
    assert rows(rated)[sid("CA", 1)]["amount"] == Decimal("0.0085")
    assert rated.content_hash != reading.content_hash


def test_a_call_that_goes_on_is_pending_and_its_day_is_not_whole(account: TwilioAccount, read: Read) -> None:
    account.calls = [call(ACCOUNT, 1, NOON, None, status="in-progress", duration="", end_time=None)]
    reading = read(details=True)
    assert reading.is_incomplete
    (row,) = rows(reading).values()
    assert (row["is_pending"], row["quantity"]) == (True, None)


def test_a_leg_names_the_call_it_belongs_to(account: TwilioAccount, read: Read) -> None:
    leg = call(ACCOUNT, 2, NOON, "-0.014", parent_call_sid=sid("CA", 1), direction="outbound-dial")
    account.calls = [call(ACCOUNT, 1, NOON), leg]
    assert rows(read(details=True))[sid("CA", 2)]["parent_ref"] == sid("CA", 1)


@pytest.mark.parametrize(("price", "unit"), [("-0.0025", "negative_dollars"), ("0.0025", "dollars")])
def test_a_recording_costs_whatever_sign_it_has_and_belongs_to_its_call(
    account: TwilioAccount, read: Read, price: str, unit: str
) -> None:
    account.recordings = [recording(ACCOUNT, 1, sid("CA", 1), NOON, price)]
    (row,) = rows(read(details=True)).values()
    assert (row["amount"], row["amount_unit"]) == (Decimal("0.0025"), unit)
    assert (row["parent_ref"], row["line_item"]) == (sid("CA", 1), "recording")
    assert "CANARY" not in row["payload"]


def test_a_recording_that_was_deleted_has_cost_what_it_has_cost(account: TwilioAccount, read: Read) -> None:
    account.recordings = [
        recording(ACCOUNT, 1, None, NOON, "-0.0025", status="deleted"),
        recording(ACCOUNT, 2, None, NOON, None, status="absent"),
        recording(ACCOUNT, 3, None, NOON, None, status="processing"),
    ]
    found = [(row["amount"], row["is_pending"]) for row in rows(read(details=True)).values()]
    assert sorted(found, key=str) == [(Decimal(0), None), (Decimal("0.0025"), None), (None, True)]


def test_a_message_is_no_call_and_its_words_are_never_stored(account: TwilioAccount, read: Read) -> None:
    account.messages = [
        message(ACCOUNT, 1, NOON),
        message(ACCOUNT, 2, NOON, None, status="delivered"),
        message(ACCOUNT, 3, NOON, None, status="failed", num_segments="0"),
    ]
    kept = Choices(Keep.KEPT, Keep.KEPT, Keep.KEPT)
    found = rows(read(details=True, choices=kept))
    assert [(row["amount"], row["is_pending"]) for row in found.values()] == [
        (Decimal("0.0075"), None), (None, True), (0, None),
    ]  # fmt: skip
    first = found[sid("SM", 1)]
    assert (first["service"], first["parent_ref"], first["quantity_unit"]) == ("sms", None, "segments")
    assert "what was written" not in str(found)
    assert "+15550101017" in first["payload"]


def test_messages_and_transcriptions_are_read_as_the_credential_says(
    account: TwilioAccount, read: Read, sandbox: Sandbox
) -> None:
    read(details=True)
    asked = {one.path.rpartition("/")[2] for one in sandbox.received}
    assert asked == {"Calls.json", "Recordings.json", "Messages.json"}
    sandbox.received.clear()
    read(details=True, messages="no", transcriptions="yes")
    asked = {one.path.rpartition("/")[2] for one in sandbox.received}
    assert asked == {"Calls.json", "Recordings.json", "Transcriptions.json"}


def test_a_transcription_belongs_to_the_call_of_its_recording(account: TwilioAccount, read: Read) -> None:
    account.recordings = [recording(ACCOUNT, 1, sid("CA", 1), NOON, "-0.0025")]
    account.transcriptions = [
        transcription(ACCOUNT, 1, sid("RE", 1), NOON, "-0.05000", "completed"),
        transcription(ACCOUNT, 2, sid("RE", 9), NOON, None, "failed"),
        transcription(ACCOUNT, 3, sid("RE", 9), NOON, None, "in-progress"),
        transcription(ACCOUNT, 4, sid("RE", 9), NOON - timedelta(days=1), "-0.05", "completed"),
    ]
    found = rows(read(details=True, transcriptions="yes"))
    assert found[sid("TR", 1)]["parent_ref"] == sid("CA", 1)
    assert found[sid("TR", 1)]["amount"] == Decimal("0.05")
    assert (found[sid("TR", 2)]["parent_ref"], found[sid("TR", 2)]["amount"]) == (sid("RE", 9), 0)
    assert found[sid("TR", 3)]["is_pending"]
    assert sid("TR", 4) not in found
    assert "what was said" not in str(found)


def test_a_day_holds_what_began_in_it_whichever_bound_twilio_counts_in(
    account: TwilioAccount, read: Read, sandbox: Sandbox
) -> None:
    moments = [MIDNIGHT - timedelta(seconds=1), MIDNIGHT, MIDNIGHT + timedelta(hours=23, minutes=59, seconds=59)]
    moments.append(MIDNIGHT + timedelta(days=1))
    account.calls = [call(ACCOUNT, number, at) for number, at in enumerate(moments)]
    account.recordings = [recording(ACCOUNT, number, None, at, "-0.01") for number, at in enumerate(moments)]
    account.messages = [message(ACCOUNT, number, at) for number, at in enumerate(moments)]
    assert rows(read(details=True)).keys() == {sid(kind, number) for kind in ("CA", "RE", "SM") for number in (1, 2)}
    (calls,) = sandbox.asked(f"{LISTS}/Calls.json")
    assert calls.params == {"StartTime>": "2026-03-02", "StartTime<": "2026-03-03", "PageSize": "1000"}
    (recordings,) = sandbox.asked(f"{LISTS}/Recordings.json")
    assert recordings.params["IncludeSoftDeleted"] == "true"


def test_a_call_that_crosses_midnight_is_of_the_day_it_began_on(account: TwilioAccount, read: Read) -> None:
    late = MIDNIGHT + timedelta(hours=23, minutes=59, seconds=58)
    account.calls = [call(ACCOUNT, 1, late, end_time="Tue, 03 Mar 2026 00:09:00 +0000")]
    assert rows(read(details=True)).keys() == {sid("CA", 1)}
    assert rows(read(DAY + timedelta(days=1), details=True)) == {}


def test_two_currencies_stay_two_sums(account: TwilioAccount, read: Read) -> None:
    account.calls = [call(ACCOUNT, 1, NOON, "-0.2"), call(ACCOUNT, 2, NOON, "-15", price_unit="jpy")]
    found = rows(read(details=True))
    assert {(row["currency"], row["amount"]) for row in found.values()} == {("USD", Decimal("0.2")), ("JPY", 15)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"sid": None}, {"account_sid": CHILD}, {"price_unit": None}, {"price": "cheap"}, {"direction": 7, "sid": 7},
        {"parent_call_sid": sid("CA", 2)}, {"duration": "-1"},
    ],
)  # fmt: skip
def test_a_call_that_breaks_the_contract_is_set_aside_by_itself(
    account: TwilioAccount, read: Read, wrong: dict[str, object]
) -> None:
    account.calls = [call(ACCOUNT, 1, NOON), call(ACCOUNT, 2, NOON) | wrong]
    reading = read(details=True)
    assert rows(reading).keys() == {sid("CA", 1)}
    assert len(reading.quarantined) == 1


def test_a_call_that_names_no_time_is_set_aside(account: TwilioAccount, read: Read, sandbox: Sandbox) -> None:
    account.calls = [call(ACCOUNT, 1, NOON)]

    def timeless(page: Any) -> Any:
        page["calls"].append(page["calls"][0] | {"sid": "CA2", "start_time": "yesterday", "date_created": None})
        return page

    sandbox.faults.script(f"{LISTS}/Calls.json", altered(timeless))
    reading = read(details=True)
    assert rows(reading).keys() == {sid("CA", 1)}
    assert len(reading.quarantined) == 1


def test_who_was_on_the_line_is_stored_as_the_tenant_chose(account: TwilioAccount, read: Read) -> None:
    account.calls = [call(ACCOUNT, 1, NOON, forwarded_from="+15550101055", caller_name="A CALLER")]
    numbers = ("+15550101000", "+15550101007", "+15550101055", "A CALLER")
    stored = {keep: rows(read(details=True, choices=Choices(keep)))[sid("CA", 1)]["payload"] for keep in Keep}
    assert all(number in stored[Keep.KEPT] for number in numbers)
    assert not any(number in stored[Keep.REDACTED] + stored[Keep.NEVER] for number in numbers)
    assert "(555) 010-1000" not in stored[Keep.KEPT], "the same number in another dress"
    assert '"price":"-0.0085"' in stored[Keep.NEVER]
    reading = read(details=True)
    assert reading.new_fields == frozenset()


def test_an_answer_without_rows_of_its_name_is_no_answer(account: TwilioAccount, read: Read, sandbox: Sandbox) -> None:
    wrong = altered(lambda page: {"call": page["calls"], "next_page_uri": None})
    sandbox.faults.script(f"{LISTS}/Calls.json", wrong, times=FOREVER)
    with pytest.raises(ContractBroken):
        read(details=True)
