"""A line and a unit in words: the numbers are the line's own, and come to its amount."""

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from orchestration.reports import in_words
from orchestration.reports.content import Line
from orchestration.reports.formats import duration, fine, units


def line(kind: str, amount: str, inputs: dict[str, object], exact: str | None = None, currency: str = "USD") -> Line:
    # As the database writes it: numbers, of which none passes through a float.
    text = msgspec.json.Encoder(decimal_format="number").encode(inputs).decode()
    day = date(2026, 10, 1)
    return Line(
        "t/2026-10-01/x", kind, None, None, None, Decimal(amount), Decimal(exact or amount), currency, day, day, None,
        None, text, None,
    )  # fmt: skip


def overage(model: str, *tiers: dict[str, object]) -> dict[str, object]:
    return {"quantity": 896, "allowance": 600, "model": model, "tiers": list(tiers)}


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (
            line("overage", "35.52", overage("per_unit", {"quantity": 296, "unit_amount": Decimal("0.12")})),
            "896 used, 600 included, 296 × 0.12 = 35.52",
        ),
        (
            line(
                "overage", "31.60",
                overage("graduated", {"quantity": 100, "unit_amount": Decimal("0.12")},
                        {"quantity": 196, "unit_amount": Decimal("0.10")}),
            ),
            "896 used, 600 included, 100 × 0.12 + 196 × 0.10 = 31.60",
        ),
        (
            line("overage", "30.00", overage("package", {"quantity": 3, "unit_amount": 10, "package_size": 100})),
            "896 used, 600 included, 3 packages of 100 × 10 = 30.00",
        ),
        (
            line("overage", "0.04", overage("per_unit", {"quantity": 296, "unit_amount": Decimal("0.000125")}),
                 "0.037"),
            "896 used, 600 included, 296 × 0.000125 = 0.037, rounded 0.04",
        ),
        (
            line("overage", "35520", overage("per_unit", {"quantity": 296, "unit_amount": 120}), currency="JPY"),
            "896 used, 600 included, 296 × 120 = 35,520",
        ),
        (line("subscription", "249.00", {"subscription_fee": 249, "billed_days": 31, "period_days": 31}), ""),
        (
            line("subscription", "124.50", {"subscription_fee": 249, "billed_days": 15, "period_days": 30}),
            "249.00 × 15 of 30 days = 124.50",
        ),
        (
            line(
                "minimum", "180.00",
                {"minimum_amount": 500, "billed_days": 30, "period_days": 30, "subscription_and_overage": 320},
            ),
            "at least 500.00 a period, 320.00 billed without it",
        ),
        (
            line(
                "adjustment", "0.46",
                {"rated_amount": Decimal("0.67"), "frozen_amount": Decimal("0.20"), "adjusted_amount": Decimal("0.01")},
            ),
            "0.67 rated now, 0.21 billed before",
        ),
        (line("credit", "-5.00", {"reason": "sorry"}), ""),
        (line("overage", "5.00", {"quantity": 896}), ""),
    ],
)  # fmt: skip
def test_a_line_is_told_by_the_numbers_it_was_computed_from(of: Line, said: str) -> None:
    assert in_words.line(of) == said


@pytest.mark.parametrize(
    ("seconds", "units", "increment", "minimum", "said"),
    [
        ("61", 2, 60, 0, "61 s: 2 × 60 s begun"),
        ("61.25", 62, 1, 0, "61.25 s: 62 × 1 s begun"),
        ("4", 30, 1, 30, "4 s: 30 × 1 s begun, at least 30 s a call"),
        ("3600", 60, 60, 30, "3,600 s: 60 × 60 s begun"),
    ],
)
def test_how_seconds_became_units(seconds: str, units: int, increment: int, minimum: int, said: str) -> None:
    meter = {"increment_seconds": increment, "minimum_seconds": minimum}
    assert in_words.rounding(Decimal(seconds), Decimal(units), meter) == said


def test_an_amount_of_a_call_is_rounded_half_away_from_zero_and_a_duration_never() -> None:
    assert [fine(Decimal(amount), "USD") for amount in ("0.00125", "-0.00125", "1234.5", "0")] == [
        "0.0013", "\u22120.0013", "1,234.5000", "0.0000",
    ]  # fmt: skip
    assert [duration(Decimal(seconds)) for seconds in ("61.99", "3723", "0")] == ["1:01", "1:02:03", "0:00"]


METERS = {"voice_minutes": "call minutes"}


@pytest.mark.parametrize(
    ("kind", "meter", "corrects", "said"),
    [
        ("setup", None, None, "Set-up"),
        ("overage", "voice_minutes", None, "Call minutes beyond what is included"),
        ("overage", "id_checks", None, "Id checks beyond what is included"),
        ("minimum", None, None, "Rest of the minimum"),
        ("adjustment", "voice_minutes", "t/2026-10-01/overage/voice_minutes",
         "Correction of October 2026: Call minutes beyond what is included"),
        ("adjustment", None, "t/2026-10-01/minimum", "Correction of October 2026: Rest of the minimum"),
        ("credit", None, None, "Credit: an outage"),
    ],
)  # fmt: skip
def test_a_line_has_a_title_without_identifiers(kind: str, meter: str | None, corrects: str | None, said: str) -> None:
    of = line(kind, "1.00", {"reason": "an outage"})
    of = msgspec.structs.replace(of, meter_id=meter, corrects_line_id=corrects)
    assert in_words.title(of, METERS) == said


@pytest.mark.parametrize(
    ("unit", "count", "said"),
    [("minute", 1, "minute"), ("minute", 2, "minutes"), ("started minute", None, "started minutes"), ("GB", 2, "GB"),
     ("reply", 0, "replies"), ("day", 2, "days"), ("fax", 2, "faxes"), ("analysis", 2, "analysis"), ("", 2, "")],
)  # fmt: skip
def test_a_unit_is_in_its_plural_beside_a_count(unit: str, count: int | None, said: str) -> None:
    assert units(unit, count) == said


def test_what_a_call_counts_as_and_cost_is_words_and_no_float() -> None:
    assert in_words.units_of_call('{"voice_minutes": 3, "other_one": 0.1}', METERS) == "3 call minutes, 0.1 other one"
    assert in_words.costs_of_call('{"model": 0.10000000000000000001}') == "model 0.10000000000000000001"
    assert in_words.costs_of_call(None) == in_words.units_of_call(None, METERS) == ""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("On Monday.", "On Monday."),
        ({"next_visit": {"day": "Monday", "hour": 9}, "paid": False}, "next visit: day: Monday; hour: 9; paid: no"),
        (["fever", None, True], "fever, nothing, yes"),
        (Decimal("12.50"), "12.50"),
        ({}, "nothing"),
    ],
)
def test_a_structured_output_is_told_in_words_and_its_numbers_digit_for_digit(value: object, said: str) -> None:
    assert in_words.output(value) == said
