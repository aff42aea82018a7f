"""Personal data of tenants: kept as long as a tenant wants, handed out, and erased, while every line stays explainable.

Personal is what a provider's answer holds beyond times, ids and costs (the caller's number; what was said, where a
tenant keeps that), a tenant's names, numbers, keys and logins. The audit log and frozen statements stay as they are:
books must be kept, and the log would show that it was changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import class_row

from warehouse.database import queries
from warehouse.database.connect import Role, connect
from warehouse.database.errors import WarehouseError
from warehouse.finding import Hint, Step
from warehouse.security.isolation import reading
from warehouse.sources.declared import Declared, relation, scope_value

_SQL = queries.load("privacy/personal")
_json = msgspec.json.Encoder(decimal_format="number")
_ERASED = (
    "erase_name", "erase_agents", "erase_phone_numbers", "erase_candidates", "erase_credentials", "erase_hooks",
    "erase_reports", "erase_outgoing", "erase_automations", "erase_data_key", "erase_logins",
)  # fmt: skip


class NotErasable(WarehouseError):
    """The tenant is still served or billed."""


@dataclass(frozen=True)
class StoredRow:
    """A row of raw: where it is, and by which scopes it finds its tenant; payload is JSON text."""

    row_id: str
    account: str
    usage_date: date
    scopes: dict[str, str]
    payload: str


@dataclass(frozen=True)
class Kept:
    """What a tenant has stored of each kind: kept, redacted or never."""

    phone_numbers: str
    transcripts: str
    recordings: str


def kept(connection: psycopg.Connection[Any], tenant_id: str) -> Kept:
    """What the tenant chose; the defaults where it chose nothing."""
    ((phone_numbers, transcripts, recordings),) = connection.execute(_SQL["kept"], {"tenant_id": tenant_id}).fetchall()
    return Kept(phone_numbers, transcripts, recordings)


def choose(connection: psycopg.Connection[Any], tenant_id: str, said: Mapping[str, str]) -> bool:
    """Set what is stored of the kinds that are named, and return whether that changed anything.

    The others stay, whatever somebody else names at the same moment. Calls that land from now on follow it; those that
    stand are due (`choices_due`).
    """
    kinds = {one.name: said.get(one.name) for one in fields(Kept)}
    return connection.execute(_SQL["choose"], {"tenant_id": tenant_id, **kinds}).rowcount > 0


def choices_due(connection: psycopg.Connection[Any]) -> list[tuple[str, datetime]]:
    """Tenants whose choice has not been applied to what stands, and when they made it."""
    return connection.execute(_SQL["choices_due"]).fetchall()


def is_pulled_as_before(connection: psycopg.Connection[Any], chosen_at: datetime) -> bool:
    """Whether a pull is under way that began before the choice, and so may land calls by the former one."""
    return connection.execute(_SQL["is_pulled_as_before"], {"chosen_at": chosen_at}).fetchone() == (True,)


def rows_of(connection: psycopg.Connection[Any], source: Declared, tenant_id: str) -> Iterator[StoredRow]:
    """Rows of the tenant's own account, and of the shared one by whatever scope was ever its own, of every pull."""
    kinds = source.scope_kinds if source.account == "shared" else ()
    value = {kind.name: scope_value(kind, "r") for kind in kinds}
    pairs = [sql.SQL("{}, {}").format(sql.Literal(name), each) for name, each in value.items()]
    ever = "{} in (select a.value from control.scopes as a where a.tenant_id = %(tenant_id)s and a.kind = {})"
    by_scope = [sql.SQL(ever).format(each, sql.Literal(name)) for name, each in value.items()]
    query = _SQL["rows_of"].format(
        raw=relation(source),
        scopes=sql.SQL("json_build_object({})").format(sql.SQL(", ").join(pairs)),
        by_scope=sql.SQL(" or ").join(by_scope) if by_scope else sql.SQL("false"),
    )
    with connection.cursor(name="rows_of", row_factory=class_row(StoredRow)) as cursor:
        cursor.itersize = 2_000
        yield from cursor.execute(query, {"tenant_id": tenant_id})


def minimise(connection: psycopg.Connection[Any], source: Declared, rows: Sequence[tuple[str, str]]) -> int:
    """Replace payloads, by where their rows are, and return how many: a row that moved meanwhile is left alone.

    PostgreSQL refuses it where a fact would change.
    """
    row_ids, payloads = (list(column) for column in zip(*rows, strict=True))
    ((changed,),) = connection.execute(_SQL["minimise"], [source.name, row_ids, payloads]).fetchall()
    return int(changed)


