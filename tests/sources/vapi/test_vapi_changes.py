"""Older days that Vapi changed lately are found by `updatedAt`, whole, and at the price of what changed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sources import vapi
from sources.errors import PullTruncated, SourceFailure
from sources.http import ProviderClient
from sources.window import MILLISECOND, Window, instant
from tests.sandbox.faults import ok_with, status
from tests.sandbox.server import Sandbox
from tests.sources.vapi.vapi_day import DAY, MIDNIGHT, call

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
    with pytest.raises(PullTruncated, match=r"1 Mar 2026, 00:00 UTC"):
        vapi.changed_days(vapi_client, LATELY, DAY)


def test_a_refusal_is_a_failure(sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]) -> None:
    sandbox.faults.script("/vapi/call", status(404), times=3)
    with pytest.raises(SourceFailure):
        vapi.changed_days(vapi_client, LATELY, DAY)


def test_calls_and_cost_are_counted_by_day_in_one_question(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls += [call(1, cost=0.1), call(2, 86_399_999, cost=0.25), updated(3, 5, MIDNIGHT), updated(4, -1, MIDNIGHT)]
    counted = vapi.daily_totals(vapi_client, Window(MIDNIGHT - timedelta(days=14), MIDNIGHT + timedelta(days=1)))
    assert counted == {
        DAY: {"calls": 2, "cost": Decimal("0.35")},
        DAY - timedelta(days=5): {"calls": 1, "cost": Decimal("0.1")},
    }
    (asked,) = sandbox.asked("/vapi/analytics")
    assert asked.body["queries"][0]["timeRange"] == {
        "start": "2026-02-04T00:00:00.000Z",
        "end": "2026-02-19T00:00:00.000Z",
        "timezone": "UTC",
        "step": "day",
    }


@pytest.mark.parametrize(
    "result",
    [
        [{"countId": "3", "sumCost": 1}],
        [{"date": "monday", "countId": 3}],
        [{"date": "2026-02-18", "countId": "NaN"}],
        [{"date": "2026-02-18", "sumCost": 1}],
        "none",
    ],
)
def test_counts_that_name_no_day_are_no_counts(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]], result: Any
) -> None:
    sandbox.faults.script("/vapi/analytics", ok_with([{"name": "control-totals", "result": result}]))
    assert vapi.daily_totals(vapi_client, LATELY) is None
