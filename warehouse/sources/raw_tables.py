"""Lands what was read: Arrow tables, as Parquet through ADBC, appended by dlt to the raw tables.

Each landing has a working folder of its own, thrown away afterwards: dlt would otherwise first load what a failed run
left behind and ignore the new rows. Rows that land belong to a pull that nobody reads until the ledger publishes it.
"""

import importlib.metadata
import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql

from warehouse.database import queries
from warehouse.database.connect import Role, hide_password
from warehouse.database.errors import LandingFailed
from warehouse.sources.declared import Declared, relation

_SQL = queries.load("sources/raw_tables")

_STAMPS = [("account", pa.string()), ("tenant_id", pa.string()), ("usage_date", pa.date32()), ("pull_id", pa.int64())]
# json and numeric travel as text: ADBC cannot COPY into jsonb, into json it writes the characters as they are, and the
# landing view casts what is numeric, so that no digit is lost.
_ARROW = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "numeric": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "json": pa.string(),
}


def columns(source: Declared) -> pa.Schema:
    """The columns of a source's rows as they land."""
    own = [(column.name, _ARROW[column.kind]) for column in source.columns]
    return pa.schema([*_STAMPS, *own, ("payload", pa.string())])


def keys(connection: psycopg.Connection[Any], source: Declared, pull_id: int) -> frozenset[str]:
    """The natural keys of a pull's rows: the key's texts, those there are, with / between; times are not in it."""
    kinds = {column.name: column.kind for column in source.columns}
    named = [sql.Identifier(name) for name in source.key if kinds[name] != "timestamptz"]
    query = sql.SQL("select concat_ws('/', {}) from {} where pull_id = %s").format(
        sql.SQL(", ").join(named), relation(source)
    )
    return frozenset(key for (key,) in connection.execute(query, [pull_id]))


def rows(connection: psycopg.Connection[Any], source: Declared, pull_id: int) -> pa.Table:
    """The rows of a pull as a reading has them, numbers and documents digit for digit."""
    wanted = pa.schema([field for field in columns(source) if field.name not in dict(_STAMPS)])
    texts = {"payload", *(column.name for column in source.columns if _ARROW[column.kind] == pa.string())}
    selected = (
        sql.SQL("{}::text").format(sql.Identifier(name)) if name in texts else sql.Identifier(name)
        for name in wanted.names
    )
    query = sql.SQL("select {} from {} where pull_id = %s").format(sql.SQL(", ").join(selected), relation(source))
    found = connection.execute(query, [pull_id]).fetchall()
    return (
        pa.table(
            [pa.array(values, field.type) for values, field in zip(zip(*found, strict=True), wanted, strict=True)],
            wanted,
        )
        if found
        else wanted.empty_table()
    )


# ADBC's ingest reads a whole file into memory, so the size of a file bounds it. A file lives for a second on this very
# machine: compressing it costs more than writing it.
# Each file costs a connection and its questions about types, 35 ms: a package of ordinary rows has two.
_ROWS_PER_FILE, _BYTES_PER_FILE = 20_000, 36 * 1024 * 1024
_FILES_AT_ONCE = 2
_DLT_SETTINGS = {
    "runtime.dlthub_telemetry": False,
    # Failures reach the caller as one exception; dlt's own log would print them five times over.
    "runtime.log_level": "CRITICAL",
    "normalize.parquet_normalizer.add_dlt_load_id": True,
    "data_writer.compression": "none",
    "data_writer.file_max_items": _ROWS_PER_FILE,
    "data_writer.file_max_bytes": _BYTES_PER_FILE,
    "load.workers": _FILES_AT_ONCE,
    # A file is one COPY in one transaction, so trying it again cannot land it twice.
    "load.raise_on_max_retries": 3,
}
_one_writes, _one_copies = Lock(), Lock()
# Arrow's default allocator gives what was freed back to the kernel at once, which zeroes huge pages for each package
# again: a tenth of what reading and landing cost. malloc keeps a quarter more memory than this one.
if "jemalloc" in pa.supported_memory_backends():
    pa.set_memory_pool(pa.jemalloc_memory_pool())


def stamped(
    source: Declared, table: pa.Table, *, account: str, tenant_id: str | None, usage_date: date, pull_id: int
) -> pa.Table:
    """The rows of one reading with the columns that say whose they are; the columns of `columns(source)`, in order.

    Raises:
        LandingFailed: a column is missing, unknown or of a type that does not convert without loss.
    """
    wanted = columns(source)
    for field, value in zip(_STAMPS, (account, tenant_id, usage_date, pull_id), strict=True):
        table = table.append_column(pa.field(*field), pa.repeat(pa.scalar(value, field[1]), table.num_rows))
    if sorted(table.column_names) != sorted(wanted.names):
        difference = sorted(set(table.column_names) ^ set(wanted.names))
        raise LandingFailed(f"The {source.name} reading and its raw table differ in columns: {', '.join(difference)}.")
    try:
        return table.select(wanted.names).cast(wanted)
    except pa.ArrowException as error:
        raise LandingFailed(f"The {source.name} reading does not fit its raw table: {error}") from error


