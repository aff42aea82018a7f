"""What single calls, recordings, messages and transcriptions cost: detail of the bill, never added to it.

Twilio writes what it charges as a negative price, and none until it has rated a call: the price arrives without
touching `date_updated`, so days are read again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime

from sources.bills import checked, literal, number
from sources.checks.undocumented import Undocumented, currency_in
from sources.rows import Row
from sources.twilio.client import ACCOUNT, Answer, TwilioClient, listed
from sources.window import Window

GOING_ON = frozenset({"queued", "initiated", "ringing", "in-progress"})


@dataclass(frozen=True)
class Detail:
    """A list of things that are priced one by one.

    rows: its name in the answer. asked: the parameters of a day, by their first and second bound (both included or not:
    the rows are filtered again). at: the field that places a row on a day. free: statuses in which no price means 0.
    quantity: field and unit. is_signed: whether the sign of a price says something; a recording's does not.
    """

    resource: str
    rows: str
    service: str
    item: Callable[[Answer], str]
    parent: str | None
    at: str
    quantity: tuple[str, str]
    free: frozenset[str]
    bound: str | None = None
    besides: tuple[tuple[str, str], ...] = ()
    is_signed: bool = True


CALLS = Detail(
    "Calls", "calls", "telephony", lambda row: f"call {row['direction']}", "parent_call_sid", "start_time",
    ("duration", "seconds"), frozenset({"busy", "failed", "no-answer", "canceled"}), bound="StartTime",
)  # fmt: skip
RECORDINGS = Detail(
    "Recordings", "recordings", "telephony", lambda row: "recording", "call_sid", "date_created",
    ("duration", "seconds"), frozenset({"absent"}), bound="DateCreated",
    # One that was deleted since has cost what it has cost.
    besides=(("IncludeSoftDeleted", "true"),), is_signed=False,
)  # fmt: skip
MESSAGES = Detail(
    "Messages", "messages", "sms", lambda row: f"message {row['direction']}", None, "date_sent",
    ("num_segments", "segments"), frozenset({"failed", "canceled"}), bound="DateSent",
)  # fmt: skip
# Their list knows no days: it is read whole.
TRANSCRIPTIONS = Detail(
    "Transcriptions", "transcriptions", "stt", lambda row: "transcription", "recording_sid", "date_created",
    ("duration", "seconds"), frozenset({"failed"}), is_signed=False,
)  # fmt: skip
BESIDES = {"messages": MESSAGES, "transcriptions": TRANSCRIPTIONS}


def read(client: TwilioClient, account: str, usage_date: date) -> list[Row]:
    """Everything of an account that began on the UTC day. Raises SourceFailure."""
    details = (CALLS, RECORDINGS, *(BESIDES[name] for name in client.details))
    rows = [row for detail in details for row in _of_day(client, account, detail, usage_date)]
    calls = {row.values["call_ref"]: row.values["parent_ref"] for row in rows if not row.fault}
    return [_with_call(row, calls) for row in rows]


def is_going_on(row: Row) -> bool:
    """Whether it is a call that has not ended."""
    return row.answer.get("status") in GOING_ON and "parent_call_sid" in row.answer


def _of_day(client: TwilioClient, account: str, detail: Detail, usage_date: date) -> Iterator[Row]:
    asked = dict(detail.besides)
    if detail.bound:
        # Twilio says of one bound that it is included and of the other not, and not of all lists the same.
        asked[f"{detail.bound}>"] = usage_date.isoformat()
        asked[f"{detail.bound}<"] = (usage_date + timedelta(days=1)).isoformat()
    window = Window.of_day(usage_date)
    found = listed(client, account, detail.resource, detail.rows, asked)
    return checked(lambda answer: _row(detail, account, answer), _within(window, detail, found))


def _within(window: Window, detail: Detail, found: Iterable[Answer]) -> Iterator[Answer]:
    """What is placed within the window, and what cannot be placed."""
    for answer in found:
        at = _moment(answer.get(detail.at)) or _moment(answer.get("date_created"))
        if at is None or at in window:
            yield answer


def _row(detail: Detail, account: str, answer: Answer) -> Row:
    if answer["account_sid"] != account:
        raise Undocumented(f"it is not of account {account}")
    if _moment(answer.get(detail.at)) is None and _moment(answer["date_created"]) is None:
        raise Undocumented("it names no time")
    field, unit = detail.quantity
    used = answer.get(field)
    quantity = None if used in (None, "") else number(used)
    return Row(
        {
            "grain": "call",
            "scope_kind": ACCOUNT,
            "scope_ref": account,
            "service": detail.service,
            "line_item": detail.item(answer),
            "call_ref": answer["sid"],
            "parent_ref": (answer[detail.parent] or None) if detail.parent else None,
            "quantity": quantity,
            "quantity_unit": unit if quantity is not None else None,
            "payer": "provider_account",
            **_money(detail, answer),
        },
        answer,
    )


def _money(detail: Detail, answer: Answer) -> dict[str, object]:
    """The price as a cost; pending until it is rated, and 0 for what never will be."""
    price, status = answer["price"], answer["status"]
    if price in (None, ""):
        if status not in detail.free:
            return {"is_pending": True}
        return {"amount": Decimal(0), "currency": _currency(answer)}
    told = number(price)
    is_negative = told < 0 or detail.is_signed
    return {
        "amount": told.copy_negate() if is_negative and told else told,
        "currency": _currency(answer),
        "amount_told": literal(price),
        "amount_unit": "negative_dollars" if is_negative else "dollars",
    }


def _currency(answer: Answer) -> str:
    unit = answer["price_unit"]
    if not isinstance(unit, str) or len(unit) != 3:
        raise Undocumented(f"its price is in {currency_in(unit)}")
    return unit.upper()


def _with_call(row: Row, calls: "dict[str, str | None]") -> Row:
    """A transcription is of its recording's call, where that is of the same day."""
    parent = row.values.get("parent_ref")
    call = calls.get(str(parent)) if row.values.get("line_item") == "transcription" else None
    return row if call is None else replace(row, values={**row.values, "parent_ref": call})


def _moment(text: object) -> datetime | None:
    """RFC 2822, as Twilio writes moments; None for none, and for what is none."""
    try:
        at = parsedate_to_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo else None
