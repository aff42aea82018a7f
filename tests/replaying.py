"""Builds by models that stand, without dbt: the statements that dbt sent in one such build, sent again.

Where every table stands, dbt sends the same statements whatever the rows are (tests/marts/test_replaying.py holds it
to that), and takes most of the time to write them. So what it sent is kept, and sent
again for each build of a copy of the same database. Whatever is not as it was then is left to dbt itself, which begins
from where the statements ended, as after a build that was killed: a statement that fails, a data test that finds
something, other arguments, another database.

`pytest --by-dbt` builds everything by dbt.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from orchestration.marts import building

Invoke = Callable[[list[str], Callable[[str], None] | None], Any]
AS_OF = "1999-12-31"  # of the build that is kept: no other text of a model looks like it
# dbt makes an index only if there is none of its name, which holds the time.
INDEX = re.compile('"[0-9a-f]{32}"')
# What decides what dbt sends: the rest of its environment says only where to.
_TURNED = ("MINUTEBOOK_DBT_PATIENCE",)


@dataclass
class Kept:
    """What dbt sent for each node, in the order in which it began them; what it reported and answered."""

    nodes: dict[str, list[str]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    answer: Any = None


class Replay:
    """Stands in for `building._invoke` in one database of one server."""

    def __init__(self, invoke: Invoke, database: str) -> None:
        self.by_dbt = invoke
        self._database = database
        self.builds: dict[tuple[str, ...], Kept] = {}
        self._server = ""

    def keep(self, arguments: list[str]) -> None:
        """Have dbt build what stands, in the environment of `building`, and keep what it sends."""
        kept = Kept()
        with sent(kept.nodes):
            kept.answer = self.by_dbt(["--no-write-json", *arguments], kept.events.append)
        assert kept.answer.success, kept.answer
        self._server = os.environ["MINUTEBOOK_DBT_PORT"]
        self.builds[tuple(arguments)] = kept

    def __call__(self, arguments: list[str], on_event: Callable[[str], None] | None) -> Any:
        kept = self.builds.get(tuple(arguments[1:]))
        if kept is None or not self._is_like_then() or not _sent_again(kept.nodes):
            return self.by_dbt(arguments, on_event)
        for event in kept.events if on_event else ():
            on_event(event)
        return kept.answer

    def _is_like_then(self) -> bool:
        there = (os.environ["MINUTEBOOK_DBT_PORT"], os.environ["MINUTEBOOK_DBT_DBNAME"])
        return there == (self._server, self._database) and not any(name in os.environ for name in _TURNED)


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


def _sent_again(nodes: dict[str, list[str]]) -> bool:
    """Whether every statement succeeded and no data test found anything; each node's are a transaction, as dbt's."""
    environment = os.environ
    try:
        with psycopg.connect(
            host=environment["MINUTEBOOK_DBT_HOST"],
            port=environment["MINUTEBOOK_DBT_PORT"],
            user=environment["MINUTEBOOK_DBT_USER"],
            password=environment["DBT_ENV_SECRET_MINUTEBOOK_PASSWORD"],
            dbname=environment["MINUTEBOOK_DBT_DBNAME"],
            sslmode=environment["MINUTEBOOK_DBT_SSLMODE"],
        ) as connection:
            connection.execute(f"set role {environment['MINUTEBOOK_DBT_SESSION']}")  # type: ignore[arg-type]
            return all(_holds(connection, name, statements) for name, statements in nodes.items())
    except psycopg.Error:
        return False


def _holds(connection: psycopg.Connection, name: str, statements: list[str]) -> bool:
    failures = 0
    for sql in statements:
        dated = sql.replace(AS_OF, os.environ["MINUTEBOOK_DBT_AS_OF"])
        cursor = connection.execute(INDEX.sub(_new_name, dated))  # type: ignore[arg-type]
        if name.startswith("test.") and cursor.description:
            failures += cursor.fetchall()[0][0]
    connection.rollback()
    return failures == 0


def _new_name(_: re.Match[str]) -> str:
    return f'"{secrets.token_hex(16)}"'