def choice_applied(connection: psycopg.Connection[Any], tenant_id: str, chosen_at: datetime, changed: int) -> None:
    """Record that the choice made then holds for all calls of the tenant."""
    applied = {"tenant_id": tenant_id, "chosen_at": chosen_at, "rows_changed": changed}
    connection.execute(_SQL["choice_applied"], applied)


def retain(connection: psycopg.Connection[Any], tenant_id: str, days: int | None) -> None:
    """Keep personal data of a tenant's usage for so many days after its usage date; None: until erased."""
    if days is None:
        connection.execute(_SQL["end_period"], {"tenant_id": tenant_id})
    else:
        connection.execute(_SQL["put_period"], {"tenant_id": tenant_id, "days": days})


def expire(connection: psycopg.Connection[Any], today: date) -> dict[str, int]:
    """Forget what is older than each tenant's retention period; rows changed, by tenant. Safe to repeat."""
    return dict(connection.execute(_SQL["expire"], {"today": today}).fetchall())


def erase(connection: psycopg.Connection[Any], tenant_id: str, today: date) -> int:
    """Erase a closed tenant's personal data and return how many rows of raw that changed. All or nothing; repeatable.

    Raises:
        NotErasable: it is not closed, or a statement of it is not approved yet.
    """
    asked = {"tenant_id": tenant_id, "today": today}
    with connection.transaction():
        if connection.execute(_SQL["is_closed"], asked).fetchone() != (True,):
            raise NotErasable(f"Tenant {tenant_id} is not closed", Hint(Step.CLOSE_TENANT, {"tenant_id": tenant_id}))
        if connection.execute(_SQL["has_unfinished_period"], asked).fetchone() != (False,):
            raise NotErasable(
                f"Tenant {tenant_id} has statements that are not approved: review and approve them first."
            )
        # A pull that is under way may land what was kept until now, and the shared account tells of its calls again.
        choose(connection, tenant_id, dict.fromkeys((one.name for one in fields(Kept)), "never"))
        ((forgotten,),) = connection.execute(_SQL["forget"], asked).fetchall()
        for name in _ERASED:
            connection.execute(_SQL[name], asked)
    return int(forgotten)


def export(url: str, sources: Iterable[Declared], tenant_id: str, folder: Path) -> dict[str, int]:
    """Write all that is known of a tenant as JSON lines, a file per table; rows by file.

    The marts and what it pushed are read as the tenant itself, so nothing of another can be among them; raw rows as
    their provider answered them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    with reading(url, tenant_id) as reader:
        for table, columns in reader.execute(_SQL["readable_marts"]).fetchall():
            query = sql.SQL("select to_jsonb(t) from (select {} from marts.{}) as t").format(
                sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
            )
            counts[table] = _write(folder / f"{table}.jsonl", _rows(reader, query, {}))
        pushed = "intake.events"
        counts[pushed] = _write(folder / f"{pushed}.jsonl", _rows(reader, _SQL["pushed"], {}))
    with connect(url, Role.LOADER) as loader:
        for table, name in (("intake.reports", "reported"), ("intake.adoptions", "adopted")):
            counts[table] = _write(folder / f"{table}.jsonl", _rows(loader, _SQL[name], {"tenant_id": tenant_id}))
        for source in sources:
            name = f"{source.schema}.{source.table}"
            routed = _SQL["routed"] if source.contract == "calls" else sql.SQL("")
            query = _SQL["rows"].format(
                raw=relation(source),
                routed=routed,
                # JSON has no order of its own.
                key=sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier("r", one)) for one in source.key),
            )
            counts[name] = _write(
                folder / f"{name}.jsonl", _rows(loader, query, {"tenant_id": tenant_id, "source": source.name})
            )
    return counts


def _rows(connection: psycopg.Connection[Any], query: sql.Composed | sql.SQL, asked: dict[str, str]) -> Iterator[Any]:
    with connection.cursor(name="export") as cursor:
        cursor.itersize = 5000
        for (document,) in cursor.execute(query, asked):
            yield document


def _write(path: Path, documents: Iterator[Any]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for document in documents:
            file.write(_json.encode(document).decode() + "\n")
            count += 1
    return count
