"""Older days that Vapi changed lately are found by `updatedAt`, whole, and at the price of what changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sources import vapi
from sources.errors import PullTruncated, SourceFailure
from sources.http import ProviderClient
from sources.window import MILLISECOND, Window, instant
from tests.sandbox.faults import status
from tests.sandbox.server import Sandbox
from tests.sources.vapi_day import DAY, MIDNIGHT, call

LATELY = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC))


def updated(number: int, days_before: int, at: datetime) -> dict[str, Any]:
    """A call created so many days before DAY and last changed at a moment."""
    created = MIDNIGHT - timedelta(days=days_before)
    return call(number) | {"createdAt": instant(created), "updatedAt": instant(at)}


def test_only_days_before_the_first_asked_that_changed_within_the_window_are_told(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls += [
        updated(1, 3, LATELY.start),
        updated(2, 5, LATELY.end - MILLISECOND),
        updated(3, 6, LATELY.start - MILLISECOND),
        updated(4, 7, LATELY.end),
        updated(5, 0, LATELY.start),
    ]
    assert vapi.changed_days(vapi_client, LATELY, DAY) == {DAY - timedelta(days=3), DAY - timedelta(days=5)}
    (asked,) = sandbox.asked("/vapi/call")
    assert asked.params == {
        "updatedAtGe": "2026-03-01T00:00:00.000Z",
        "updatedAtLt": "2026-03-04T00:00:00.000Z",
        "createdAtLt": "2026-02-18T00:00:00.000Z",
        "limit": "1000",
    }


def test_more_changes_than_an_answer_holds_are_asked_for_in_halves(
    vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls += [updated(n, 1 + n % 3, LATELY.start + n * timedelta(minutes=1)) for n in range(1100)]
    # The oldest call was updated last but one answer holds a thousand, newest created first.
    calls.append(updated(9999, 90, LATELY.start))
    days = vapi.changed_days(vapi_client, LATELY, DAY)
    assert days == {DAY - timedelta(days=n) for n in (1, 2, 3, 90)}


def test_a_millisecond_full_of_changes_is_told_and_not_cut_off(
    vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls += [updated(n, 2, LATELY.start) for n in range(1000)]
    with pytest.raises(PullTruncated, match=r"2026-03-01T00:00:00\.000Z"):
        vapi.changed_days(vapi_client, LATELY, DAY)


def test_a_refusal_is_a_failure(sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]) -> None:
    sandbox.faults.script("/vapi/call", status(404), times=1)
    with pytest.raises(SourceFailure):
        vapi.changed_days(vapi_client, LATELY, DAY)
