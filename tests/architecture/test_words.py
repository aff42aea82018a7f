"""Counts and days in sentences are said by `warehouse.words` alone, so that each is right for one and for many."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from warehouse.words import counted, day, moment, span, units

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "orchestration").rglob("*.html"))
NOUNS = (
    "accounts|attempts|calls|days|entries|events|files|items|lines|logins|messages|migrations|minutes|months|periods"
    "|pulls|rows|runs|seconds|secrets|sessions|statements|tenant-days|tenants|times|units"
)


def test_no_template_counts_in_a_plural_by_luck_or_writes_a_day_otherwise() -> None:
    wrong = rf"\}}\}} (?:ready |tenant-)?(?:{NOUNS})\b|\w\(s\)|strftime\(.(?:%-?d %b %Y|%Y-%m-%d)"
    assert [(path.name, found) for path in TEMPLATES for found in re.findall(wrong, path.read_text())] == []


def test_counts_agree_with_their_unit_and_verb() -> None:
    assert counted(1, "day") == "1 day"
    assert counted(2_000, "day of usage") == "2,000 days of usage"
    assert counted(Decimal("1E+1"), "reply") == "10 replies"
    assert [counted(n, "line of a bill", "is", "are") for n in (1, 2)] == [
        "1 line of a bill is",
        "2 lines of a bill are",
    ]
    assert [units(unit, 2) for unit in ("minute", "copy", "day", "match", "GB", "credits")] == [
        "minutes", "copies", "days", "matches", "GB", "credits",
    ]  # fmt: skip


def test_days_are_said_as_people_say_them() -> None:
    first, last = date(2026, 10, 2), date(2026, 10, 5)
    assert (day(first), span(first, first)) == ("2 Oct 2026", "on 2 Oct 2026")
    assert span(first, last, "from ") == "from 2 Oct 2026 to 5 Oct 2026"
    assert moment(datetime(2026, 10, 2, 4, 5, tzinfo=UTC)) == "2 Oct 2026, 04:05 UTC"
