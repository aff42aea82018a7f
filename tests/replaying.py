"""Builds by models that stand, without dbt: the statements that dbt sent in one such build, sent again.

Where the same relations stand, dbt sends the same statements whatever the rows are (tests/marts/test_replaying.py holds
it to that), and takes most of the time to write them. So what it sent in the first build of a kind is kept for all
workers of the session, and sent again in later ones of copies of the same database. Whatever is not as it was then is
left to dbt itself, which begins from where the statements ended, as after a build that was killed: a statement that
fails, a data test that finds something, another project, another database. Who listens hears of all nodes at the end.

`pytest --by-dbt` builds everything by dbt.
"""

import fcntl
import os
import pickle
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from orchestration.marts import building

Invoke = Callable[[list[str], Callable[[str], None] | None], Any]
# dbt makes an index only if there is none of its name, which holds the time.
INDEX = re.compile('"[0-9a-f]{32}"')
# What decides what dbt sends: the rest of its environment says only where to.
_TURNED = ("MINUTEBOOK_DBT_PATIENCE",)
# Of what it asks the catalogue: which relations there are, and their columns.
_STANDING = """
    select md5(string_agg(
        concat_ws(' ', c.relnamespace::regnamespace, c.relname, c.relkind, a.attname, a.atttypid::regtype), ','
        order by c.relnamespace::regnamespace::text, c.relname, a.attnum
    ))
    from pg_catalog.pg_class as c
    left join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace::regnamespace::text in ('staging', 'intermediate', 'marts') and c.relkind in ('r', 'v')
"""


class _FoundSomethingError(Exception):
    """A data test did: what it says of it is dbt's."""


@dataclass
class Kept:
    """What dbt sent for each node, in the order in which it began them, as of a day; what it reported and answered."""

    nodes: dict[str, list[str]]
    events: list[str]
    as_of: str
    answer: Any


class Replay:
    """Stands in for `building._invoke` in one database of one server."""

    def __init__(self, invoke: Invoke, database: str, server: str, folder: Path) -> None:
        self.by_dbt = invoke
        self._there = (server, database, os.fspath(building.PROJECT))
        self._folder = folder
        self.builds: dict[str, Kept] = {}

    def __call__(self, arguments: list[str], on_event: Callable[[str], None] | None) -> Any:
        if not self._is_there():
            return self.by_dbt(arguments, on_event)
        try:
            with _connected() as connection:
                standing = connection.execute(_STANDING).fetchone()
        except psycopg.Error:
            return self.by_dbt(arguments, on_event)
        kind = sha256(repr((arguments, standing)).encode()).hexdigest()
        with _alone(self._folder / f"{kind}.lock"):  # a worker that makes a build of this kind is waited for
            kept = self._kept(kind)
            if kept is None:
                return self._keep(kind, arguments, on_event)
        try:
            with _connected() as connection:
                _send_again(connection, kept)
        except (psycopg.Error, _FoundSomethingError):
            return self.by_dbt(arguments, on_event)
        for event in kept.events if on_event else ():
            on_event(event)
        return kept.answer

    def _kept(self, kind: str) -> Kept | None:
        path = self._folder / kind
        if kind not in self.builds and path.exists():
            self.builds[kind] = pickle.loads(path.read_bytes())  # noqa: S301 - a worker of ours wrote it
        return self.builds.get(kind)

    def _keep(self, kind: str, arguments: list[str], on_event: Callable[[str], None] | None) -> Any:
        kept = Kept({}, [], os.environ["MINUTEBOOK_DBT_AS_OF"], None)

        def hear(event: str) -> None:
            kept.events.append(event)
            if on_event is not None:
                on_event(event)

        with sent(kept.nodes):
            kept.answer = self.by_dbt(arguments, hear)
        if kept.answer.success and not any(result.failures for result in kept.answer.result.results):
            self.builds[kind] = replace(kept, answer=_plain(kept.answer))
            (self._folder / kind).write_bytes(pickle.dumps(self.builds[kind]))
        return kept.answer

    def _is_there(self) -> bool:
        there = ("MINUTEBOOK_DBT_PORT", "MINUTEBOOK_DBT_DBNAME", "DBT_PROJECT_DIR")
        return tuple(os.environ[name] for name in there) == self._there and not any(map(os.environ.get, _TURNED))


def _plain(answer: Any) -> Any:
    """What we read of dbt's answer, without its classes: to import them takes longer than to read a build."""
    results = [
        SimpleNamespace(
            status=str(result.status),
            message=result.message,
            node=SimpleNamespace(name=result.node.name, resource_type=str(result.node.resource_type)),
        )
        for result in answer.result.results
    ]
    told = SimpleNamespace(results=results, elapsed_time=answer.result.elapsed_time)
    return SimpleNamespace(success=True, exception=None, result=told)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One worker of the session at a time."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def dbt_itself() -> Invoke:
    """What builds where nothing is sent again."""
    return getattr(building._invoke, "by_dbt", building._invoke)


@contextmanager
def sent(nodes: dict[str, list[str]]) -> Iterator[None]:
    """Collect what dbt sends for models, their hooks and data tests while this lasts."""
    from dbt.adapters.sql.connections import SQLConnectionManager

    def add_query(self: Any, sql: str, *arguments: Any, **named: Any) -> Any:
        answer = original(self, sql, *arguments, **named)  # which sends BEGIN before, where there is need
        name = str(self.get_thread_connection().name)
        if name.startswith(("model.", "test.")):
            nodes.setdefault(name, []).append(sql)
        return answer

    original = SQLConnectionManager.add_query
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SQLConnectionManager, "add_query", add_query)
        yield


def dated(sql: str, before: str, after: str) -> str:
    """The statement as of another day: every model writes its day in this form (dbt_project/macros/as_of.sql)."""
    return sql.replace(f"'{before}'::date", f"'{after}'::date")


def _connected() -> psycopg.Connection:
    environment = os.environ
    connection = psycopg.connect(
        host=environment["MINUTEBOOK_DBT_HOST"],
        port=environment["MINUTEBOOK_DBT_PORT"],
        user=environment["MINUTEBOOK_DBT_USER"],
        password=environment["DBT_ENV_SECRET_MINUTEBOOK_PASSWORD"],
        dbname=environment["MINUTEBOOK_DBT_DBNAME"],
        sslmode=environment["MINUTEBOOK_DBT_SSLMODE"],
    )
    connection.execute(f"set role {environment['MINUTEBOOK_DBT_SESSION']}")  # type: ignore[arg-type]
    return connection


def _send_again(connection: psycopg.Connection, kept: Kept) -> None:
    """Each node's statements are a transaction, as dbt's, and what dbt drops after it."""
    as_of = os.environ["MINUTEBOOK_DBT_AS_OF"]
    for name, statements in kept.nodes.items():
        for sql in statements:
            cursor = connection.execute(INDEX.sub(_new_name, dated(sql, kept.as_of, as_of)))  # type: ignore[arg-type]
            if name.startswith("test.") and cursor.description and cursor.fetchall()[0][0]:
                raise _FoundSomethingError(name)
        connection.commit()


def _new_name(_: re.Match[str]) -> str:
    return f'"{secrets.token_hex(16)}"'
