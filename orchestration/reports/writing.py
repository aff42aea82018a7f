"""A pack on disk: HTML that needs no server, the same as CSV, JSON and workbooks, and the hash of each file."""

import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from orchestration.plain import as_json, plain
from orchestration.reports import pages, sheets
from orchestration.reports.content import Margin, Statement
from orchestration.reports.freezing import statement_of
from orchestration.reports.tables import csv_text
from warehouse.database.queries import Connection
from warehouse.statements.periods import Month, states_of_month
from warehouse.words import month as in_words

MANIFEST = "MANIFEST.sha256"
_OLDEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


class NothingToPack(Exception):
    """No statement's period starts in that month."""


class FolderTaken(Exception):
    """The output folder holds something already."""


@dataclass(frozen=True)
class Pack:
    """What was written: how many statements, how many of them drawn from a closed period, and how many files."""

    folder: Path
    statements: int
    closed: int
    files: int


def write(
    connection: Connection,
    month: Month,
    folder: Path,
    *,
    tenant_ids: Sequence[str] | None = None,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Pack:
    """Write the pack of the periods that start in a month into a folder that is empty or not there yet.

    The folder appears whole or not at all. on_progress gets how many statements are done, of how many.

    Raises:
        NothingToPack, FolderTaken, FrozenPackChanged: in words; nothing is written.
    """
    periods = states_of_month(connection, month, tenant_ids)
    if not periods:
        raise NothingToPack(f"No statement's period starts in {in_words(month.start)}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderTaken(f"{folder} is not empty; name another folder, or remove it first.")
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        summaries, costs, margins = [], [], []
        for done, period in enumerate(periods, 1):
            statement = statement_of(connection, period["tenant_id"], period["period_start"])
            _write_statement(unfinished / "statements" / _folder_of(statement), statement, period["state"])
            summaries.append(sheets.summary_row(statement, period["state"]))
            costs += statement.costs
            margins += [statement.margin] if statement.margin else []
            on_progress(done, len(periods))
        _write_summary(unfinished, month, summaries, sheets.costs_of_month(costs), margins)
        files = _write_manifest(unfinished)
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return Pack(folder, len(periods), sum(period["state"] == "closed" for period in periods), files)


def zipped(folder: Path) -> Path:
    """The folder as a zip beside it, with the same bytes for the same content."""
    path = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(f"{folder.name}/{file.relative_to(folder).as_posix()}", _OLDEST_ZIP_DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, file.read_bytes())
    return path


def _folder_of(statement: Statement) -> str:
    return f"{statement.tenant_id}-{statement.period_start}"


def _write_statement(folder: Path, statement: Statement, state: str) -> None:
    folder.mkdir(parents=True)
    (folder / "statement.html").write_text(pages.statement(statement, state), encoding="utf-8")
    (folder / "statement.json").write_bytes(msgspec.json.format(as_json(statement)))
    found = sheets.of_statement(statement)
    _write_csvs(folder, found)
    sheets.write_workbook(folder / "statement.xlsx", found, statement.period_end)


def _write_summary(
    folder: Path,
    month: Month,
    summaries: Sequence[Mapping[str, Any]],
    costs: Sequence[Mapping[str, Any]],
    margins: Sequence[Margin],
) -> None:
    (folder / "index.html").write_text(pages.summary(month, summaries, costs, margins), encoding="utf-8")
    (folder / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(plain(summaries))))
    found = [sheets.Sheet.of("summary", summaries), *([sheets.Sheet.of("costs", costs)] if costs else [])]
    _write_csvs(folder, found)
    sheets.write_workbook(folder / "summary.xlsx", found, month.end)


def _write_csvs(folder: Path, found: Sequence[sheets.Sheet]) -> None:
    for sheet in found:
        # newline: csv ends its lines itself, and no platform may change them.
        with (folder / f"{sheet.name}.csv").open("w", encoding="utf-8", newline="") as file:
            file.write(csv_text(sheet.columns, sheet.lines))


def _write_manifest(folder: Path) -> int:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    lines = [f"{sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n" for file in files]
    (folder / MANIFEST).write_text("".join(lines), encoding="utf-8")
    return len(files) + 1
