"""An account at Twilio, and rows as it answers them."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any

Row = dict[str, Any]


@dataclass
class Key:
    """An API key. `reads`: the lists it may read, None for all."""

    secret: str
    reads: set[str] | None = None


@dataclass
class TwilioAccount:
    """`token` opens it and its subaccounts, `keys` (by SID) this account alone. `usage` by day; a day that is not in it
    has no record at all.
    """

    sid: str
    token: str = "auth-token-of-a-main-account"
    parent: str | None = None
    keys: dict[str, Key] = field(default_factory=dict)
    usage: dict[date, list[Row]] = field(default_factory=dict)
    calls: list[Row] = field(default_factory=list)
    recordings: list[Row] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)
    transcriptions: list[Row] = field(default_factory=list)


def record(account: str, day: date, category: str, price: str, **fields: object) -> Row:
    """A usage record; `fields` replace what it says."""
    is_total = category == "totalprice"
    return {
        "account_sid": account,
        "api_version": "2010-04-01",
        "as_of": f"{day}T23:59:00+00:00",
        "category": category,
        "count": None if is_total else "3",
        "count_unit": "" if is_total else "calls",
        "description": category,
        "start_date": day.isoformat(),
        "end_date": day.isoformat(),
        "price": price,
        "price_unit": "usd",
        "usage": price if is_total else "5",
        "usage_unit": "usd" if is_total else "minutes",
        "uri": f"/2010-04-01/Accounts/{account}/Usage/Records/Daily.json?Category={category}",
    } | fields


def of_day(account: str, day: date, total: str, /, **prices: str) -> list[Row]:
    """The records of a day: a total, and categories whose names have - where a Python name has _."""
    named = {name.replace("_", "-"): price for name, price in prices.items()}
    return [record(account, day, name, price) for name, price in {"totalprice": total, **named}.items()]


def sid(kind: str, number: int) -> str:
    """A SID: `CA` and 32 hexadecimal digits."""
    return f"{kind}{number:032x}"


def rfc2822(at: datetime) -> str:
    """As Twilio writes a moment: `Fri, 18 Oct 2019 17:02:00 +0000`."""
    return format_datetime(at.astimezone(UTC))


def call(account: str, number: int, at: datetime, price: str | None = "-0.0085", **fields: object) -> Row:
    """A call of 42 seconds that was completed."""
    moment = rfc2822(at)
    return {
        "sid": sid("CA", number), "account_sid": account, "parent_call_sid": None, "status": "completed",
        "direction": "inbound", "date_created": moment, "start_time": moment, "end_time": moment,
        "date_updated": moment, "duration": "42", "price": price, "price_unit": "USD",
        "from": "+15550101000", "from_formatted": "(555) 010-1000", "to": "+15550101007", "forwarded_from": None,
        "phone_number_sid": sid("PN", 1), "answered_by": None, "queue_time": "0", "trunk_sid": "",
        "api_version": "2010-04-01", "uri": f"/2010-04-01/Accounts/{account}/Calls/{sid('CA', number)}.json",
    } | fields  # fmt: skip


def recording(account: str, number: int, of_call: str | None, at: datetime, price: str | None, **fields: object) -> Row:
    """A recording of a second."""
    return {
        "sid": sid("RE", number), "account_sid": account, "call_sid": of_call, "conference_sid": None,
        "date_created": rfc2822(at), "date_updated": rfc2822(at), "start_time": rfc2822(at), "duration": "1",
        "price": price, "price_unit": "USD", "status": "completed", "channels": 1, "source": "RecordVerb",
        "error_code": None, "encryption_details": {"encryption_cek": "CANARY"}, "api_version": "2010-04-01",
    } | fields  # fmt: skip


def message(account: str, number: int, at: datetime, price: str | None = "-0.00750", **fields: object) -> Row:
    """A message that was received."""
    return {
        "sid": sid("SM", number), "account_sid": account, "body": "what was written", "direction": "inbound",
        "date_created": rfc2822(at), "date_sent": rfc2822(at), "date_updated": rfc2822(at), "status": "received",
        "num_segments": "1", "num_media": "0", "price": price, "price_unit": "USD", "error_code": None,
        "error_message": None, "messaging_service_sid": None, "from": "+15550101017", "to": "+15550101007",
        "api_version": "2010-04-01",
    } | fields  # fmt: skip


def transcription(account: str, number: int, recording_sid: str, at: datetime, price: str | None, status: str) -> Row:
    """A transcription of a recording."""
    return {
        "sid": sid("TR", number), "account_sid": account, "recording_sid": recording_sid, "status": status,
        "date_created": rfc2822(at), "date_updated": rfc2822(at), "duration": "6", "price": price,
        "price_unit": "USD", "transcription_text": "what was said", "type": "fast", "api_version": "2010-04-01",
    }  # fmt: skip
