"""In a terminal of 80, 120 or 200 columns nothing that is read or copied as one is broken, and nothing is cut off."""

import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer

from orchestration.cli import app
from orchestration.cli.layout import COMMAND
from orchestration.cli.output import complain, next_step, say, show
from tests.cli.conftest import Minutebook
from tests.cli.pseudo_terminal import lines_of, opened, shown
from tests.conftest import own_database
from tests.money.acme import LINE
from warehouse import clock

WIDTHS = (80, 120, 200)
ENDLESS = 4000
TABLES = (
    "review 2026-01 --lines",
    "status --days 40",
    "margin 2026-01",
    "margin 2026-01 --by meter",
    f"explain {LINE} --objects",
    "forecast",
    "cost list",
    "cost show 2026-01",
    "doctor",
    "pull list --from 2026-01-01 --to 2026-01-31",
    "tenant list",
    "tenant show acme",
    "meter list",
    "plan show basic",
    "price list --meter scans",
    "price simulate 2026-01 --meter scans --plan basic --amount 0.5",
    "source list",
    "limit list",
    "audit list --tenant acme",
)
Seen = Callable[[int, str], list[str]]


@pytest.fixture(scope="module")
def database_url(postgres_server: str, january: str) -> Iterator[str]:
    """One copy for all: what is shown here changes nothing that another test looks at."""
    with own_database(postgres_server, january) as url:
        yield url


