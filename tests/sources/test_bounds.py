"""What no row can have is set aside by itself, in words; the rest of its day is read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from sources import usage_metrics, vapi
from sources.azure.query import day_of
from sources.bills import number
from sources.checks.bounds import exact
from sources.checks.undocumented import Undocumented
from sources.elevenlabs.tables import bucket
from sources.http import ProviderClient
from sources.reading import Reading
from sources.rows import parser
from sources.usage_metrics.rows import Rows
from tests.sandbox.faults import altered, ok_with
from tests.sandbox.server import Sandbox
from tests.sandbox.usage_database import TABLE, write_usage
from tests.sources.test_usage_metrics import DAY as USAGE_DAY
from tests.sources.test_usage_metrics import KEPT, ROW
from tests.sources.vapi.vapi_day import DAY, call, choices_of, read

CALLS = "/vapi/call"


def only_one_aside(reading: Reading, item: str) -> str:
    """The reason why this one was set aside; the other call of the day was read."""
    (aside,) = reading.quarantined
    assert aside.item == item
    assert aside.item not in reading.table.column("call_id").to_pylist()
    assert reading.table.num_rows == 1
    return aside.reason


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        # 58 days: 84,360 minutes of one call.
        ({"startedAt": "2026-02-18T10:00:00.000Z", "endedAt": "2026-04-18T00:00:00.000Z",
          "updatedAt": "2026-04-18T00:00:05.000Z"}, "ends a call after 43200"),
        ({"startedAt": "2026-02-18T10:00:00.000Z", "endedAt": "2026-02-18T22:00:00.001Z",
          "updatedAt": "2026-02-18T22:01:00.000Z"}, "lasted 43200 seconds"),
        ({"startedAt": "2026-02-18T10:00:00.000Z", "endedAt": "2026-02-18T09:59:59.999Z"}, "ended before it started"),
        ({"startedAt": "2026-03-18T10:00:00.000Z", "endedAt": "2026-03-18T10:01:00.000Z"}, "long before it ended"),
        ({"updatedAt": "9999-01-01T00:00:00.000Z"}, "updatedAt is no plausible time"),
        ({"startedAt": "0001-01-01T00:00:00.000Z"}, "startedAt is no plausible time"),
        ({"assistantId": "a" * 3000}, "length <= 500 - at `$.assistantId`"),
        ({"endedReason": "r" * 501}, "length <= 500 - at `$.endedReason`"),
        ({"cost": 1e9}, "cost is out of range"),
        ({"costs": [{"type": "model", "cost": 1e12}]}, "`$.costs[0].cost`"),
        ({"costs": [{"type": "vapi", "cost": 1, "minutes": -1}]}, "`$.costs[0].minutes`"),
        ({"costs": [{"type": "voice", "cost": 0, "characters": 10**15}]}, "`$.costs[0].characters`"),
        ({"costs": [{"type": "model", "cost": 0, "promptTokens": "812"}]}, "text - at `$.costs[0].prompt"),
        ({"cost": None, "costs": None, "costBreakdown": {"total": 1e12}}, "costBreakdown.total is out of range"),
        ({"cost": None, "costs": None, "costBreakdown": {"total": "1"}}, "no number but text - at `$.costBreakdown."),
        ({"phoneNumberId": "n\0"}, "phone_number holds a character"),
        ({"squadId": "s\0"}, "squad holds a character"),
        ({"costs": [{"type": "t" * 600, "cost": 1}]}, "length <= 500 - at `$.costs[0].type`"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be_is_set_aside_and_says_why(
    vapi_client: ProviderClient, calls: list[dict[str, Any]], fields: dict[str, Any], words: str
) -> None:
    calls += [call(1), call(2, **fields)]
    reading = read(vapi_client)
    assert words in only_one_aside(reading, "call-2")
    assert reading.totals["calls"] == 2
    assert reading.provider_totals is not None


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        ("1e-41", "out of range"),
        ("-1e10", "out of range"),
        ("1E+400", "out of range"),
        ("1e999999999", "no number but text"),
        ("1e-9999999999999999999999", "no number but text"),
    ],
)
def test_a_cost_that_no_column_holds_is_set_aside(
    sandbox: Sandbox, vapi_client: ProviderClient, cost: str, words: str
) -> None:
    odd = str(call(2, cost=None)).replace("'", '"')[:-1] + f', "cost": {cost}}}'
    sandbox.faults.script(CALLS, ok_with(f"[{str(call(1)).replace(chr(39), chr(34))}, {odd}]".encode()))
    assert words in only_one_aside(read(vapi_client), "call-2")


@pytest.mark.parametrize(
    "literal", ["1e99999999", "-1E+99999999", "1e-99999999", "0e99999999", "1e9999999999999999999"]
)
def test_a_number_that_would_fill_the_memory_written_out_is_none(literal: str) -> None:
    assert exact(literal) == literal
    answer = parser(dict[str, Any])(f'{{"UsageDate":{literal}}}'.encode())
    assert answer == {"UsageDate": literal}
    assert day_of(answer) is None
    with pytest.raises(Undocumented):
        number(answer["UsageDate"])
    with pytest.raises(Undocumented):
        bucket(answer["UsageDate"])


def test_a_number_of_an_answer_keeps_its_digits() -> None:
    assert str(exact("0.1234567890123456789012345")) == "0.1234567890123456789012345"
    assert exact("1e-40") == Decimal("1e-40")


def test_a_name_too_long_for_an_index_gets_another(vapi_client: ProviderClient, calls: list[dict[str, Any]]) -> None:
    calls += [call(1), call(2, id="i" * 3000)]
    (aside,) = read(vapi_client).quarantined
    assert aside.item.startswith("row-")


def test_twelve_hours_to_the_millisecond_are_usage(vapi_client: ProviderClient, calls: list[dict[str, Any]]) -> None:
    start, end = "2026-02-18T10:00:00.000Z", "2026-02-18T22:00:00.000Z"
    calls.append(call(1, startedAt=start, endedAt=end, updatedAt=end))
    assert read(vapi_client).quarantined == ()


def test_a_call_of_another_day_is_set_aside_and_one_of_the_end_is_left_to_its_day(
    sandbox: Sandbox, vapi_client: ProviderClient, calls: list[dict[str, Any]]
) -> None:
    calls.append(call(1))
    sandbox.faults.script(CALLS, altered(lambda reported: [*reported, call(2, 90_000_000), call(3, 86_400_000)]))
    reading = read(vapi_client)
    assert "counts on that day alone" in only_one_aside(reading, "call-2")
    assert reading.totals["calls"] == 1
    assert (reading.provider_totals or {})["calls"] == 1


def test_a_secret_in_a_field_of_another_type_is_not_stored_with_what_is_set_aside(
    sandbox: Sandbox, vapi_client: ProviderClient
) -> None:
    canary = "canary-7c1f"
    odd = call(2, status={"secret": canary}, cost=canary, assistant={"credentials": [{"apiKey": canary}]})
    sandbox.faults.script(CALLS, ok_with([call(1), odd]))
    (aside,) = vapi.read_day(vapi_client, DAY, choices_of=choices_of).quarantined
    assert canary not in aside.reason
    assert '"secret"' not in (aside.payload or "")
    assert '"apiKey"' not in (aside.payload or "")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"quantity": Decimal(2**63 - 1)}, "quantity is out of range"),
        ({"quantity": Decimal(10**15)}, "quantity is out of range"),
        ({"cost_usd": Decimal("1e9")}, "cost_usd is out of range"),
        ({"cost_usd": Decimal("1e-50")}, "cost_usd is out of range"),
        ({"metric_type": "m" * 600}, "metric_type is longer"),
    ],
)
def test_a_metric_that_no_sum_can_hold_is_set_aside(
    empty_database_url: str, fields: dict[str, Any], words: str
) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(TABLE)
    most = replace(ROW, quantity=Decimal(10**15 - 1))
    write_usage(empty_database_url, [most, replace(ROW, **fields, created_at=ROW.created_at + timedelta(hours=1))])
    engine = usage_metrics.open_engine(empty_database_url)
    try:
        reading = usage_metrics.read_day(engine, USAGE_DAY, ["agent-1"], KEPT)
    finally:
        engine.dispose()
    assert reading.table.column("quantity").to_pylist() == [10**15 - 1]
    (aside,) = reading.quarantined
    assert words in aside.reason


def test_a_metric_whose_metadata_hold_a_number_of_thousands_of_digits_is_set_aside() -> None:
    rows = Rows(KEPT)
    for digits in (5000, 5):
        payload = f'{{"agent_id":"a","metadata":{{"pages":{"9" * digits}}}}}'
        rows.add("a", "scan", 1, datetime(2026, 2, 18, tzinfo=UTC), payload, None)
    (aside,) = rows.odd
    assert "Integer value out of range" in aside.reason
    assert rows.quantities == [1]
