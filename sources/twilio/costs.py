"""The bill: usage records of a UTC day, whose categories overlap, settled against the day's own total.

A category whose name another priced one continues (`calls`, `calls-inbound`) is a sum of others, and no line. What the
total has beyond the lines is a line of its own; where the lines have more, names do not nest as thought, and the total
alone is the line.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sources.bills import bill_line, literal, number
from sources.checks.undocumented import day_in, fault_of
from sources.errors import ContractBroken, NotYetReported
from sources.reading import BEYOND_TOTAL
from sources.rows import Row, moment
from sources.text import said_day
from sources.twilio.client import ACCOUNT, Answer, TwilioClient, listed
from sources.twilio.services import service_of

TOTAL = "totalprice"


def lines(client: TwilioClient, account: str, usage_date: date) -> list[Row]:
    """The lines of an account's day, which add up to its total. Raises SourceFailure, so too where no record is there:
    unknown, and not zero.
    """
    day, said = usage_date.isoformat(), said_day(usage_date)
    # The parent's records hold its children's unless it is asked otherwise.
    asked = {"StartDate": day, "EndDate": day, "IncludeSubaccounts": "false"}
    records = list(listed(client, account, "Usage/Records/Daily", "usage_records", asked))
    if not records:
        raise NotYetReported(f"Twilio has no usage record of account {account} on {said}: what it cost is unknown")
    odd = [Row({}, record, fault=fault) for record in records if (fault := _fault(record, account, day))]
    good = [record for record in records if not _fault(record, account, day)]
    categories = [record["category"] for record in good]
    if len(set(categories)) < len(categories):
        raise ContractBroken(f"Twilio: usage records of account {account} name a category twice on {said}")
    total = next((record for record in good if record["category"] == TOTAL), None)
    if total is None:
        raise ContractBroken(f"Twilio: usage records of account {account} have no {TOTAL} on {said}")
    if len({str(record["price_unit"]).upper() for record in good}) > 1:
        raise ContractBroken(f"Twilio: usage records of account {account} are in several currencies on {said}")
    return [*_settled(total, leaves(good)), *odd]


def leaves(records: "list[Answer]") -> "list[Answer]":
    """Records that are priced, and no sum of others."""
    priced = [record for record in records if record["category"] != TOTAL and number(record["price"])]
    names = [record["category"] for record in priced]
    return [one for one in priced if not any(name.startswith(f"{one['category']}-") for name in names)]


def _settled(total: Answer, found: "list[Answer]") -> list[Row]:
    rest = number(total["price"]) - sum((number(record["price"]) for record in found), Decimal(0))
    if rest < 0:
        named = [{"category": record["category"], "price": literal(record["price"])} for record in found]
        return [_line(total, total, "total", number(total["price"]), answer={**total, "leaves": named})]
    rows = [_line(record, total, record["category"], number(record["price"])) for record in found]
    return [*rows, _line(total, total, "other", rest)] if rest else rows


def _line(record: Answer, total: Answer, line_item: str, amount: Decimal, answer: Answer | None = None) -> Row:
    is_own = record is not total
    used = record.get("usage") if is_own else None
    row = bill_line(
        answer or record,
        scope=(ACCOUNT, record["account_sid"]),
        service=service_of(line_item) if is_own else "other",
        line_item=line_item,
        amount=amount,
        currency=record["price_unit"],
        amount_told=literal(record["price"]),
        amount_unit="dollars",
        quantity=None if used in (None, "") else number(used),
        quantity_unit=record.get("usage_unit") or None,
    )
    as_of = moment(record.get("as_of"))
    return replace(row, values={**row.values, "day_total": number(total["price"]), "as_of": as_of})


def _fault(record: Answer, account: str, day: str) -> str | None:
    """What is wrong with a record: another account's or day's, or no price."""
    try:
        number(record["price"]), moment(record.get("as_of")), number(record.get("usage") or 0)
        names = (record["category"], record["price_unit"])
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        return fault_of(error)
    if not all(isinstance(name, str) and name for name in names):
        return "it names no category, or no currency"
    if record.get("account_sid") != account:
        return f"it is not of account {account}"
    if (record.get("start_date"), record.get("end_date")) != (day, day):
        first, last = day_in(record.get("start_date")), day_in(record.get("end_date"))
        return f"it is of {first} to {last}, and {day_in(day)} was asked for"
    return None


def notices(rows: "list[Row]") -> Mapping[str, Decimal]:
    """How many categories were left out because they add up to more than their day's total."""
    beyond = sum(len(row.answer["leaves"]) for row in rows if "leaves" in row.answer)
    return {BEYOND_TOTAL: Decimal(beyond)} if beyond else {}
