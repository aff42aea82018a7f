"""Counts and days in sentences are said by `warehouse.words` alone, so that each is right for one and for many."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sources.text import said_day, said_moment
from warehouse.words import counted, day, moment, span, units

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for room in ("orchestration", "warehouse", "sources") for path in (ROOT / room).rglob("*.py"))
TEMPLATES = sorted((ROOT / "orchestration").rglob("*.html"))
NOUNS = (
    "accounts|attempts|calls|days|entries|events|files|items|lines|logins|messages|migrations|minutes|months|periods"
    "|pulls|rows|runs|seconds|secrets|sessions|statements|tenant-days|tenants|times|units"
)
# Where a source's reader speaks to the log and to a developer, of answers that it counts itself.
LOGS = "sources/"


def test_no_sentence_leaves_one_or_many_to_its_reader() -> None:
    found = []
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        texts = (
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
        found += [(path.name, text) for text in texts if re.search(r"\b\w+\(s\)", text.replace("http(s)", ""))]
        if not str(path.relative_to(ROOT)).startswith(LOGS):
            found += [(path.name, text) for text in counts_before_a_plural(tree)]
    assert found == []


def test_no_template_counts_in_a_plural_by_luck_or_writes_a_day_otherwise() -> None:
    wrong = rf"\}}\}} (?:ready |tenant-)?(?:{NOUNS})\b|\w\(s\)|strftime\(.(?:%-?d %b %Y|%Y-%m-%d)"
    assert [(path.name, found) for path in TEMPLATES for found in re.findall(wrong, path.read_text())] == []


def test_no_sentence_of_a_source_writes_a_day_as_a_program_does() -> None:
    """Causes are shown to people as they are: on the pages, in alerts and in a terminal."""
    written = re.compile(r"%Y-%m|(usage_date|isoformat\(\)|\binstant\(.*\))$")
    found = []
    for path in sorted((ROOT / "sources").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.JoinedStr):
                continue
            said = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
            values = [part for part in node.values if isinstance(part, ast.FormattedValue)]
            if re.search(r"[a-z] [a-z]", said):
                found += [(path.name, said) for each in values if written.search(_written(each))]
    assert found == []


def _written(value: ast.FormattedValue) -> str:
    return (ast.unparse(value.format_spec) if value.format_spec else "") + ast.unparse(value.value)


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


def counts_before_a_plural(tree: ast.AST) -> Iterator[str]:
    """Text of f-strings that follows a number that may be one; a constant in capitals is never one."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, text in zip(node.values, node.values[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(text, ast.Constant):
                continue
            is_constant = isinstance(value.value, ast.Name) and value.value.id.isupper()
            if not is_constant and re.match(rf" (?:{NOUNS})\b", str(text.value)):
                yield ast.unparse(node)


@pytest.mark.parametrize("at", [datetime(2026, 10, 2, 14, 3, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)])
def test_sources_say_a_day_and_a_moment_as_all_others_do(at: datetime) -> None:
    assert (said_day(at), said_moment(at)) == (day(at), moment(at))
