"""What the charts say on their axes: every day of a period, whole numbers once each, and where it will end."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from orchestration.reports import charts
from orchestration.reports.formats import MINUS
from orchestration.reports.portfolio import axis_start, bridge_of

OCTOBER = date(2026, 10, 1), date(2026, 11, 1)
ONE_DAY = timedelta(days=1)
HEIGHT = 150
FONT_SIZE = 12


def words(drawn: str) -> list[str]:
    """All that is written in a chart, in order."""
    return re.findall(r">([^<]+)</(?:text|tspan)>", drawn)


def numbers(drawn: str) -> list[str]:
    return [word for word in words(drawn) if re.fullmatch(r"[\d,]+", word)]


def bars(drawn: str) -> list[str]:
    """The outlines of bars, from left to right."""
    return re.findall(r'<path d="([^"]*)" fill="var', drawn)


def day(number: int, quantity: int) -> dict[str, object]:
    return {"usage_date": date(2026, 10, number), "quantity": Decimal(quantity), "overage_quantity": Decimal(0)}


def test_days_without_usage_have_their_place_between_those_with_some() -> None:
    drawn = charts.usage([day(3, 5), day(4, 5), day(28, 5)], OCTOBER)
    assert [word for word in words(drawn) if "Oct" in word] == ["1 Oct", "8 Oct", "15 Oct", "22 Oct", "29 Oct"]
    left = [float(x) for x in re.findall(r'<path[^>]*d="M([\d.]+),', drawn) if x != "0"]
    third, fourth, last = sorted(set(left))[-3:]
    assert last - fourth == pytest.approx(24 * (fourth - third), rel=0.01)


@pytest.mark.parametrize("most", [1, 2, 3, 7, 1200])
def test_no_whole_number_is_said_twice_on_an_axis(most: int) -> None:
    totals = [(OCTOBER[0] + place * ONE_DAY, Decimal(most)) for place in range(31)]
    for drawn in (charts.usage([day(3, most)], OCTOBER), charts.cumulative(totals, Decimal(0), OCTOBER)):
        said = [int(number.replace(",", "")) for number in numbers(drawn)]
        assert len(said) > 1
        assert all(after > before for before, after in pairwise(said))


def test_no_label_of_one_axis_runs_into_the_others() -> None:
    """A first day's label stands below the whole of the 0 beside it, which is as high as its letters are."""
    totals = [(OCTOBER[0] + place * ONE_DAY, Decimal(10 * place)) for place in range(31)]
    for drawn in (charts.usage([day(3, 5)], OCTOBER), charts.cumulative(totals, Decimal(0), OCTOBER)):
        top = label(drawn, "1 Oct")
        assert top - label(drawn, "0") >= FONT_SIZE


def label(drawn: str, said: str) -> float:
    """How far down the baseline of a label is."""

    def walk(one: ElementTree.Element, down: float) -> Iterator[float]:
        moved = re.search(r"translate\([-\d.]+,([-\d.]+)\)", one.get("transform", ""))
        down += float(moved[1]) if moved else 0
        if one.text == said:
            yield down
        for each in one:
            yield from walk(each, down)

    return next(walk(ElementTree.fromstring(drawn), 0))  # noqa: S314  of our own drawing


def test_the_end_that_is_expected_is_drawn_from_the_last_total_on() -> None:
    totals = [(OCTOBER[0] + place * ONE_DAY, Decimal(10 * place)) for place in range(12)]
    without = charts.cumulative(totals, Decimal(100), OCTOBER)
    drawn = charts.cumulative(totals, Decimal(100), OCTOBER, Decimal(900))
    assert 'stroke-dasharray="1,3"' in drawn
    assert 'stroke-dasharray="1,3"' not in without
    assert max(int(number) for number in numbers(drawn)) >= 500 > max(int(number) for number in numbers(without))


def test_a_year_is_written_below_its_first_month_alone() -> None:
    months = [date(2025 + place // 12, place % 12 + 1, 1) for place in range(6, 18)]
    drawn = charts.margins([{"period_start": one, "revenue": Decimal(5), "cost": Decimal(2)} for one in months])
    assert [word for word in words(drawn) if word in {"2025", "2026"}] == ["2025", "2026"]
    assert words(drawn).count("Dec") == 1


@pytest.mark.parametrize(
    ("former", "more", "less", "start"),
    [
        ("2206.71", "20.82", "-15.53", "2200"),
        ("0.0431", "0.0012", "-0.0003", "0.042"),
        ("1000000", "3", "-4", "999998"),
        ("100", "160", "-10", "0"),
        ("5", "0", "0", "0"),
        ("-5", "1", "0", "0"),
    ],
)
def test_small_moves_of_a_bridge_are_seen_and_large_ones_stand_on_zero(
    former: str, more: str, less: str, start: str
) -> None:
    moves = [
        {"former_revenue": Decimal(former), "revenue": Decimal(former) + Decimal(more)},
        {"former_revenue": Decimal(0), "revenue": Decimal(less)},
    ]
    steps = bridge_of(moves, ("Sep", "Oct"))
    assert axis_start(steps) == Decimal(start)
    rows = [{"name": one.name, "begins": one.begins, "ends": one.ends, "is_total": one.is_total} for one in steps]
    drawn = charts.bridge(rows, axis_start(steps))
    said = [Decimal(word.replace(",", "").replace(MINUS, "-")) for word in words(drawn) if word[-1].isdigit()]
    assert min(said) <= Decimal(start) if start == "0" else min(said) == Decimal(start)
    tall = [[float(y) for _, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", bar)] for bar in bars(drawn)]
    if Decimal(more):
        assert max(max(ys) - min(ys) for ys in tall[1:-1]) >= HEIGHT / 5, "the largest move"
    if Decimal(start):
        assert [max(tall[place]) for place in (0, -1)] == [HEIGHT] * 2, "totals stand on the axis"
