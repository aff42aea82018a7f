"""Metabase's words for the marts made equal to dbt's: planned by comparing, applied by what differs, safe to repeat."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestration.metabase.client import Metabase, MetabaseRefused
from orchestration.metabase.documentation import SCHEMA, Column, Table

_SYNC_SECONDS = 120.0
_LOOK_SECONDS = 1.0
Known = dict[str, Any]
Fields = dict[tuple[str, str], Known]


@dataclass(frozen=True)
class Change:
    """One difference. what is `sync` where Metabase does not know the table or column yet."""

    table: str
    column: str | None
    what: str
    now: str | None = None
    then: str | None = None


@dataclass(frozen=True)
class _Difference:
    """What differs of one table or column, and the fields to set of it; none where Metabase does not know it yet."""

    changes: Sequence[Change]
    number: int = 0
    values: Known = field(default_factory=dict)

    @property
    def is_missing(self) -> bool:
        return not self.values

    def write(self, metabase: Metabase) -> None:
        update = metabase.update_table if self.changes[0].column is None else metabase.update_field
        update(self.number, self.values)


def plan(metabase: Metabase, wanted: Sequence[Table]) -> list[Change]:
    """What Metabase says otherwise than dbt. Raises MetabaseRefused."""
    return [change for each in _differences(metabase.tables(SCHEMA), wanted) for change in each.changes]


def apply(
    metabase: Metabase,
    wanted: Sequence[Table],
    *,
    always_sync: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Change]:
    """Let Metabase look at the schema again where something is missing, then write what differs; returns what was done.

    Raises MetabaseRefused, also when tables or columns are still unknown to it two minutes after it was asked.
    """
    found = list(_differences(metabase.tables(SCHEMA), wanted))
    missing = [each for each in found if each.is_missing]
    if missing or always_sync:
        metabase.sync()
    if missing:
        found = _once_synced(metabase, wanted)
    for done, each in enumerate(found, 1):
        each.write(metabase)
        on_progress(done, len(found))
    return [change for each in (*missing, *found) for change in each.changes]


def _once_synced(metabase: Metabase, wanted: Sequence[Table]) -> list[_Difference]:
    deadline = time.monotonic() + _SYNC_SECONDS
    while True:
        found = list(_differences(metabase.tables(SCHEMA), wanted))
        missing = [each.changes[0] for each in found if each.is_missing]
        if not missing:
            return found
        if time.monotonic() > deadline:
            name = ".".join(filter(None, [SCHEMA, missing[0].table, missing[0].column]))
            raise MetabaseRefused(
                f"Metabase does not see {name} ({len(missing)} such): are the marts built, and may its login read them?"
            )
        time.sleep(_LOOK_SECONDS)


def _differences(known: Sequence[Known], wanted: Sequence[Table]) -> Iterator[_Difference]:
    tables = {table["name"]: table for table in known}
    fields: Fields = {
        (name, each["name"]): each
        for name, table in tables.items()
        for each in table["fields"]
        if each.get("active", True)
    }
    for table in wanted:
        its = tables.get(table.name)
        if its is None:
            yield _Difference([Change(table.name, None, "sync")])
            continue
        if table.description and its.get("description") != table.description:
            change = Change(table.name, None, "description", its.get("description"), table.description)
            yield _Difference([change], its["id"], {"description": table.description})
        for column in table.columns:
            yield from _of_column(table.name, column, fields)


def _of_column(table: str, column: Column, fields: Fields) -> Iterator[_Difference]:
    its = fields.get((table, column.name))
    if its is None:
        yield _Difference([Change(table, column.name, "sync")])
        return
    wanted: Known = {"description": column.description, "semantic_type": column.semantic_type}
    if column.target in fields:
        wanted["fk_target_field_id"] = fields[column.target]["id"]
    values = {key: value for key, value in wanted.items() if value and its.get(key) != value}
    if values:
        names = {each["id"]: ".".join(key) for key, each in fields.items()}
        changes = [
            Change(table, column.name, key.removesuffix("_field_id"), *(names.get(v, v) for v in (its.get(key), value)))
            for key, value in values.items()
        ]
        yield _Difference(changes, its["id"], values)
