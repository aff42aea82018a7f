"""How text and tables fit a terminal: what is read or copied as one (an amount, an id, a date, a command) never breaks.

Owns widths and line breaks. Knows no stream: a terminal's width is given, and None stands for output that is no
terminal, which nothing is fitted to.
"""

import calendar
import os
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TextIO

from rich.cells import cell_len

WIDE = 200  # where the output is not a terminal, long texts wrap here, and a table may be wider
GAP = 2  # spaces between columns
_SHORT, _READABLE = 32, 40  # cells up to the one stay on one line; a column of texts is at least the other wide
_ENDS = "and|or|then|to|for|where|when|which|with|once|until|so|if|as|says|shows|does|ends|names|finds|of|by|in|is|are"
COMMAND = re.compile(
    rf"minutebook(?:[ ]+(?!(?:{_ENDS})\b)(?:'[^'\n]*'|\"[^\"\n]*\"|[^\s,;()`'\"]*[^\s,;()`'\".:]))+(?=$|[\s,;()`.:])"
)
"""A command as it is typed, within a text: up to a mark of punctuation or a word that goes on with the sentence."""
_MONTHS = "|".join([*calendar.month_name[1:], *calendar.month_abbr[1:]])
_WORD = re.compile(rf"(?:(?<!\d)(?:\d{{1,2}} )?\b(?:{_MONTHS}) \d{{4}}(?:, \d\d:\d\d UTC)?|\S)+")
"""A word, or what is read as one: 2 Oct 2026, October 2026, or 2 Oct 2026, 14:03 UTC."""


def terminal_width(stream: TextIO) -> int | None:
    """How many columns the terminal behind a stream has; None where it is no terminal."""
    if not stream.isatty():
        return None
    said = os.environ.get("COLUMNS", "")
    return int(said) if said.isdigit() and int(said) else os.get_terminal_size(stream.fileno()).columns or 80


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most `width` cells, broken between words only; a longer word has a line of its own, whole."""
    lead = indent + text[: len(text) - len(text.lstrip(" "))]
    lines, line = [], ""
    for word in _WORD.findall(text):
        if line and cell_len(lead) + cell_len(line) + 1 + cell_len(word) > width:
            lines.append(lead + line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, lead + line]


def prose(text: str, width: int, indent: str = "") -> list[str]:
    """Text in lines of at most `width` cells; each command in it has a line of its own, however long it is."""
    return [line for paragraph in text.split("\n") for line in _paragraph(paragraph, width, indent)]


def _paragraph(text: str, width: int, indent: str) -> Iterator[str]:
    if not COMMAND.search(text):
        yield from wrapped(text, width, indent)
        return
    is_command_alone = COMMAND.fullmatch(text.strip()) is not None
    end, is_in_brackets = 0, False
    for found in COMMAND.finditer(text):
        between = text[end : found.start()]
        yield from _between(between, width, indent, is_in_brackets)
        yield indent + ("" if is_command_alone else "  ") + found[0]
        end, is_in_brackets = found.end(), between.endswith("(")
    yield from _between(text[end:], width, indent, is_in_brackets)


def _between(text: str, width: int, indent: str, is_in_brackets: bool) -> Iterator[str]:
    """What stands before, between and after commands; the punctuation that a line break replaces is left out, and with
    a bracket that opened before a command the one that closes it."""
    if is_in_brackets:
        text = text.replace(")", "", 1)
    kept = re.sub(r"^[`)]?[,;.]?\s+|\s*[`(]$", "", text).rstrip()
    if kept.strip(" `.,;)("):
        yield from wrapped(kept, width, indent)


def blank(values: Sequence[object]) -> str | None:
    """What all values of a column are: "0" or "–", which is unknown or nothing; None where the column says more."""
    if all(value is None or value == "" or value == [] or value == {} for value in values):
        return "–"
    if all(isinstance(value, int | Decimal) and not isinstance(value, bool) and value == 0 for value in values):
        return "0"
    return None


def widths(headers: Sequence[str], columns: Sequence[Sequence[str]], width: int | None) -> list[int] | None:
    """How wide each column of a table is; None where the table does not fit.

    Short cells and cells without a space stay whole, longer texts wrap at spaces, headers wrap only where they must.
    """
    for split_headers in (False, True):
        heads = [max(map(cell_len, head.split())) if split_headers else cell_len(head) for head in headers]
        sizes = [_least_and_most(cells) for cells in columns]
        least = [max(head, size[0]) for head, size in zip(heads, sizes, strict=True)]
        room = (width or WIDE) - sum(least) - GAP * (len(least) - 1)
        if room >= 0 or width is None:
            return _spread(least, [size[1] for size in sizes], max(room, 0))
    return None


def _least_and_most(cells: Sequence[str]) -> tuple[int, int]:
    """The narrowest a column may be so that nothing breaks that must not, and how wide its longest line is."""
    lines = [line for cell in cells for line in cell.split("\n")]
    most = max(map(cell_len, lines), default=0)
    if most <= _SHORT:
        return most, most
    word = max((cell_len(word) for line in lines for word in _WORD.findall(line)), default=0)
    return max(word, min(most, _READABLE)), most


def _spread(least: list[int], most: Sequence[int], room: int) -> list[int]:
    """The columns with the room that is left given to those which lack it, evenly."""
    given = list(least)
    while room > 0 and (lacking := [n for n, has in enumerate(given) if has < most[n]]):
        share = max(room // len(lacking), 1)
        for n in lacking:
            more = min(share, most[n] - given[n], room)
            given[n] += more
            room -= more
    return given