def land(url: str, source: Declared, tables: Iterable[pa.Table], work_dir: Path) -> int:
    """Append stamped tables to the raw table of source as one dlt package; returns the number of rows given.

    Tables are drawn one by one, so a generator keeps memory bounded; without rows nothing is sent at all. work_dir
    holds the package while it is under way. Threads may land at once: they write their Parquet one after the other, and
    copy it while the next one writes. dlt's pipelines are their thread's own.

    Raises:
        LandingFailed: part of the rows may have landed; their pulls must be failed, never published.
    """
    rows, wanted = 0, columns(source)

    def counted() -> Generator[pa.Table]:
        nonlocal rows
        for table in tables:
            if table.schema != wanted:
                raise LandingFailed(f"A {source.name} table was not made by stamped().")
            if table.num_rows:
                rows += table.num_rows
                yield table

    with_rows = counted()
    first = next(with_rows, None)
    if first is not None:
        try:
            # dlt keeps exceptions in cycles, these their frames, and a frame whoever called it, down to the thread's
            # first: ours, with rows that have long landed, until Python collects. So it gets a thread of its own.
            with ThreadPoolExecutor(1, "dlt") as thread:
                thread.submit(_append, url, source, chain([first], with_rows), work_dir).result()
        finally:
            with_rows.close()
    return rows


def prepare_landing(connection: psycopg.Connection[Any], url: str, declared: Sequence[Declared]) -> None:
    """Make dlt's own tables in each raw schema, serially: parallel loads race to make them. The loader may use them.

    Repeated only when the version of dlt or our columns change. connection and url are the owner's.
    """
    version = importlib.metadata.version("dlt")
    for schema in dict.fromkeys(source.schema for source in declared):
        of_schema = [source for source in declared if source.schema == schema]
        named = "; ".join(", ".join(columns(source).names) for source in of_schema)
        marker = f"Made by Minutebook for dlt {version} and {named}"
        if connection.execute(_SQL["marker"], [f"{schema}._dlt_version"]).fetchone() == (marker,):
            continue
        for source in of_schema:
            _make_tables_of_dlt(url, source)
        for name in ("grant_loads", "grant_version", "mark"):
            names = {"schema": sql.Identifier(schema), "marker": sql.Literal(marker)}
            connection.execute(_SQL[name].format(**names))


def _make_tables_of_dlt(url: str, source: Declared) -> None:
    with tempfile.TemporaryDirectory() as folder, _one_writes:
        pipeline, rows = _pipeline(url, Role.OWNER, source, iter([columns(source).empty_table()]), Path(folder))
        pipeline.extract(rows)
        pipeline.normalize()
        pipeline.sync_schema()


def _append(url: str, source: Declared, tables: Iterator[pa.Table], work_dir: Path) -> None:
    work_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"landing-{source.name}-", dir=work_dir))
    try:
        with _one_writes:
            pipeline, rows = _pipeline(url, Role.LOADER, source, tables, folder)
            pipeline.extract(rows)
            pipeline.normalize()
        with _one_copies:
            pipeline.load()
    except LandingFailed:
        raise
    except Exception as error:  # noqa: BLE001 - dlt, ADBC, libpq and Arrow have no common base
        # dlt nests the cause in whole tracebacks of text; the innermost exception says it in a line.
        while error.__cause__ is not None:
            error = error.__cause__  # type: ignore[assignment]
        failure = LandingFailed(
            f"Rows of {source.name} did not land: {hide_password(url, str(error).strip())}"
            " Nothing of them is read; pull the same days again."
        )
    else:
        return
    finally:
        # It holds the rows and, in dlt's trace, the database's address.
        shutil.rmtree(folder, ignore_errors=True)
    raise failure


def _pipeline(url: str, role: Role, source: Declared, tables: Iterator[pa.Table], folder: Path) -> tuple[Any, Any]:
    import dlt  # takes a second, which most commands do not need to spend

    from warehouse.sources.destination import acting

    for name, value in _DLT_SETTINGS.items():
        dlt.config[name] = value
    pipeline = dlt.pipeline(
        "minutebook", pipelines_dir=str(folder), destination=acting(url, role), dataset_name=source.schema
    )
    pipeline.config.restore_from_destination = False
    # A view of the raw table: COPY is refused by tables under row-level security.
    rows = dlt.resource(
        tables, name=f"{source.table}_landing", write_disposition="append", file_format="parquet", max_table_nesting=0
    )
    return pipeline, rows
