"""LangGraph: what workflows did, read from the tables of their Postgres checkpointer. Nothing is ever written there.

checkpoints, checkpoint_writes ──▶ threads (counted one by one) + messages (tokens) ──▶ usage ──▶ Reading
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from importlib.resources import files
from itertools import groupby
from typing import Any

from sqlalchemy import Engine, text

from sources.checks.allowed import PLAIN, Allowed, fields
from sources.contracts import EVENT_IDS
from sources.database import connected, open_engine
from sources.day import Access, Day, Scope
from sources.errors import NotConfigured, ProviderRefused
from sources.langgraph.usage import KIND, Usage
from sources.reading import Reading
from sources.rows import reading
from sources.source import ScopeKind, Setting, Source

NAME = "checkpointer's database"
BATCH = 1000
VERSIONS = range(4, 10)
"""Migrations of langgraph-checkpoint-postgres after which the tables hold what is read here."""
TENANT_KEYS = "tenant,tenant_id"
VERSION = text(files(__package__).joinpath("version.sql").read_text())
CHECKPOINTS = text(files(__package__).joinpath("checkpoints.sql").read_text())
MESSAGES = text(files(__package__).joinpath("messages.sql").read_text())


class Checkpointer:
    """The database of one platform, and how its threads name their tenant."""

    def __init__(self, engine: Engine, tenant_keys: list[str], *, has_tokens: bool) -> None:
        self.engine = engine
        self.tenant_keys = tenant_keys
        self.has_tokens = has_tokens

    def close(self) -> None:
        self.engine.dispose()


def _connect(access: Access) -> Checkpointer:
    """The credential is the database's URL; or the password of MINUTEBOOK_LANGGRAPH_URL, where that is set."""
    if "://" in access.key:
        engine = open_engine(NAME, access.key)
    elif access.address:
        engine = open_engine(NAME, access.address, access.key)
    else:
        raise NotConfigured(
            "the credential is no URL postgresql://user:password@host/name, and MINUTEBOOK_LANGGRAPH_URL is not set"
        )
    keys = str(access.settings.get("tenant_key", TENANT_KEYS)).split(",")
    return Checkpointer(engine, keys, has_tokens=access.settings.get("tokens", "yes") == "yes")


def read_day(checkpointer: Checkpointer, day: Day) -> Reading:
    """What all threads of the database did in the UTC day. Raises SourceFailure."""
    usage = Usage(day.usage_date)
    asked = _asked(day.usage_date)
    with connected(NAME, checkpointer.engine) as connection:
        _refuse_unknown(connection.execute(VERSION).scalar())
        streamed = connection.execution_options(yield_per=BATCH)
        checkpoints = streamed.execute(CHECKPOINTS, {**asked, "tenant_keys": checkpointer.tenant_keys})
        writes = _Writes(streamed.execute(MESSAGES, asked) if checkpointer.has_tokens else ())
        for thread_id, rows in groupby(checkpoints, lambda row: row.thread_id):
            usage.add(thread_id, rows, writes.of(thread_id))
    return reading(WORKFLOWS, usage.rows(), day)


class _Writes:
    """Writes sorted by thread, given out thread by thread in the same order: one thread is held at a time."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._threads = groupby(rows, lambda row: row.thread_id)
        self._next = next(self._threads, None)

    def of(self, thread_id: str) -> Iterator[Any]:
        """Its writes. Those of earlier threads are passed over, whether somebody took them or not."""
        while self._next is not None and self._next[0] < thread_id:
            self._next = next(self._threads, None)
        if self._next is not None and self._next[0] == thread_id:
            yield from self._next[1]


def verify(checkpointer: Checkpointer, scopes: tuple[Scope, ...]) -> str:
    """Whether the tables can be read, and of which version they are. Raises SourceFailure."""
    asked = _asked(date(2000, 1, 1))
    with connected(NAME, checkpointer.engine) as connection:
        version = connection.execute(VERSION).scalar()
        _refuse_unknown(version)
        connection.execute(CHECKPOINTS, {**asked, "tenant_keys": checkpointer.tenant_keys}).all()
        connection.execute(MESSAGES, asked).all()
    return f"checkpoint tables of version {version}; threads name their tenant as {','.join(checkpointer.tenant_keys)}"


def _asked(usage_date: date) -> dict[str, str]:
    return {"first": usage_date.isoformat(), "next": (usage_date + timedelta(days=1)).isoformat()}


def _refuse_unknown(version: int | None) -> None:
    if version not in VERSIONS:
        raise ProviderRefused(
            f"The checkpoint tables are of version {version}, and versions {VERSIONS[0]} to {VERSIONS[-1]} are known:"
            " what they hold may mean something else"
        )


WORKFLOWS = Source(
    name="langgraph",
    provider="langgraph",
    table="usage",
    contract="usage",
    description="Runs, steps, sleeps and tokens of LangGraph workflows, by tenant and day, from their checkpoints.",
    connect=_connect,
    read=read_day,
    verify=verify,
    scope_kinds=(ScopeKind(KIND, column="scope_ref"),),
    stored=Allowed(
        {
            **fields("item quantity tenant kind model reason thread_count"),
            EVENT_IDS: [PLAIN],
            "threads": [{"thread_id": PLAIN, "quantity": PLAIN}],
        }
    ),
    facts=("item", "quantity", "tenant", "kind", "model", "reason", "thread_count", EVENT_IDS),
    settings={
        "tenant_key": Setting(
            "the key of a thread's metadata that names its tenant, several divided by commas",
            r"[A-Za-z0-9_.-]{1,60}(,[A-Za-z0-9_.-]{1,60}){0,9}",
        ),
        "tokens": ("yes", "no"),
    },
    # A workflow that resumes changes the day it fell asleep on, and one that names its tenant late all its days.
    look_back_days=7,
    # Platforms delete old threads: a day beyond is not emptied by what is gone.
    horizon_days=30,
)
SOURCES = (WORKFLOWS,)
