"""Tables as ElevenLabs answers them: rows without names, whose columns are found by name and unit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from sources.checks.undocumented import Undocumented, kind_of
from sources.errors import ContractBroken
from sources.rows import moment, parser

MONEY = frozenset({"usd", "eur", "inr", "pln", "gbp"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Table(msgspec.Struct):
    """`column_units` are units of columns, null for those that have none."""

    columns: list[str]
    column_types: list[str]
    column_units: list[str | None]
    rows: list[list[Any]]


parse = parser(Table)


@dataclass(frozen=True)
class Found:
    """Where a table has its money or credits and the start of a row's bucket; the unit is that of the first."""

    amount: str
    unit: str
    at: str


def found_in(table: Table, units: frozenset[str], named: str | None = None) -> Found:
    """The one column of these units, `named` so where a name is known. ContractBroken for none, and for several."""
    if not len(table.columns) == len(table.column_types) == len(table.column_units) == len(set(table.columns)):
        raise ContractBroken("ElevenLabs: a table has more columns than types or units, or two of one name")
    columns = list(zip(table.columns, table.column_units, strict=True))
    amounts = [(name, unit) for name, unit in columns if unit in units and named in (None, name)]
    times = [name for name, kind in zip(table.columns, table.column_types, strict=True) if kind == "DateTime"]
    times = times or [name for name in table.columns if name in ("timestamp", "time", "bucket", "start_time", "date")]
    for what, these in (("amount in " + " or ".join(sorted(units)), amounts), ("time", times)):
        if len(these) != 1:
            raise ContractBroken(f"ElevenLabs: a table has {len(these)} columns of {what}: {', '.join(table.columns)}")
    ((amount, unit),) = amounts
    return Found(amount, str(unit), times[0])


def rows_of(table: Table) -> Iterator[Mapping[str, Any]]:
    """Rows by column; one that is longer or shorter keeps what it has, and is set aside for what it lacks."""
    for row in table.rows:
        yield dict(zip(table.columns, row, strict=False))


def bucket(value: Any) -> datetime:
    """The start of a bucket: milliseconds since 1970, or ISO 8601. Undocumented for anything else."""
    if isinstance(value, str):
        at = moment(value)
        if at is None:
            raise Undocumented("it names no time")
        return at
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Undocumented(f"{kind_of(value)} stands where a time is")
    return _EPOCH + timedelta(milliseconds=int(value))