@pytest.fixture
def seen(minutebook: Minutebook, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What a command shows in a terminal of a width; all of a test's commands run at the same moment."""
    minutebook("limit set acme --from 2026-01-01 --amount 500")
    now = datetime.now(UTC)
    monkeypatch.setattr(clock, "now", lambda: now)

    def run(width: int, line: str) -> list[str]:
        def do() -> None:
            with suppress(typer.Exit):
                app(shlex.split(line), standalone_mode=False)

        return shown(width, do, monkeypatch, "stdout")

    return run


def numbers(lines: list[str]) -> Counter[str]:
    """Amounts, quantities, dates and ids: the words that hold a digit."""
    return Counter(word for line in lines for word in line.split() if re.search(r"\d", word))


def commands(lines: list[str]) -> list[str]:
    return [line.strip() for line in lines if COMMAND.search(line)]


def assert_fits(lines: list[str], width: int) -> None:
    for line in lines:
        is_whole = COMMAND.fullmatch(line.strip()) or len(line.split(":", 1)[-1].split()) == 1
        assert len(line) <= width or is_whole, f"{len(line)} of {width} columns: {line}"


@pytest.mark.parametrize("line", TABLES)
def test_a_table_shows_the_same_amounts_ids_dates_and_commands_at_every_width(seen: Seen, line: str) -> None:
    seen(ENDLESS, line)  # a first review begins it, which later ones find done
    whole = seen(ENDLESS, line)
    assert len(whole) > 2, f"nothing to show: {whole}"
    for width in WIDTHS:
        lines = seen(width, line)
        assert_fits(lines, width)
        assert numbers(lines) == numbers(whole), width
        assert commands(lines) == commands(whole)
        assert all(COMMAND.fullmatch(command) for command in commands(lines)), "a command shares its line"


def test_the_script_itself_finds_the_width_of_its_terminal(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    outer, inner = opened(200)
    # An environment of its own: readline, which pytest loads, tells child processes of another width behind our back.
    command, environment = [Path(sys.executable).with_name("minutebook"), "margin", "2026-01"], dict(os.environ)
    with subprocess.Popen(command, env=environment, stdout=inner, stderr=subprocess.DEVNULL) as process:
        os.close(inner)
        lines = lines_of(outer)
    assert process.returncode == 0, lines
    assert lines == seen(200, "margin 2026-01")


ROWS = [
    {
        "tenant_id": tenant_id,
        "period": "2026-10-01 to 2026-10-31",
        "setup": Decimal("0.00"),
        "total": total,
        "line_id": f"{tenant_id}/2026-10-01/overage/voice_minutes",
        "corrects": None,
        "what": "28 days were never pulled, 1 Nov 2026 to 28 Nov 2026; 14 of them come back by themselves " * 2,
        "fix": f"minutebook pull --tenant {tenant_id} --from 2026-11-01 --to 2026-11-28\nminutebook build",
    }
    for tenant_id, total in (("atlas-motors", Decimal("89.00")), ("a" * 63, Decimal("123456789.12")), ("ü", None))
]


def table(width: int, rows: list[dict[str, Any]], columns: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return shown(width, lambda: show(rows, columns, False, "none", "A title"), monkeypatch, "stdout")


@pytest.mark.parametrize("width", WIDTHS)
def test_long_ids_large_amounts_and_long_texts_stay_whole(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = table(width, ROWS, list(ROWS[0]), monkeypatch)
    assert_fits(lines, width)
    for row in ROWS:
        for name in ("tenant_id", "total", "line_id"):
            wanted = "–" if row[name] is None else str(row[name])
            assert any(wanted in line.split() for line in lines), wanted
        for command in row["fix"].split("\n"):
            assert command in [line.strip() for line in lines]
    assert numbers(lines) == numbers(table(ENDLESS, ROWS, list(ROWS[0]), monkeypatch))


def test_columns_that_say_nothing_are_named_below(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = table(200, ROWS[:1], ["tenant_id", "setup", "total", "corrects"], monkeypatch)
    assert lines == [
        "A title",
        "tenant id     total",
        "atlas-motors  89.00",
        "0 in every row: setup",
        "– in every row: corrects",
        "",
    ]


def test_what_is_unknown_in_one_row_and_0_in_the_other_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"tenant_id": "a", "cost": Decimal("0.00")}, {"tenant_id": "b", "cost": None}]
    assert "b             –" in table(80, rows, ["tenant_id", "cost"], monkeypatch)


def test_where_the_table_does_not_fit_each_row_is_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = table(40, ROWS[:2], ["tenant_id", "period", "total"], monkeypatch)
    assert lines[1:5] == ["tenant id: atlas-motors", "period:    2026-10-01 to 2026-10-31", "total:     89.00", ""]


def test_piped_output_keeps_every_column_and_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, list(ROWS[0]), False, "none")
    lines = capsys.readouterr().out.split("\n")
    assert lines[0].split()[:5] == ["tenant", "id", "period", "setup", "total"]
    assert {"a" * 63, "123456789.12", "0.00", ROWS[1]["line_id"]} <= set(" ".join(lines).split())


def test_a_command_within_a_sentence_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "minutebook pull --tenant acme --source vapi --from 2026-11-01 --to 2026-11-28 --accept-unconfirmed"

    def do() -> None:
        next_step(f"fix what blocks, then: {long} (or wait)")
        say(f"see: {long}; minutebook doctor, or: minutebook reopen 2026-10 --tenant acme --reason 'a b'")
        complain(f"error: run: minutebook init && {long}")

    assert shown(80, do, monkeypatch, "stdout", "stderr") == [
        *("next: fix what blocks, then:", f"  {long}", "(or wait)"),
        *("see:", f"  {long}", "  minutebook doctor", "or:"),
        "  minutebook reopen 2026-10 --tenant acme --reason 'a b'",
        *("error: run:", f"  minutebook init && {long}", ""),
    ]


def test_a_command_in_brackets_leaves_no_bracket_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def do() -> None:
        complain("error: unexpected KeyError: x (minutebook --debug shows where)")
        complain("error: look (minutebook doctor) and see (all of it)")

    assert shown(80, do, monkeypatch, "stderr") == [
        *("error: unexpected KeyError: x", "  minutebook --debug", "shows where"),
        *("error: look", "  minutebook doctor", "and see (all of it)", ""),
    ]


DATES = ("2 Oct 2026", "(2 Oct 2026,", "31 December 2026", "October 2026", "2 Oct 2026, 14:03 UTC")


@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize("lead", range(len("31 December 2026")))
def test_a_date_in_words_never_breaks(date: str, lead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "a" * lead + f" until {date} and" * 20

    def do() -> None:
        say(said)
        show([{"tenant_id": "acme", "what": said, "fix": said}], ["tenant_id", "what", "fix"], False, "none")
        show([{"tenant_id": "a" * 63, "what": said, "fix": said}], ["tenant_id", "what", "fix"], False, "none")

    lines = shown(80, do, monkeypatch, "stdout")
    assert max(map(len, lines)) <= 80
    assert sum(line.count(date) for line in lines) == 5 * 20


def test_a_sentence_is_wrapped_at_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(80, lambda: say("word 2026-10-01 " * 40), monkeypatch, "stdout")
    assert max(map(len, lines)) <= 80
    assert numbers(lines) == {"2026-10-01": 40}


@pytest.mark.parametrize(
    ("line", "error", "then"),
    [
        ("tenant creat", "No such command 'creat'. Did you mean 'create'?", "minutebook tenant --help"),
        ("login create x --role boss", "'boss' is not one of 'operator', 'finance', 'tenant'.",
         "minutebook login create --help"),
        ("review 2026-13", "'2026-13' is no period; write YYYY-MM", "minutebook review --help"),
        ("pull --from 2026-13-01 --to 2026-10-03", "'2026-13-01' is no date; write YYYY-MM-DD",
         "minutebook pull --help"),
        ("--frobnicate", "No such option: --frobnicate", "minutebook --help"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("width", WIDTHS)
def test_what_was_typed_wrong_is_told_in_plain_lines(
    line: str, error: str, then: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[object] = []

    def do() -> None:
        with pytest.raises(SystemExit) as ended:
            app(shlex.split(line), prog_name="minutebook")
        ends.append(ended.value.code)

    lines = shown(width, do, monkeypatch, "stderr")
    assert ends == [2]
    assert_fits(lines, width)
    assert error in " ".join(lines)
    assert lines[0].startswith("error: ")
    assert then in [one.strip() for one in lines]
    assert "Value error" not in " ".join(lines)
    assert not set("".join(lines)) & set("╭│╰")
