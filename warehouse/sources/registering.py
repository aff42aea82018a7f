"""Sources in the database: what the rest of it asks of them, their raw tables, and each contract's union.

A raw table is made from its declaration alone: table, landing view, trigger, policies, index and rights. A source that
is registered later gets its own in a warehouse that stands. Nothing is taken from one that is not declared any more.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from warehouse.database import queries
from warehouse.database.errors import DeclarationRefused
from warehouse.sources.declared import Declared, DeclaredColumn, DeclaredContract, DeclaredHook, relation

_SQL = queries.load("sources/registering")
_LAYOUT = 1  # raise it when raw tables are to be made again although no declaration changed
_STAMPS = (
    ("account", "text", True),
    ("tenant_id", "text", False),
    ("usage_date", "date", True),
    ("pull_id", "bigint", True),
)


def register(
    connection: psycopg.Connection[Any], declared: Sequence[Declared], contracts: Iterable[DeclaredContract]
) -> None:
    """Bring `control.sources`, the raw tables and the contracts' views to the declarations. As the owner, who holds the
    lock of migrations. Safe to repeat; costs one question where nothing changed.

    Raises DeclarationRefused where a raw table holds another type than is declared.
    """
    known = dict(connection.execute(_SQL["digests"]).fetchall())
    wanted = {source.name: _digest(source) for source in declared}
    if all(known.get(name) == digest for name, digest in wanted.items()):
        return
    with connection.transaction():
        for source in declared:
            if known.get(source.name) != wanted[source.name]:
                _make_table(connection, source)
                connection.execute(_SQL["put_source"], _row(source) | {"digest": wanted[source.name]})
                for rank, kind in enumerate(source.scope_kinds, 1):
                    put: dict[str, Any] = {"kind": kind.name, "provider": source.provider, "rank": rank}
                    put |= {"is_of_one_row": kind.is_of_one_row, "live_environments": list(kind.live_environments)}
                    connection.execute(_SQL["put_scope_kind"], put)
        for contract in contracts:
            _make_union(connection, contract, [one for one in declared if _is_of(one, contract)])


@dataclass(frozen=True)
class Use:
    """How many accounts of a source are read on a day, and when one was last read well."""

    source: str
    accounts: int
    last_pull: datetime | None


def in_use(connection: psycopg.Connection[Any], today: date) -> dict[str, Use]:
    """By name, the use of each source that is registered."""
    return {use.source: use for use in queries.typed(connection, Use, "sources/registering", "in_use", today=today)}


def is_registered(connection: psycopg.Connection[Any], declared: Iterable[Declared]) -> bool:
    """Whether the database knows all of these as they are declared now."""
    known = dict(connection.execute(_SQL["digests"]).fetchall())
    return all(known.get(source.name) == _digest(source) for source in declared)


def _row(source: Declared) -> dict[str, Any]:
    return {
        "source": source.name,
        "provider": source.provider,
        "raw_schema": source.schema,
        "raw_table": source.table,
        "contract": source.contract,
        "bills": source.bills,
        "needs_credential": source.needs_credential,
        "accounts": str(source.account),
        "enabled_by": list(source.enabled_by) if source.enabled_by else None,
        "scope_kinds": [kind.name for kind in source.scope_kinds],
        "facts": list(source.facts),
        "components": msgspec.json.encode(dict(source.components), order="deterministic").decode(),
        "details_calls": source.details_calls,
        "horizon_days": source.horizon_days,
        "look_back_days": source.look_back_days,
        "cost_is_of_scope": source.cost_is_of_scope,
        "hook": None if source.hook is None else msgspec.json.encode(_hook(source.hook)).decode(),
    }


def _hook(hook: DeclaredHook) -> dict[str, str | None]:
    return {name: getattr(hook, name) for name in ("row_column", "ended_column", "cost_field")}


def _digest(source: Declared) -> str:
    """Of all that the database is made from."""
    columns = [(one.name, str(one.kind), one.is_required, one.meaning) for one in source.columns]
    kinds = [(one.name, one.is_of_one_row, one.live_environments) for one in source.scope_kinds]
    reported = (_LAYOUT, _row(source), columns, kinds, source.is_contract_shaped, source.description)
    return hashlib.sha256(msgspec.json.encode(reported)).hexdigest()


def _make_table(connection: psycopg.Connection[Any], source: Declared) -> None:
    names = {
        "schema": sql.Identifier(source.schema),
        "raw": relation(source),
        "landing": relation(source, "_landing"),
        "land": sql.Identifier(source.schema, f"land_{source.table}"),
        "by_pull": sql.Identifier(f"{source.table}_by_pull"),
        "by_tenant": sql.Identifier(f"{source.table}_by_tenant"),
        "of_schema": sql.Literal(f"What {source.provider} answered, append only."),
        "of_table": sql.Literal(source.description or f"Rows of source {source.name}."),
    }
    connection.execute(_SQL["make_schema"].format(**names))
    stands = dict(connection.execute(_SQL["columns"], [source.schema, source.table]).fetchall())
    if not stands:
        connection.execute(_SQL["make_table"].format(columns=sql.SQL(", ").join(_definitions(source)), **names))
    for column in source.columns:
        _require_column(connection, source, column, stands)
    # What no contract's models read is read by tenant.
    connection.execute(_SQL["make_index"].format(**names))
    if source.contract is None:
        connection.execute(_SQL["make_index_by_tenant"].format(**names))
    connection.execute(_SQL["secure_table"].format(**names))
    every = [*(name for name, _, _ in _STAMPS), *(one.name for one in source.columns), "payload", "_dlt_load_id"]
    numeric = {one.name for one in source.columns if one.kind == "numeric"}
    shown = sql.SQL(", ").join(
        sql.SQL("{0}::text as {0}" if name in numeric else "{0}").format(sql.Identifier(name)) for name in every
    )
    landed = sql.SQL(", ").join(
        sql.SQL("new.{}::numeric" if name in numeric else "new.{}").format(sql.Identifier(name)) for name in every
    )
    listed = sql.SQL(", ").join(map(sql.Identifier, every))
    connection.execute(_SQL["make_landing"].format(shown=shown, listed=listed, landed=landed, **names))
    for column in source.columns:
        if column.meaning:
            of_column = {"column": sql.Identifier(column.name), "meaning": sql.Literal(column.meaning)}
            connection.execute(_SQL["comment_column"].format(**of_column, **names))


def _definitions(source: Declared) -> list[sql.Composed]:
    every = [
        *_STAMPS,
        *((one.name, str(one.kind), one.is_required) for one in source.columns),
        ("payload", "json", True),
        ("_dlt_load_id", "text", False),
    ]
    return [
        sql.SQL("{} {}{}").format(
            sql.Identifier(name),
            sql.SQL(kind),
            sql.SQL(" not null" if is_required else ""),
        )
        for name, kind, is_required in every
    ]


def _require_column(
    connection: psycopg.Connection[Any], source: Declared, column: DeclaredColumn, stands: dict[str, str]
) -> None:
    """A column that is declared later is null in the rows that stand."""
    if stands and column.name not in stands:
        added = {"column": sql.Identifier(column.name), "kind": sql.SQL(str(column.kind))}
        connection.execute(_SQL["add_column"].format(raw=relation(source), **added))
    elif stands and stands[column.name] != column.kind:
        raise DeclarationRefused(
            f"source {source.name!r} declares {column.name} as {column.kind}, and its raw table holds"
            f" {stands[column.name]}: give the column another name"
        )


def _is_of(source: Declared, contract: DeclaredContract) -> bool:
    return source.is_contract_shaped and source.contract == contract.name


def _make_union(connection: psycopg.Connection[Any], contract: DeclaredContract, declared: Sequence[Declared]) -> None:
    """The contract's view: all rows of sources whose raw tables have its columns; none where there is none."""
    every = [*((name, kind) for name, kind, _ in _STAMPS), *((one.name, str(one.kind)) for one in contract.columns)]
    every.append(("payload", "json"))
    listed = sql.SQL(", ").join(sql.Identifier(name) for name, _ in every)
    empty = sql.SQL("select null::text as source, null::text as provider, {} where false").format(
        sql.SQL(", ").join(
            sql.SQL("null::{} as {}").format(sql.SQL(kind), sql.Identifier(name)) for name, kind in every
        )
    )
    parts = [
        sql.SQL("select {}::text, {}::text, {} from {}").format(
            sql.Literal(one.name), sql.Literal(one.provider), listed, relation(one)
        )
        for one in declared
    ]
    union = sql.SQL(" union all ").join([empty, *parts])
    connection.execute(_SQL["make_union"].format(view=sql.Identifier("contracts", contract.name), union=union))
