"""Twilio's two sources, as the kit of all sources asks for them."""

import contextlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from sources import twilio
from sources.testing import DAY, Answer, Kit, Request
from tests.sandbox.twilio.account import call, record

ACCOUNT = "AC" + "a" * 32
SETTINGS = {"account_sid": ACCOUNT, "api_key_sid": "SK" + "b" * 32}
AT = datetime(DAY.year, DAY.month, DAY.day, 10, tzinfo=UTC)
CALLER = "+15550101099"


def page(name: str, rows: list[Any]) -> Answer:
    return 200, msgspec.json.encode({name: rows, "next_page_uri": None, "page_size": 1000})


def usage(request: Request, rows: list[Any]) -> Answer:
    total = Decimal(0)
    for row in rows:
        with contextlib.suppress(ArithmeticError, TypeError):
            total += Decimal(row["price"])
    return page("usage_records", [record(ACCOUNT, DAY, "totalprice", str(total)), *rows])


def calls(request: Request, rows: list[Any]) -> Answer:
    name = request.path.rpartition("/")[2].removesuffix(".json").lower()
    return page(name, rows if name == "calls" else [])


def line(category: str, price: object = "0.10") -> dict[str, Any]:
    return record(ACCOUNT, DAY, category, "0") | {"price": price}


KITS = {
    "twilio_usage": Kit(
        source=twilio.USAGE,
        answer=usage,
        day=[line("calls-inbound"), line("recordings"), line("sms-inbound")],
        changed=[line("calls-inbound"), line("recordings"), line("sms-inbound", "10")],
        wrong=line("mms", "dear"),
        settings=SETTINGS,
    ),
    "twilio_calls": Kit(
        source=twilio.CALLS,
        answer=calls,
        day=[call(ACCOUNT, 1, AT, **{"from": CALLER}), call(ACCOUNT, 2, AT), call(ACCOUNT, 3, AT)],
        changed=[call(ACCOUNT, 1, AT), call(ACCOUNT, 2, AT), call(ACCOUNT, 3, AT, "-0.85")],
        wrong=call(ACCOUNT, 9, AT, "dear"),
        personal=CALLER,
        settings=SETTINGS,
    ),
}
