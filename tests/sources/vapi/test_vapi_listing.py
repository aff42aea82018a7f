"""What Vapi is asked for a day of calls, and that no call of it is lost or told twice."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources import vapi
from sources.errors import ContractBroken, PullTruncated
from sources.http import ProviderClient
from sources.window import instant
from tests.sandbox.faults import FOREVER, altered, ok_with
from tests.sandbox.server import Sandbox, serving
from tests.sandbox.world import VapiAccount, World, in_memory
from tests.sources.conftest import VAPI_KEY, Clock
from tests.sources.vapi.vapi_day import MIDNIGHT, call, read

CALLS = "/vapi/call"


def asked_windows(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(asked.params["createdAtGe"], asked.params["createdAtLt"]) for asked in sandbox.asked(CALLS)]


def test_a_day_is_asked_half_open_with_the_highest_limit_and_the_key(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    read(vapi_client)
    (asked,) = sandbox.asked(CALLS)
    assert asked.params == {
        "createdAtGe": "2026-02-18T00:00:00.000Z",
        "createdAtLt": "2026-02-19T00:00:00.000Z",
        "limit": "1000",
    }
    assert asked.key == f"Bearer {VAPI_KEY}"


def test_the_first_and_the_last_millisecond_are_of_the_day_and_the_next_midnight_is_not(
    vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls += [call(1, -1), call(2, 0), call(3, 86_399_999), call(4, 86_400_000)]
    assert read(vapi_client).keys == {"call-2", "call-3"}


def test_a_full_answer_is_asked_again_in_halves(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls += [call(number, number * 80_000) for number in range(1000)]
    reading = read(vapi_client)
    assert len(reading.keys) == reading.table.num_rows == 1000
    noon, midnight = "2026-02-18T12:00:00.000Z", "2026-02-19T00:00:00.000Z"
    assert asked_windows(sandbox) == [
        ("2026-02-18T00:00:00.000Z", midnight),
        ("2026-02-18T00:00:00.000Z", noon),
        (noon, midnight),
    ]
    assert [instant(window.end) for window in reading.windows] == [noon, midnight]


def test_one_call_short_of_full_is_complete(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls += [call(number, number * 80_000) for number in range(999)]
    assert read(vapi_client).table.num_rows == 999
    assert len(sandbox.asked(CALLS)) == 1


def test_an_ignored_limit_does_not_lose_calls(vapi_client: ProviderClient, sandbox: Sandbox) -> None:
    held = [call(number, number * 80_000) for number in range(350)]
    sandbox.world.vapi[VAPI_KEY] = VapiAccount(in_memory(held))
    sandbox.faults.script(CALLS, altered(lambda answer: answer[:100]), times=FOREVER)
    assert read(vapi_client).table.num_rows == 350


def test_a_full_millisecond_is_truncated_and_says_which(
    vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls += [call(number, 43_200_007) for number in range(1000)]
    with pytest.raises(PullTruncated, match=r"1000 rows .* 18 Feb 2026, 12:00:00\.007 UTC"):
        read(vapi_client)


def test_a_provider_that_ignores_the_window_is_found_out_at_once(sandbox: Sandbox, vapi_client: ProviderClient) -> None:
    always = [call(number, number * 80_000) for number in range(1000)]
    sandbox.world.vapi[VAPI_KEY] = VapiAccount(lambda start, end: list(always))
    sandbox.faults.script(CALLS, ok_with(always), times=FOREVER)
    with pytest.raises(ContractBroken, match="outside"):
        read(vapi_client)
    assert len(sandbox.asked(CALLS)) == 2


def test_calls_outside_the_window_are_in_no_table_and_counted(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls.append(call(1))
    sandbox.faults.script(CALLS, altered(lambda answer: [*answer, call(2, -1), call(3, 86_400_000)]))
    reading = read(vapi_client)
    assert reading.table.column("call_id").to_pylist() == ["call-1"]
    assert reading.totals["calls_outside_window"] == 2
    assert [row.item for row in reading.quarantined] == ["call-2"]  # the end may be counted in


def test_a_call_reported_twice_counts_once_as_last_updated(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    newest = call(1, cost=0.3, updatedAt="2026-02-18T09:00:00.000Z")
    older = call(1, cost=0.2, updatedAt="2026-02-18T08:00:00.000Z")
    sandbox.faults.script(CALLS, ok_with([older, newest, older]))
    reading = read(vapi_client)
    assert reading.table.num_rows == 1
    assert reading.totals["cost"] == Decimal("0.3")


def test_an_answer_too_large_to_take_is_asked_in_halves(sandbox: Sandbox, clock: Clock) -> None:
    held = [call(number, number * 8_000_000, metadata={"note": "x" * 500}) for number in range(10)]
    sandbox.world.vapi[VAPI_KEY] = VapiAccount(in_memory(held))
    headers = {"authorization": f"Bearer {VAPI_KEY}"}
    with ProviderClient("Vapi", sandbox.vapi_url, headers, clock.budget(), largest_answer=4000) as client:
        assert read(client).table.num_rows == 10


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Sandbox]:
    with serving(World()) as running:
        yield running


@settings(max_examples=25, deadline=None)
@given(
    bursts=st.lists(
        st.tuples(st.integers(-2, 86_400_001), st.integers(1, 700), st.sampled_from([0, 1, 7, 60_000])), max_size=8
    )
)
def test_any_distribution_of_calls_is_read_whole_or_refused(
    shared_sandbox: Sandbox, bursts: list[tuple[int, int, int]]
) -> None:
    moments = [start + number * step for start, count, step in bursts for number in range(count)]
    held = [call(number, moment, costs=None) for number, moment in enumerate(moments)]
    shared_sandbox.world.vapi[VAPI_KEY] = VapiAccount(in_memory(held))
    shared_sandbox.received.clear()
    of_the_day = {f"call-{number}" for number, moment in enumerate(moments) if 0 <= moment < 86_400_000}
    with vapi.client(VAPI_KEY, shared_sandbox.vapi_url) as client:
        if any(moments.count(moment) >= 1000 for moment in set(moments) if 0 <= moment < 86_400_000):
            with pytest.raises(PullTruncated):
                read(client)
            return
        reading = read(client)
    assert reading.keys == of_the_day
    assert reading.table.num_rows == len(of_the_day)
    tiles = sorted(reading.windows)
    assert (tiles[0].start, tiles[-1].end) == (MIDNIGHT, MIDNIGHT + timedelta(days=1))
    assert all(before.end == after.start for before, after in pairwise(tiles))
    assert {(instant(tile.start), instant(tile.end)) for tile in tiles} <= set(asked_windows(shared_sandbox))
