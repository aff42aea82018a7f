"""Which ids of a provider's account its usage should be attached by: what was read and routes to nobody."""

from dataclasses import dataclass
from datetime import date

from psycopg import sql
from psycopg.rows import class_row

from warehouse.database import queries
from warehouse.database.queries import Connection
from warehouse.sources.declared import Declared, relation, scope_value

_SQL = queries.load("sources/discovery")


@dataclass(frozen=True)
class Unattached:
    """An id that decides whose rows are, of rows of whom nothing is attached; `first_day` is the first of them."""

    kind: str
    value: str
    first_day: date
    rows: int


def unattached(connection: Connection, source: Declared, account: str) -> list[Unattached]:
    """Of each row of the account's current pulls that routes by nothing, the id that comes first. As the loader."""
    kinds = [kind for kind in source.scope_kinds if not kind.is_of_one_row]
    ids = sql.SQL(", ").join(
        sql.SQL("({}, {}, {}::int)").format(sql.Literal(kind.name), scope_value(kind, "r"), sql.Literal(rank))
        for rank, kind in enumerate(kinds)
    )
    every = sql.SQL(", ").join(
        sql.SQL("({}, {})").format(sql.Literal(kind.name), scope_value(kind, "r")) for kind in source.scope_kinds
    )
    query = _SQL["unattached"].format(raw=relation(source), ids=ids, every=every)
    with connection.cursor(row_factory=class_row(Unattached)) as cursor:
        return cursor.execute(query, {"source": source.name, "account": account}).fetchall()


def attached(connection: Connection, kinds: list[str]) -> dict[tuple[str, str], tuple[str, str]]:
    """By kind and value, the tenant and agent that have it now, or had or will have it."""
    found = queries.rows(connection, "sources/discovery", "attached", kinds=kinds)
    return {(row["kind"], row["value"]): (row["tenant_id"], row["agent_id"]) for row in found}
