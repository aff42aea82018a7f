"""The tables of a pack, for CSV files and workbooks; a number that a spreadsheet cannot hold exactly is text."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import xlsxwriter
from msgspec import Struct
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from orchestration.plain import plain
from orchestration.reports import in_words
from orchestration.reports.content import Call, Cost, Day, Line, Margin, Statement, Usage
from sources.text import clean_lines

_WIDEST_COLUMN = 48
_MOST_ROWS = 1_048_575
_EXACT_DIGITS = 15  # of a spreadsheet's number; what has more is written as text


@dataclass(frozen=True)
class Sheet:
    """A table with a name."""

    name: str
    columns: Sequence[str]
    lines: Sequence[Sequence[object]]

    @classmethod
    def of(cls, name: str, found: Sequence[Mapping[str, Any]]) -> "Sheet":
        """A sheet of rows that share their keys."""
        columns = list(found[0]) if found else []
        return cls(name, columns, [[row[column] for column in columns] for row in found])


def of_statement(statement: Statement) -> list[Sheet]:
    """From the lines down to the calls."""
    kinds: tuple[tuple[str, type[Struct], Sequence[Struct]], ...] = (
        ("lines", Line, statement.lines),
        ("overage_by_day", Day, statement.days),
        ("usage_by_agent", Usage, statement.usage),
        ("costs", Cost, statement.costs),
        ("margins", Margin, statement.margins),
        ("calls", Call, statement.calls),
    )
    # What is JSON in the marts is words in a table that people read; statement.json has it digit for digit.
    worded: dict[tuple[str, str], Callable[[Any], str]] = {
        ("lines", "inputs"): in_words.line,
        ("calls", "units"): lambda call: in_words.units_of_call(call.units, statement.meter_names),
        ("calls", "costs"): lambda call: in_words.costs_of_call(call.costs),
    }
    return [
        Sheet(
            name,
            ["computed_as" if column == "inputs" else column for column in kind.__struct_fields__],
            [
                [worded[name, column](row) if (name, column) in worded else getattr(row, column)
                 for column in kind.__struct_fields__]
                for row in found
            ],
        )
        for name, kind, found in kinds
    ]  # fmt: skip


def summary_row(statement: Statement, state: str) -> dict[str, Any]:
    """One row of the summary: a statement's totals and its margin."""
    margin = statement.margin
    by_kind = {
        kind: sum((line.amount for line in statement.lines if line.line_kind == kind), Decimal(0))
        for kind in ("setup", "subscription", "overage", "minimum", "adjustment", "credit")
    }
    return {
        "tenant_id": statement.tenant_id,
        "name": statement.name,
        "period_start": statement.period_start,
        "period_end": statement.period_end,
        "state": state,
        "currency": statement.currency,
        **by_kind,
        "total": statement.total,
        "former_total": statement.former_total,
        "cost": margin.cost if margin else None,
        "margin": margin.margin if margin else None,
        "margin_percent": margin.margin_percent if margin else None,
        "completeness": margin.completeness if margin else None,
    }


def costs_of_month(costs: Iterable[Cost]) -> list[dict[str, Any]]:
    """Costs of all statements by currency, provider, component and basis: what is known, and how many are not."""
    found: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for cost in costs:
        key = (cost.currency, cost.provider, cost.component, cost.basis)
        row = found.setdefault(
            key,
            dict(zip(("currency", "provider", "component", "basis"), key, strict=True))
            | {"known_amount": Decimal(0), "unknown_costs": 0},
        )
        row["known_amount"] += cost.amount or 0
        row["unknown_costs"] += cost.unknown_costs
    return [found[key] for key in sorted(found)]


def write_workbook(path: Path, found: Sequence[Sheet], dated: date) -> None:
    """A workbook whose bytes depend on these sheets and the date alone. No text becomes a formula or a link."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": datetime.combine(dated, time(), UTC)})
        heading = book.add_format({"bold": True, "bottom": 1})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        numbers = [book.add_format({"num_format": f"{0:.{places}f}"}) for places in range(20)]
        for sheet in found:
            page = book.add_worksheet(sheet.name)
            page.freeze_panes(1, 0)
            for column, name in enumerate(sheet.columns):
                page.write_string(0, column, name.replace("_", " "), heading)
            lines = sheet.lines[:_MOST_ROWS]
            for row, line in enumerate(lines, 1):
                for column, value in enumerate(line):
                    _write_cell(page, row, column, value, day, numbers)
            for column, name in enumerate(sheet.columns):
                longest = max((len(str(line[column])) for line in lines[:200]), default=0)
                page.set_column(column, column, min(_WIDEST_COLUMN, max(longest, len(name)) + 2))


def _write_cell(page: Worksheet, row: int, column: int, value: object, day: Format, numbers: Sequence[Format]) -> None:
    match value:
        case None:
            return
        case bool():
            page.write_boolean(row, column, value)
        case int() | Decimal():
            digits = format(value, "f")
            held, places = f"{float(value):.{_EXACT_DIGITS}G}", len(digits.partition(".")[2])
            if "E" in held or Decimal(held) != value or places >= len(numbers):
                page.write_string(row, column, digits)
            else:
                page.write_number(row, column, float(value), numbers[places])
        case datetime():
            page.write_string(row, column, value.isoformat())
        case date():
            page.write_datetime(row, column, datetime.combine(value, time()), day)
        case _:
            text = value if isinstance(value, str) else msgspec.json.encode(plain(value)).decode()
            page.write_string(row, column, clean_lines(text))
