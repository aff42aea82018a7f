"""Rows of a contract are checked one by one: what cannot be is set aside in words, and the rest is kept."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from sources.day import Day, Scopes
from sources.rows import Row, reading
from tests.sources import toy

DAY = Day(datetime(2026, 3, 2, tzinfo=UTC).date(), "platform", Scopes())
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
LINE = {"grain": "day", "service": "llm", "line_item": "in", "amount": Decimal(1), "currency": "USD",
        "payer": "provider_account"}  # fmt: skip
DETAIL = LINE | {"grain": "call", "service": "telephony", "call_ref": "CA1"}
CALL = {"call_id": "c", "created_at": AT, "state": "ended", "direction": "inbound", "scopes": {}, "cost_items": []}


def faults(source: Any, *rows: dict[str, Any]) -> list[str]:
    """Of the first row; the others only keep the day from being another contract's."""
    return [odd.reason for odd in reading(source, [Row(row, {}) for row in rows], DAY).quarantined]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (DETAIL | {"call_ref": None}, "call_ref"),
        (LINE | {"call_ref": "CA1"}, "call_ref"),
        (LINE | {"parent_ref": "CA1"}, "parent_ref"),
        (DETAIL | {"parent_ref": "CA1"}, "parent_ref"),
        (DETAIL | {"is_pending": True}, "not rated"),
        (LINE | {"is_pending": True, "amount": None, "currency": None}, "not rated"),
        (LINE | {"amount_unit": "pennies"}, "amount_unit"),
    ],
)
def test_a_row_of_a_bill_that_contradicts_itself_is_set_aside(values: dict[str, Any], words: str) -> None:
    others = [LINE | {"line_item": f"line {number}"} for number in range(3)]
    (fault,) = faults(toy.BILL, values, *others)
    assert words in fault


def test_legs_and_recordings_of_a_call_are_told_apart_and_one_not_rated_has_no_amount() -> None:
    recording = DETAIL | {"line_item": "recording", "call_ref": "RE1", "parent_ref": "CA1"}
    leg = DETAIL | {"call_ref": "CA2", "parent_ref": "CA1", "amount": None, "currency": None, "is_pending": True}
    rows = [DETAIL, leg, recording, recording | {"call_ref": "RE2"}]
    read = reading(toy.BILL, [Row(row, {}) for row in rows], DAY)
    assert not read.quarantined
    assert read.table.column("parent_ref").to_pylist() == [None, "CA1", "CA1", "CA1"]
    assert read.table.column("is_pending").to_pylist() == [None, True, None, None]
    # Detail is never added to the bill.
    assert read.totals == {"rows": Decimal(4)}


@pytest.mark.parametrize(
    "item",
    [
        {"quantity": "7", "unit": "token"},
        {"quantity": Decimal(-1), "unit": "token"},
        {"quantity": 7},
        {"unit": "token"},
    ],
)
def test_what_a_call_used_is_a_number_with_a_unit_or_not_said(item: dict[str, Any]) -> None:
    calls = [CALL | {"call_id": f"c{number}", "scopes": {"toy_number": "n"}} for number in range(3)]
    (fault,) = faults(toy.VOICE, calls[0] | {"cost_items": [{"component": "model"} | item]}, *calls[1:])
    assert "quantity" in fault
    said = [{"component": "model", "cost": Decimal(0), "quantity": Decimal(7), "unit": "token"}]
    assert not faults(toy.VOICE, calls[0] | {"cost_items": said}, *calls[1:])
