"""A deployment with many tenants, whose providers answer from another process: for benchmarks of whole runs."""

import base64
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import psycopg
from psycopg import sql

from orchestration.dagster_internals.home import environment
from orchestration.definitions import defs
from orchestration.ingestion.partitions import key_of
from orchestration.installing import install as migrate
from orchestration.settings import Settings
from tests.sandbox.crowd import chat_key, crowd_key, project_of
from tests.sandbox.usage_database import TABLE
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running

LONG_AGO = date(2025, 1, 1)

CONTROL = """
insert into control.tenants (tenant_id, name, currency) select t, t, 'USD' from unnest(%(tenants)s::text []) as t;
insert into control.tenant_statuses select t, %(since)s, 'active' from unnest(%(tenants)s::text []) as t;
insert into control.agents (agent_id, tenant_id, name)
select t || '-agent', t, 'Agent' from unnest(%(tenants)s::text []) as t;
"""

USES = """
insert into control.agent_attachments (kind, value, valid_from, tenant_id, agent_id)
select 'usage_agent', t || '-agent', %(since)s, t, t || '-agent' from unnest(%(tenants)s::text []) as t;
insert into control.agent_attachments (kind, value, valid_from, tenant_id, agent_id)
select 'voiceflow_project', p, %(since)s, t, t || '-agent'
from unnest(%(tenants)s::text [], %(projects)s::text []) as u (t, p);
"""

METRICS = """
insert into agent_usage_metrics (agent_id, metric_type, quantity, cost_usd, metadata, created_at)
select t || '-agent', 'ocr_scan', 1, 0.075, '{"by": "benchmark"}', %(day)s::date + n * interval '5 minutes'
from unnest(%(tenants)s::text []) as t cross join generate_series(1, %(rows)s) as n
"""


@dataclass(frozen=True)
class Deployment:
    """home is the embedded server's; providers is the process id of the sandbox."""

    url: str
    home: Path
    settings: Settings
    tenants: Sequence[str]
    providers: int
    instance: dg.DagsterInstance

    def pull_in_dagster(self, first: tuple[str, date], last: tuple[str, date]) -> None:
        """One run of the night's job over a rectangle of tenants and days, in this process. AssertionError if any
        tenant-day failed."""
        run_in_dagster(self.instance, first, last)


def run_in_dagster(instance: dg.DagsterInstance, first: tuple[str, date], last: tuple[str, date]) -> None:
    """One run of the pull job, as the schedule and a backfill tag it."""
    tags = {
        "dagster/asset_partition_range_start": key_of(*first),
        "dagster/asset_partition_range_end": key_of(*last),
    }
    assert defs.resolve_job_def("pull_usage").execute_in_process(instance=instance, tags=tags).success


@contextmanager
def deployment(tenants: int, calls_a_day: int, chat_and_metrics_on: date | None = None) -> Iterator[Deployment]:
    """Tenants with a Vapi account each and so many calls on every day; on one day, Voiceflow usage and as many rows of
    the platform's own metrics, too."""
    names = [f"tenant-{number:05}" for number in range(tenants)]
    days = [chat_and_metrics_on.isoformat()] if chat_and_metrics_on else []
    with tempfile.TemporaryDirectory() as folder, running(home := Path(folder) / "home") as url:
        migrate(url)
        command = [sys.executable, "-m", "tests.sandbox.crowd", str(tenants), str(calls_a_day), *days]
        providers = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert providers.stdout is not None
            vapi, voiceflow = providers.stdout.readline().split()
            os.environ |= {
                **environment(url, home),
                "MINUTEBOOK_DATABASE_URL": url,
                "MINUTEBOOK_MASTER_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
                "MINUTEBOOK_VAPI_URL": vapi,
                "MINUTEBOOK_VOICEFLOW_URL": voiceflow,
            }
            if chat_and_metrics_on:
                os.environ["MINUTEBOOK_USAGE_DATABASE_URL"] = _metrics(url, names, chat_and_metrics_on, calls_a_day)
            settings = Settings.from_environment()
            _fill(url, settings, names, has_all=chat_and_metrics_on is not None)
            with dg.DagsterInstance.get() as instance:
                instance.add_dynamic_partitions("tenant", names)
                yield Deployment(url, home, settings, names, providers.pid, instance)
        finally:
            providers.communicate("")  # it ends with its input


def _fill(url: str, settings: Settings, names: list[str], has_all: bool) -> None:
    filling = {"tenants": names, "since": LONG_AGO, "projects": [project_of(n) for n in range(len(names))]}
    with psycopg.connect(url) as owner:
        for statement in (CONTROL + (USES if has_all else "")).split(";")[:-1]:
            owner.execute(statement, filling)
    vault = settings.vault()
    with connect(url, Role.OPERATOR) as connection:
        for number, tenant in enumerate(names):
            vault.set_credential(connection, tenant, "vapi", crowd_key(number), {}, LONG_AGO)
            if has_all:
                vault.set_credential(connection, tenant, "voiceflow", chat_key(number), {}, LONG_AGO)


def _metrics(url: str, names: list[str], day: date, rows: int) -> str:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(sql.SQL("create database {}").format(sql.Identifier("usage")))
    address = url.rpartition("/")[0] + "/usage"
    with psycopg.connect(address) as usage:
        usage.execute(TABLE)  # type: ignore[arg-type]
        usage.execute(METRICS, {"tenants": names, "day": day, "rows": rows})
    return address
