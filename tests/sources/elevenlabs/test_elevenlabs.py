"""ElevenLabs' analytics: two modes, a table whose columns are found by name and unit, and credits that are no money."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sources import elevenlabs
from sources.day import Day
from sources.elevenlabs.client import ElevenLabsClient
from sources.errors import ContractBroken, CredentialRejected, ProviderRefused
from sources.reading import Reading
from tests.sandbox.elevenlabs import Workspace, row
from tests.sandbox.faults import FOREVER, altered, ok_with, status
from tests.sandbox.server import Sandbox
from tests.sources.access import UnhurriedAccess

KEY = "elevenlabs-key-0123456789"
DAY = date(2026, 10, 5)
CREDITS = "/elevenlabs/v1/workspace/analytics/query/usage-by-product-over-time"
COST = "/elevenlabs/v1/workspace/analytics/usage"


@pytest.fixture
def workspace(sandbox: Sandbox) -> Workspace:
    sandbox.world.elevenlabs[KEY] = Workspace()
    return sandbox.world.elevenlabs[KEY]


def opened(sandbox: Sandbox, key: str = KEY, **settings: str) -> ElevenLabsClient:
    return elevenlabs.connect(UnhurriedAccess(key, settings, sandbox.url_of("elevenlabs")))


@pytest.fixture
def client(sandbox: Sandbox, workspace: Workspace) -> Iterator[ElevenLabsClient]:
    with closing(opened(sandbox)) as client:
        yield client


def lines(reading: Reading, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(one[name] for name in names) for one in reading.table.to_pylist()]


def test_credits_are_a_quantity_and_no_money(client: ElevenLabsClient, workspace: Workspace) -> None:
    workspace.rows[DAY] = [row("120.5"), row("7", product_type="speech_to_text")]
    found = elevenlabs.read(client, Day(DAY))
    assert lines(found, "line_item", "service", "quantity", "quantity_unit") == [
        ("text_to_speech", "tts", "120.5", "credits"), ("speech_to_text", "stt", "7", "credits"),
    ]  # fmt: skip
    assert lines(found, "amount", "currency", "amount_told", "amount_unit")[0] == (None, None, "120.5", "credits")
    assert lines(found, "scope_kind", "scope_ref")[0] == ("elevenlabs_key", "hash-1")
    assert "amount" not in found.totals
    assert "a person" not in str(found.table.to_pylist())
    assert found.new_fields == frozenset()


def test_a_workspace_that_is_billed_by_cost_is_read_in_its_currency(
    client: ElevenLabsClient, workspace: Workspace, sandbox: Sandbox
) -> None:
    workspace.by_cost_from, workspace.currency = DAY, "eur"
    workspace.rows[DAY] = [row("0.0123", count=41), row("-0.01", model="scribe_v1")]
    found = elevenlabs.read(client, Day(DAY))
    assert lines(found, "line_item", "service", "amount", "currency", "amount_unit") == [
        ("eleven_flash_v2_5", "tts", "0.0123", "EUR", "dollars"), ("scribe_v1", "stt", "-0.01", "EUR", "dollars"),
    ]  # fmt: skip
    assert lines(found, "quantity", "quantity_unit")[0] == ("41", "charges")
    assert found.totals["amount"] == Decimal("0.0023"), "a hundred times as much would be 0.23"


def test_what_was_refused_in_credits_is_not_asked_in_credits_again_and_earlier_days_are(
    client: ElevenLabsClient, workspace: Workspace, sandbox: Sandbox
) -> None:
    before = DAY - timedelta(days=2)
    workspace.by_cost_from = DAY
    workspace.rows = {DAY: [row("1")], DAY + timedelta(days=1): [row("2")], before: [row("300")]}
    assert lines(elevenlabs.read(client, Day(DAY)), "amount") == [("1",)]
    tries = len(sandbox.asked(CREDITS))
    assert lines(elevenlabs.read(client, Day(DAY + timedelta(days=1))), "amount") == [("2",)]
    assert len(sandbox.asked(CREDITS)) == tries
    assert lines(elevenlabs.read(client, Day(before)), "amount", "quantity") == [(None, "300")]


def test_a_day_is_asked_in_milliseconds_and_holds_its_own_bucket(
    client: ElevenLabsClient, workspace: Workspace, sandbox: Sandbox
) -> None:
    workspace.rows = {DAY + timedelta(days=n): [row(str(n + 2))] for n in (-1, 0, 1)}
    assert lines(elevenlabs.read(client, Day(DAY)), "quantity") == [("2",)]
    (asked,) = sandbox.asked(CREDITS)
    start = 1_791_158_400_000
    assert asked.body == {
        "start_time": start, "end_time": start + 86_400_000, "interval_seconds": 86_400, "time_zone": "UTC",
        "group_by": ["hashed_xi_api_key", "product_type"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "start", [1_791_158_400, 1_791_158_400_000 - 86_400_000, 1_791_158_400_000 + 2 * 86_400_000, "2026-10-04T00:00:00Z"]
)
def test_a_row_of_another_day_is_no_empty_day_and_is_set_aside(
    client: ElevenLabsClient, workspace: Workspace, sandbox: Sandbox, start: int | str
) -> None:
    workspace.rows[DAY] = [row("2")]

    def moved(answer: Any) -> Any:
        at = answer["column_types"].index("DateTime")
        return answer | {"rows": [[start if place == at else value for place, value in enumerate(answer["rows"][0])]]}

    sandbox.faults.script(CREDITS, altered(moved))
    found = elevenlabs.read(client, Day(DAY))
    (aside,) = found.quarantined
    assert "5 Oct 2026 was asked for" in aside.reason
    assert found.table.num_rows == 0


@pytest.mark.parametrize(
    ("scope", "dimension"), [("workspace", "reporting_workspace_id"), ("billing_group", "billing_group_id")]
)
def test_another_dimension_can_say_whose_a_line_is(
    sandbox: Sandbox, workspace: Workspace, scope: str, dimension: str
) -> None:
    workspace.rows[DAY] = [row(**{dimension: "w1"}), row("1")]
    with closing(opened(sandbox, scope=scope)) as client:
        found = elevenlabs.read(client, Day(DAY))
    assert lines(found, "scope_kind", "scope_ref") == [(f"elevenlabs_{scope}", "w1"), (None, None)]


def put(**changes: Any) -> Any:
    return altered(lambda table: table | {name: change(table[name]) for name, change in changes.items()})


@pytest.mark.parametrize(
    ("by_cost", "wrong"),
    [
        (False, put(column_units=lambda units: [None] * len(units))),
        (False, put(column_units=lambda units: [*units[:-1], "credits"])),
        (True, put(column_units=lambda units: [None] * len(units))),
        (True, put(column_units=lambda units: ["credits" if unit == "usd" else unit for unit in units])),
        (True, put(columns=lambda names: ["cost" if name == "total_cost" else name for name in names])),
        (False, put(columns=lambda names: ["x", *names[1:]], column_types=lambda kinds: ["Int", *kinds[1:]])),
        (False, put(columns=lambda names: names[:-1])),
    ],
)
def test_a_table_without_one_column_of_money_and_one_of_time_is_no_day(
    client: ElevenLabsClient, workspace: Workspace, sandbox: Sandbox, by_cost: bool, wrong: Any
) -> None:
    workspace.by_cost_from = DAY if by_cost else None
    workspace.rows[DAY] = [row()]
    sandbox.faults.script(COST if by_cost else CREDITS, wrong, times=FOREVER)
    with pytest.raises(ContractBroken, match="columns"):
        elevenlabs.read(client, Day(DAY))


def test_columns_are_found_wherever_they_stand(
    client: ElevenLabsClient, workspace: Workspace, sandbox: Sandbox
) -> None:
    workspace.rows[DAY] = [row("5")]
    parts = ("columns", "column_types", "column_units")

    def turned(table: Any) -> Any:
        return {name: table[name][::-1] for name in parts} | {"rows": [one[::-1] for one in table["rows"]]}

    sandbox.faults.script(CREDITS, altered(turned))
    assert lines(elevenlabs.read(client, Day(DAY)), "line_item", "quantity") == [("text_to_speech", "5")]


@pytest.mark.parametrize(
    "wrong", [[None] * 5, ["x"], [1_791_158_400_000, "h", "tts", True, ""], [True, "h", "t", 1, ""]]
)
def test_a_row_that_breaks_the_contract_is_set_aside_by_itself(
    client: ElevenLabsClient, workspace: Workspace, sandbox: Sandbox, wrong: list[Any]
) -> None:
    workspace.rows[DAY] = [row("5")]
    sandbox.faults.script(CREDITS, put(rows=lambda rows: [*rows, wrong]))
    found = elevenlabs.read(client, Day(DAY))
    assert lines(found, "quantity") == [("5",)]
    assert len(found.quarantined) == 1


def test_each_refusal_says_what_it_means(sandbox: Sandbox, workspace: Workspace, client: ElevenLabsClient) -> None:
    assert "in credits" in elevenlabs.verify(client, ())
    with pytest.raises(CredentialRejected, match="401: Invalid API key; the key is not accepted"):
        elevenlabs.verify(opened(sandbox, "another-key-0123456789"), ())
    workspace.reads_analytics = False
    with pytest.raises(CredentialRejected, match="allow it to read the workspace's analytics"):
        elevenlabs.verify(client, ())
    workspace.reads_analytics = True
    sandbox.faults.script(CREDITS, status(400, body={"detail": {"status": "x", "message": "neither"}}), times=FOREVER)
    with pytest.raises(ProviderRefused, match=r"use the other endpoint; and in credits: .*neither"):
        elevenlabs.verify(client, ())


def test_a_missing_page_of_the_api_is_no_other_mode(
    client: ElevenLabsClient, workspace: Workspace, sandbox: Sandbox
) -> None:
    sandbox.faults.script(CREDITS, status(404), times=FOREVER)
    with pytest.raises(ProviderRefused, match="404"):
        elevenlabs.read(client, Day(DAY))
    assert sandbox.asked(COST) == []


def test_what_passes_is_asked_again_and_another_shape_is_no_empty_day(
    client: ElevenLabsClient, workspace: Workspace, sandbox: Sandbox
) -> None:
    workspace.rows[DAY] = [row("5")]
    sandbox.faults.script(CREDITS, status(429, retry_after=3), status(503))
    assert lines(elevenlabs.read(client, Day(DAY)), "quantity") == [("5",)]
    sandbox.faults.script(CREDITS, ok_with({"rows": []}), times=FOREVER)
    with pytest.raises(ContractBroken):
        elevenlabs.read(client, Day(DAY))
