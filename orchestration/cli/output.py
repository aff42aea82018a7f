"""What a person or a program reads: tables on a terminal, JSON on demand, one line on what to do next."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from orchestration.plain import plain
from orchestration.remedies import word
from sources.text import clean, clean_lines
from warehouse.control.changes import Action, Change
from warehouse.finding import Finding

Item = TypeVar("Item")
WIDE = 200  # where the output is not a terminal, nothing is cut to its width
_LEFT_RAW = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
STYLES = {Action.CREATED: "green", Action.CHANGED: "yellow", Action.UNCHANGED: "dim"}


def console(is_error: bool = False) -> Console:
    """A console on the present stdout or stderr."""
    stream = sys.stderr if is_error else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else WIDE, highlight=False, soft_wrap=False)


def say(text: str) -> None:
    """One line for a person."""
    console().print(escape(clean_lines(text)), soft_wrap=True)


def next_step(text: str) -> None:
    """What to do next."""
    console().print(f"[bold]next:[/bold] {escape(clean_lines(text))}", soft_wrap=True)


def show(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool, empty: str, title: str | None = None
) -> None:
    """Rows as a table of these columns, or as JSON with all that they hold. `empty` says what an empty list means."""
    if as_json:
        print_json([dict(row) for row in rows])
        return
    if not rows:
        say(empty)
        return
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        values = [row[column] for row in rows if row[column] is not None]
        numeric = all(isinstance(value, int | Decimal) and not isinstance(value, bool) for value in values)
        table.add_column(column.replace("_", " "), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(clean_lines(cell(row[column]))) for column in columns))
    console().print(table)


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
        detail = f" ({escape(clean(change.detail))})" if change.detail else ""
        console().print(f"[{style}]{change.action:<9}[/{style}] {escape(clean(change.what))}{detail}", soft_wrap=True)
    next_step(then)


def cell(value: object) -> str:
    """A value as shown in a table; amounts keep their digits."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict | list):
        return json.dumps(value, default=_written) if value else "–"
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
