from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.window import MILLISECOND, Window, instant

MIDNIGHT = datetime(2026, 2, 18, tzinfo=UTC)


def test_a_day_begins_at_midnight_utc_and_leaves_the_next_midnight_out() -> None:
    day = Window.of_day(date(2026, 2, 18))
    assert (day.start, day.end) == (MIDNIGHT, MIDNIGHT + timedelta(days=1))
    assert day.start in day
    assert day.end - timedelta(microseconds=1) in day
    assert day.end not in day


def test_a_day_of_a_clock_change_elsewhere_still_has_24_hours() -> None:
    day = Window.of_day(date(2026, 3, 29))
    assert day.end - day.start == timedelta(hours=24)


@pytest.mark.parametrize(
    ("start", "end"),
    [(MIDNIGHT, MIDNIGHT), (MIDNIGHT, MIDNIGHT - MILLISECOND), (MIDNIGHT.replace(tzinfo=None), MIDNIGHT)],
)
def test_an_empty_or_naive_window_is_refused(start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match="window"):
        Window(start, end)


def test_another_offset_is_the_same_window() -> None:
    eastern = timezone(timedelta(hours=-5))
    assert Window(MIDNIGHT.astimezone(eastern), (MIDNIGHT + MILLISECOND).astimezone(eastern)) == Window(
        MIDNIGHT, MIDNIGHT + MILLISECOND
    )


@given(offset=st.integers(0, 86_400_000 - 1), length=st.integers(1, 86_400_000))
def test_halves_tile_a_window_at_a_whole_millisecond_until_one_is_left(offset: int, length: int) -> None:
    start = MIDNIGHT + offset * MILLISECOND
    window = Window(start, start + length * MILLISECOND)
    halves = window.halves()
    if length == 1:
        assert halves is None
    else:
        assert halves is not None
        first, second = halves
        assert (first.start, first.end, second.end) == (window.start, second.start, window.end)
        assert first.end.microsecond % 1000 == 0
        assert abs((first.end - first.start) - (second.end - second.start)) <= MILLISECOND


def test_an_instant_is_written_as_the_providers_write_it() -> None:
    assert instant(datetime(2026, 2, 18, 9, 5, 3, 7000, tzinfo=UTC)) == "2026-02-18T09:05:03.007Z"
