"""Twilio: what an account was charged, as its bill by UTC day and as its calls, recordings and messages one by one.

Usage/Records/Daily ──▶ costs (leaves against the day's total) ──▶ lines of grain day ─┐
Calls, Recordings, Messages, Transcriptions ──▶ calls ──▶ rows of grain call ──────────┴─▶ Reading
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sources.bills import bill
from sources.day import Access, Day, Scope
from sources.reading import Reading
from sources.rows import parser, reading
from sources.source import ScopeKind, Setting, Source
from sources.twilio import calls
from sources.twilio.client import ACCOUNT, TwilioClient, listed, of_each_account
from sources.twilio.contract import DETAIL, DETAIL_FACTS, RECORD, RECORD_FACTS
from sources.twilio.costs import lines, notices
from sources.twilio.hook import HOOK

__all__ = ["SOURCES", "connect", "read_bill", "read_details"]

LOOK_BACK_DAYS = 3
SETTLES_ON = 3


def connect(access: Access) -> TwilioClient:
    """A client of one key. NotConfigured where the credential names no account."""
    return TwilioClient(access)


def read_bill(client: TwilioClient, day: Day) -> Reading:
    """The lines of the day's bill, which add up to what Twilio says the day cost. Raises SourceFailure."""
    rows = list(of_each_account(client, day, lambda account: lines(client, account, day.usage_date)))
    found = bill(USAGE, rows, day)
    found.totals.update(notices(rows))
    totals = {row.values["scope_ref"]: row.values["day_total"] for row in rows if not row.fault}
    # Of an account whose day cost nothing no line is left to say so.
    return replace(found, provider_totals={"amount": sum(totals.values(), Decimal(0))} if totals else None)


def read_details(client: TwilioClient, day: Day) -> Reading:
    """Calls, recordings and what else is read one by one, of the UTC day it began on. Raises SourceFailure."""
    rows = list(of_each_account(client, day, lambda account: calls.read(client, account, day.usage_date)))
    found = reading(CALLS, rows, day)
    return replace(found, is_incomplete=found.is_incomplete or any(map(calls.is_going_on, rows)))


def verify_bill(client: TwilioClient, scopes: tuple[Scope, ...]) -> str:
    """Whether the usage records of the account, and of attached subaccounts of a platform's, can be read."""
    long_ago = {"StartDate": "2020-01-01", "EndDate": "2020-01-01", "IncludeSubaccounts": "false"}
    for account in (client.account, *(scope.value for scope in scopes if scope.value != client.account)):
        list(listed(client, account, "Usage/Records/Daily", "usage_records", long_ago))
    return f"usage records of account {client.account} can be read"


def verify_details(client: TwilioClient, scopes: tuple[Scope, ...]) -> str:
    """Whether each list that is read one by one can be read."""
    lists = (calls.CALLS, calls.RECORDINGS, *(calls.BESIDES[name] for name in client.details))
    for detail in lists:
        client.get(
            f"/2010-04-01/Accounts/{client.account}/{detail.resource}.json", parser(dict[str, Any]), {"PageSize": 1}
        )
    return f"{', '.join(detail.rows for detail in lists)} of account {client.account} can be read"


_YES_NO = ("yes", "no")
_SETTINGS: Mapping[str, tuple[str, ...] | Setting] = {
    "account_sid": Setting("the account's SID: AC and 32 digits or letters a to f", "AC[0-9a-f]{32}", is_required=True),
    "api_key_sid": Setting("the SID of an API key, whose secret is stored: SK and 32 of them", "SK[0-9a-f]{32}"),
    "messages": _YES_NO,
    "transcriptions": _YES_NO,
}
USAGE = Source(
    name="twilio_usage",
    provider="twilio",
    table="usage",
    contract="costs",
    bills=False,
    description="The bill of an account by day and usage category.",
    connect=connect,
    read=read_bill,
    verify=verify_bill,
    scope_kinds=(ScopeKind(ACCOUNT, column="scope_ref"),),
    stored=RECORD,
    facts=RECORD_FACTS,
    minimised=None,
    settings=_SETTINGS,
    look_back_days=LOOK_BACK_DAYS,
    settles_on=SETTLES_ON,
    at_once=8,
)
CALLS = Source(
    name="twilio_calls",
    provider="twilio",
    table="calls",
    contract="costs",
    bills=False,
    description="What single calls, recordings and messages of an account cost: detail of its bill.",
    connect=connect,
    read=read_details,
    verify=verify_details,
    scope_kinds=(ScopeKind(ACCOUNT, column="scope_ref"),),
    stored=DETAIL,
    facts=DETAIL_FACTS,
    settings=_SETTINGS,
    details_calls=True,
    look_back_days=LOOK_BACK_DAYS,
    hook=HOOK,
    at_once=8,
)
SOURCES = (USAGE, CALLS)
