"""What others say is shown as text: it moves no cursor, clears no screen, turns no line round, ends no log entry."""

import io
import json
import unicodedata
import zipfile
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from orchestration.cli import output
from orchestration.operations import logs
from orchestration.reports.sheets import Sheet, write_workbook
from orchestration.reports.tables import csv_text
from orchestration.reports.templating import environment
from sources.text import as_id, clean, clean_lines
from warehouse.clock import today

NASTY = "a\x1b[2J\x1b]0;title\x07b\x9b31mc\x00\x7f\u202ed\x1bPq\x1b\\e"
ACTING = set(map(chr, [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


def test_sequences_leave_whole_and_what_is_between_stays() -> None:
    assert clean(NASTY) == "abcde"
    assert clean("one\r\ntwo\tthree\u2028four") == "one  two three four"
    assert clean_lines("one\r\ntwo\x1b[A\nthree") == "one\ntwo\nthree"
    assert clean("Zoë, 東京, مستشفى, €5 – ok") == "Zoë, 東京, مستشفى, €5 – ok"


@given(st.text(st.characters(categories=None) | st.sampled_from(sorted(ACTING))))
def test_nothing_that_acts_is_left_and_cleaning_twice_is_cleaning_once(text: str) -> None:
    cleaned = clean(text)
    assert not ACTING & set(cleaned)
    assert not any(unicodedata.category(character) == "Cs" for character in cleaned)
    assert clean(cleaned) == cleaned


def test_no_output_acts_on_a_terminal_and_json_stays_exact(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"said": NASTY}]
    output.say(NASTY)
    output.next_step(NASTY)
    output.show(rows, ["said"], False, "")
    logs.configure()
    structlog.get_logger().warning(NASTY, said=NASTY)
    shown = capsys.readouterr()
    assert not (ACTING - {"\n"}) & set(shown.out + shown.err)
    output.print_json(rows)
    printed = capsys.readouterr().out
    assert not (ACTING - {"\n"}) & set(printed)
    assert json.loads(printed) == rows


def test_no_file_or_page_carries_what_acts(tmp_path: Path) -> None:
    assert not (ACTING - {"\r", "\n"}) & set(csv_text(["said"], [[NASTY], ["\x1b[m=1+1"]]))
    assert "'=1+1" in csv_text(["said"], [["\x1b[m=1+1"]])
    assert not ACTING & set(environment().from_string("{{ said }}").render(said=NASTY))
    write_workbook(tmp_path / "said.xlsx", [Sheet("said", ["said"], [[NASTY]])], today())
    with zipfile.ZipFile(io.BytesIO((tmp_path / "said.xlsx").read_bytes())) as book:
        assert "abcde" in "".join(book.read(name).decode() for name in book.namelist() if name.endswith("xml"))


def test_an_id_made_of_a_name_is_the_same_wherever_it_is_made() -> None:
    assert as_id("  Groß & Klein GmbH ") == as_id("GROSS / KLEIN gmbh") == "gross-klein-gmbh"
    assert as_id("Müller") == as_id("Mu\u0308ller") == as_id("MÜLLER") == "muller"
    assert as_id("Café Ñandú, Łódź & Ørsted") == "cafe-nandu-lodz-orsted"
    assert as_id("…") == as_id("日本") == ""
