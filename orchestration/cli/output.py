"""What a person or a program reads: tables that fit a terminal, JSON on demand, one line on what to do next."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from orchestration.cli.layout import COMMAND, WIDE, blank, prose, terminal_width, widths, wrapped
from orchestration.plain import plain
from orchestration.remedies import word
from sources.text import clean, clean_lines
from warehouse.control.changes import Action, Change
from warehouse.finding import Finding

Item = TypeVar("Item")
_LEFT_RAW = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
NOTHING = "–"
STYLES = {Action.CREATED: "green", Action.CHANGED: "yellow", Action.UNCHANGED: "dim"}


def console(is_error: bool = False, width: int | None = None) -> Console:
    """A console on the present stdout or stderr, as wide as its terminal unless a width is given."""
    stream = sys.stderr if is_error else sys.stdout
    return Console(file=stream, width=width or terminal_width(stream) or WIDE, highlight=False, soft_wrap=False)


def say(text: str) -> None:
    """A line for a person; on a terminal it wraps at spaces, and a command in it has a line of its own."""
    _print_lines(_fitted(clean_lines(text)))


def next_step(text: str) -> None:
    """What to do next."""
    first, *rest = _fitted(f"next: {clean_lines(text)}")
    console().print(f"[bold]next:[/bold]{escape(first.removeprefix('next:'))}", soft_wrap=True)
    _print_lines(rest)


def complain(text: str, style: str = "") -> None:
    """An error or a warning on stderr, laid out as `say` does."""
    _print_lines(_fitted(text, is_error=True), is_error=True, style=style)


def show(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool, empty: str, title: str | None = None
) -> None:
    """Rows as a table of these columns, or as JSON with all that they hold. `empty` says what an empty list means.

    On a terminal, columns that are 0 or empty in every row are named below instead, commands stand under their row, and
    a table that does not fit becomes a record per row.
    """
    if as_json:
        print_json([dict(row) for row in rows])
        return
    if not rows:
        say(empty)
        return
    if title is not None:
        say(title)
    width = terminal_width(sys.stdout)
    left_out = {} if width is None else {name: blank([row[name] for row in rows]) for name in columns[1:]}
    kept = [name for name in columns if not left_out.get(name)]
    texts = {name: [clean_lines(cell(row[name])) for row in rows] for name in kept}
    below = [name for name in kept if width is not None and any(map(COMMAND.search, texts[name]))]
    beside = [name for name in kept if name not in below]
    sizes = widths([_label(name) for name in beside], [texts[name] for name in beside], width)
    if sizes is None:
        _print_records(texts, below, width or WIDE)
    else:
        right = [name for name in beside if _is_numeric([row[name] for row in rows])]
        _print_table(texts, beside, below, sizes, right)
    for what, said in (("0", "0 in every row"), ("–", "– in every row")):
        if names := [_label(name) for name, found in left_out.items() if found == what]:
            _print_lines(_fitted(f"{said}: {', '.join(names)}"), style="dim")


def _print_table(
    texts: Mapping[str, Sequence[str]], beside: Sequence[str], below: Sequence[str], sizes: Sequence[int],
    right: Sequence[str],
) -> None:  # fmt: skip
    """The columns `beside` each other, and the texts of the others below their row, whose commands are copied whole."""
    count = len(next(iter(texts.values())))
    whole = max(WIDE, sum(sizes) + 2 * len(sizes))
    tables = [range(count)] if not below else [range(n, n + 1) for n in range(count)]
    for table_rows in tables:
        table = Table(header_style="bold", box=None, pad_edge=False, show_header=table_rows.start == 0)
        for name, size in zip(beside, sizes, strict=True):
            table.add_column(_label(name), justify="right" if name in right else "left", overflow="fold", width=size)
        for n in table_rows:
            table.add_row(*(_folded(texts[name][n], size) for name, size in zip(beside, sizes, strict=True)))
        if beside:
            console(width=whole).print(table)
        for name in below:
            if texts[name][table_rows.start] not in ("", NOTHING):
                _print_lines(_fitted(texts[name][table_rows.start], indent="    "))


def _folded(text: str, size: int) -> str:
    return escape("\n".join(line for paragraph in text.split("\n") for line in wrapped(paragraph, size)))


def _print_records(texts: Mapping[str, Sequence[str]], below: Sequence[str], width: int) -> None:
    """A line `column: value` for each column, longer values wrapped beside it, and an empty line between rows."""
    indent = " " * (max(map(cell_len, map(_label, texts))) + 2)
    for n in range(len(next(iter(texts.values())))):
        if n:
            say("")
        for name, cells in texts.items():
            label = f"{_label(name)}:"
            if name in below and cells[n] != NOTHING:
                _print_lines([label, *prose(cells[n], width, "  ")])
                continue
            first, *rest = prose(cells[n], width, indent)
            _print_lines([label.ljust(len(indent)) + first[len(indent) :], *rest])


def _fitted(text: str, is_error: bool = False, indent: str = "") -> list[str]:
    width = terminal_width(sys.stderr if is_error else sys.stdout)
    return [text] if width is None else prose(text, width, indent)


def _print_lines(lines: Iterable[str], is_error: bool = False, style: str = "") -> None:
    printer = console(is_error)
    for line in lines:
        printer.print(escape(line), soft_wrap=True, style=style)


def _label(column: str) -> str:
    return column.replace("_", " ")


def _is_numeric(values: Iterable[object]) -> bool:
    return all(
        isinstance(value, int | Decimal) and not isinstance(value, bool) for value in values if value is not None
    )


def show_unknown_costs(unknown: Sequence[Finding]) -> None:
    """Why margins are not known; nothing where they are."""
    if unknown:
        found = [{"tenant_id": one.subject.tenant_id, **word(one).as_record} for one in unknown]
        show(found, ["tenant_id", "what", "fix"], False, "", "\nWhy a margin is not known")


def tracked(rows: Sequence[Item], doing: str) -> Iterable[Item]:
    """The rows one by one, with a progress bar on stderr where a person watches it."""
    return track(rows, doing, console=console(is_error=True), transient=True, disable=not sys.stderr.isatty())


def show_changes(changes: Sequence[Change], as_json: bool, then: str) -> None:
    """What writes did: created, changed or unchanged; then the next step."""
    if as_json:
        print_json([{"what": change.what, "action": change.action, "detail": change.detail} for change in changes])
        return
    for change in changes:
        style = STYLES[change.action]
        detail = f" ({clean(change.detail)})" if change.detail else ""
        first, *rest = _fitted(clean(change.what) + detail, indent=" " * 10)
        console().print(f"[{style}]{change.action:<9}[/{style}] {escape(first.lstrip())}", soft_wrap=True)
        _print_lines(rest)
    next_step(then)


def cell(value: object) -> str:
    """A value as shown in a table; amounts keep their digits."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict | list):
        return json.dumps(value, default=_written) if value else NOTHING
    return str(value)


def print_json(value: object) -> None:
    """Any result as JSON on stdout: decimals as text, dates as ISO 8601."""
    text = json.dumps(value, default=_written, indent=2, ensure_ascii=False)
    # JSON escapes most controls; what it leaves and a terminal acts on is escaped too, so the value stays what it is.
    typer.echo(_LEFT_RAW.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def _written(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
