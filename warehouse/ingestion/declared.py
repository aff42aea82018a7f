"""What the database has to know of a source, as `sources.source.Source` declares it; and its raw table by name."""

from collections.abc import Sequence
from typing import Protocol

from psycopg import sql


class DeclaredColumn(Protocol):
    """A column; `kind` is PostgreSQL's name of its type."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def meaning(self) -> str: ...
    @property
    def is_required(self) -> bool: ...


class DeclaredScope(Protocol):
    """An id by which a row finds its tenant: in a column, in a field of the payload, or in the column `scopes`."""

    @property
    def name(self) -> str: ...
    @property
    def column(self) -> str | None: ...
    @property
    def field(self) -> str | None: ...
    @property
    def is_of_one_row(self) -> bool: ...


class Declared(Protocol):
    """A source."""

    @property
    def name(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def schema(self) -> str: ...
    @property
    def table(self) -> str: ...
    @property
    def contract(self) -> str | None: ...
    @property
    def is_contract_shaped(self) -> bool: ...
    @property
    def columns(self) -> Sequence[DeclaredColumn]: ...
    @property
    def key(self) -> Sequence[str]: ...
    @property
    def bills(self) -> bool: ...
    @property
    def needs_credential(self) -> bool: ...
    @property
    def account(self) -> str: ...
    @property
    def scope_kinds(self) -> Sequence[DeclaredScope]: ...
    @property
    def enabled_by(self) -> tuple[str, str] | None: ...
    @property
    def facts(self) -> Sequence[str]: ...
    @property
    def horizon_days(self) -> int | None: ...
    @property
    def look_back_days(self) -> int: ...
    @property
    def description(self) -> str: ...
    @property
    def compared(self) -> str | None: ...


class DeclaredContract(Protocol):
    """A shape that rows of any source take."""

    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> Sequence[DeclaredColumn]: ...


def relation(source: Declared, suffix: str = "") -> sql.Identifier:
    """The raw table of a source, or what is called like it with a suffix."""
    return sql.Identifier(source.schema, source.table + suffix)


def scope_value(kind: DeclaredScope, alias: str) -> sql.Composable:
    """The value of a scope in a row of the raw table, as text."""
    if kind.column is not None:
        return sql.Identifier(alias, kind.column)
    holder, name = ("payload", kind.field) if kind.field is not None else ("scopes", kind.name)
    return sql.SQL("{} ->> {}").format(sql.Identifier(alias, holder), sql.Literal(name))
