"""A migrated database with two tenants, calls that ended, and a login that may do nothing but run workflows."""

import base64
import json
import os
import secrets
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from orchestration.automations import process, running
from orchestration.automations.running import Result, run_due
from orchestration.settings import Settings
from tests.forks import end_of, started
from tests.intake.served import add_tenants, login_of
from warehouse import clock
from warehouse.automations import runs
from warehouse.database.connect import Role, connect
from warehouse.security.database_logins import Access

MARTS = """
create table marts.fct_calls (
    tenant_id text, agent_id text, call_id text, source text, account text, pull_id bigint, usage_date date,
    outcome text, direction text, ended_reason text, connected_seconds numeric, created_at timestamptz,
    started_at timestamptz, ended_at timestamptz
);
create table marts.fct_statements (tenant_id text, period_state text);
grant select on marts.fct_calls, marts.fct_statements to minutebook_operator;
"""


@dataclass
class Works:
    """A database, the login of workflows, and where their effects are seen."""

    url: str
    login: str
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    later: timedelta = field(default=timedelta())

    @property
    def effects_file(self) -> Path:
        return self.folder / "effects"

    def now(self) -> datetime:
        """The moment it is, for us and for the processes that we start."""
        return clock.now()

    def wait(self, **more: int) -> None:
        """Move every clock on."""
        self.later += timedelta(**more)
        self.monkeypatch.setenv(clock.OFFSET, str(self.later.total_seconds()))

    def follow(self, tenant_id: str, days_ago: int = 0, **automations: int) -> None:
        """Set the tenant's flag: each automation with how many days ago it began to follow calls."""
        named = {name: str(self.now().date() - timedelta(days=ago)) for name, ago in automations.items()}
        self.rows(
            "update control.tenants set feature_flags = jsonb_build_object('automations', %s::jsonb)"
            " where tenant_id = %s",
            json.dumps(named),
            tenant_id,
        )

    def calls(self, tenant_id: str, *call_ids: str, outcome: str = "connected", days_ago: int = 0) -> None:
        """Calls that the marts hold."""
        at = self.now() - timedelta(days=days_ago)
        for call_id in call_ids:
            self.rows(
                "insert into marts.fct_calls values (%s, 'desk', %s, 'vapi', %s, 1, %s, %s, 'inbound', 'hangup', 61.5,"
                " %s, %s, %s)",
                tenant_id, call_id, tenant_id, at.date(), outcome, at, at, at,
            )  # fmt: skip

    def begin(self) -> int:
        """What the end of a build does."""
        with connect(self.url, Role.TRANSFORMER) as connection:
            return runs.begin(connection, self.now().date())

    def run(self) -> Result:
        """One pass, by a process for each tenant."""
        settings = Settings.from_environment()
        with settings.database() as url:
            return run_due(url, settings, self.now, 120)

    def run_here(self) -> Result:
        """One pass by what the processes run, in ours: to import LangGraph takes one of them more than a second."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(running, "_process", in_this_process)
            patch.delitem(sys.modules, "tests.automations.flows", raising=False)  # which reads the environment
            return self.run()

    def fork(self) -> None:
        """From now on the process of a tenant is a fork, which need import nothing."""
        self.monkeypatch.setattr(running, "_process", in_a_fork)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a query, past all policies."""
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            connection.execute("select set_config('minutebook.actor', 'test', false)")
            cursor = connection.execute(query, values)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def states(self) -> dict[str, str]:
        """State of each run by its call, `asks` where it waits for a person."""
        with connect(self.url, Role.OPERATOR, actor="otto") as connection:
            return {row["thread_id"].rpartition("/")[2]: row["state"] for row in runs.listed(connection)}

    def effects(self, call_id: str) -> Mapping[str, int]:
        """How often each effect of a call's workflow was had."""
        lines = self.effects_file.read_text().splitlines() if self.effects_file.exists() else []
        return Counter(line.split(" ")[1] for line in lines if line.split(" ")[0].endswith(f"/{call_id}"))


@contextmanager
def in_this_process(login: str, asked: Mapping[str, Any], _: float) -> Iterator[SimpleNamespace]:
    """What stands for a process that was given its work and ended well."""
    said: list[str] = []
    process.work(asked, login, lambda what: said.append(json.dumps(what)))
    yield SimpleNamespace(stdout=said, returncode=0)


@contextmanager
def in_a_fork(login: str, asked: Mapping[str, Any], _: float) -> Iterator[SimpleNamespace]:
    """What stands for a process that was given its work, however it ends."""
    ours, theirs = Pipe(duplex=False)
    fork = started(work_and_say, os.environ, login, asked, theirs)
    theirs.close()
    said = SimpleNamespace(stdout=said_until_the_end(ours), returncode=None)
    yield said
    said.returncode = end_of(fork)


def work_and_say(login: str, asked: Mapping[str, Any], out: Connection) -> None:
    process.work(asked, login, lambda what: out.send(json.dumps(what)))


def said_until_the_end(ours: Connection) -> Iterator[str]:
    with ours, suppress(EOFError):
        while True:
            yield ours.recv()


@pytest.fixture
def works(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Works]:
    """Nobody's calls are followed yet."""
    with connect(database_url, Role.OPERATOR, actor="otto") as operator:
        add_tenants(operator, "acme", "birch")
    with psycopg.connect(database_url) as owner:
        owner.execute(MARTS)
    with login_of(database_url, Access.AUTOMATIONS) as login:
        made = Works(database_url, login, tmp_path, monkeypatch)
        for name, value in (
            ("MINUTEBOOK_HOME", str(tmp_path / "home")),
            ("MINUTEBOOK_DATABASE_URL", database_url),
            ("MINUTEBOOK_AUTOMATIONS_DATABASE_URL", login),
            ("MINUTEBOOK_AUTOMATIONS", "tests.automations.flows"),
            ("MINUTEBOOK_MASTER_KEYS", base64.b64encode(secrets.token_bytes(32)).decode()),
            ("AUTOMATIONS_EFFECTS", str(made.effects_file)),
            ("LANGGRAPH_STRICT_MSGPACK", "true"),
        ):
            monkeypatch.setenv(name, value)
        yield made
