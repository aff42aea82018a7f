"""The official SDK reads the sandbox as its own server, asks by the same names, and knows each answered field."""

import logging
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.sandbox.server import Sandbox
from tests.sandbox.twilio.account import TwilioAccount, call, message, of_day, recording, sid
from tests.sources.twilio.conftest import ACCOUNT, DAY, KEY, SECRET, Read

AT = datetime(DAY.year, DAY.month, DAY.day, 9, tzinfo=UTC)
NEXT: date = DAY + timedelta(days=1)


@pytest.fixture
def sdk(sandbox: Sandbox) -> Any:
    """The SDK's client, which asks the sandbox in place of Twilio."""
    from twilio.http.http_client import HttpClient
    from twilio.http.response import Response
    from twilio.rest import Client

    class ToSandbox(HttpClient):  # type: ignore[misc]
        def request(self, method: str, uri: str, params: Any = None, *_: Any, auth: Any = None, **__: Any) -> Any:
            there = uri.replace("https://api.twilio.com", sandbox.url_of("twilio"))
            shown = {name: value for name, value in (params or {}).items() if type(value) in (str, int)}
            answer = httpx.request(method, there, params=shown, auth=auth, trust_env=False)
            return Response(answer.status_code, answer.text)

    return Client(KEY, SECRET, ACCOUNT, http_client=ToSandbox(logging.getLogger("twilio"), False))


def names(sandbox: Sandbox, path: str) -> list[set[str]]:
    """What each question of a list asked by."""
    where = f"/twilio/2010-04-01/Accounts/{ACCOUNT}/{path}"
    return [{name for name, _ in asked.query} for asked in sandbox.asked(where)]


def unknown(row: dict[str, Any], instance: Any) -> set[str]:
    """Fields of a row that the SDK's type of it does not have."""
    return set(row) - {name.strip("_") for name in vars(instance)}


def test_the_bill_is_asked_and_answered_as_the_sdk_has_it(
    sandbox: Sandbox, account: TwilioAccount, read: Read, sdk: Any
) -> None:
    account.usage[DAY] = of_day(ACCOUNT, DAY, "7.46", calls="7.46")
    read()
    found = sdk.usage.records.daily.list(start_date=DAY, end_date=DAY, include_subaccounts=False, page_size=1000)
    assert {one.category: one.price for one in found} == {"totalprice": Decimal("7.46"), "calls": Decimal("7.46")}
    assert [unknown(row, one) for row, one in zip(account.usage[DAY], found, strict=True)] == [set(), set()]
    ours, theirs = names(sandbox, "Usage/Records/Daily.json")
    assert ours == theirs


def test_what_single_calls_cost_is_asked_and_answered_as_the_sdk_has_it(
    sandbox: Sandbox, account: TwilioAccount, read: Read, sdk: Any
) -> None:
    account.calls = [call(ACCOUNT, 1, AT), call(ACCOUNT, 2, AT, None)]
    account.recordings = [recording(ACCOUNT, 3, sid("CA", 1), AT, "-0.0025")]
    account.messages = [message(ACCOUNT, 4, AT)]
    read(details=True)
    calls = sdk.calls.list(start_time_after=str(DAY), start_time_before=str(NEXT), page_size=1000)
    ours, theirs = names(sandbox, "Calls.json")
    assert ours == theirs
    assert [one.price for one in calls] == ["-0.0085", None]
    lists = (
        (account.calls, calls), (account.recordings, sdk.recordings.list()), (account.messages, sdk.messages.list()),
    )  # fmt: skip
    for rows, instances in lists:
        assert [unknown(row, one) for row, one in zip(rows, instances, strict=True)] == [set()] * len(rows)
