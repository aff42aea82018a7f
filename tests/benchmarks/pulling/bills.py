"""What two sources of costs of each tenant add to a night, against bare requests for the same answers.

python -m tests.benchmarks.pulling.bills [tenants, default 1000]

Each tenant has accounts of its own at OpenAI and Deepgram, with a dozen lines each on the day. They answer on loopback
from a process of their own. The same night again, when nothing has changed, is measured too.
"""

import base64
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import psycopg

from orchestration.ingestion import PullState, PullTrigger, TenantDay, pull
from orchestration.installing import install as migrate
from orchestration.settings import Settings
from tests.benchmarks._deployment import CONTROL, LONG_AGO
from tests.benchmarks._measuring import Cost, measured, verdict
from tests.sandbox import deepgram, openai
from tests.sandbox.server import serving
from tests.sandbox.world import World
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running

SOURCES = ("openai_costs", "deepgram_costs")
LINES = 12
MOST_OWN_SECONDS = 20.0
WRITTEN = "select count(*), coalesce(sum(row_count) filter (where state = 'published'), 0) from ledger.pulls"


def world(tenants: int, day: date) -> World:
    """Their organisations and projects."""
    line = {"project_id": "proj_a", "api_key_id": None, "amount": {"value": 0.0123, "currency": "usd"}}
    return World(
        openai={
            f"openai-{n}": openai.Organization(
                lines={day: [line | {"line_item": f"model-{item}, input"} for item in range(LINES)]}
            ) for n in range(tenants)
        },
        deepgram={
            f"project-{n}": deepgram.Project(
                f"deepgram-{n}", {day: [deepgram.row(line_item=f"streaming::model-{item}") for item in range(LINES)]}
            ) for n in range(tenants)
        },
    )  # fmt: skip


def requested(base: str, tenants: int, day: date) -> float:
    """Processor seconds of asking for the same answers and nothing else."""
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    groups = [("group_by[]", "project_id"), ("group_by[]", "line_item")]
    began = time.process_time()
    with httpx.Client() as client:
        for n in range(tenants):
            window = [("start_time", str(start)), ("end_time", str(start + 86400)), ("limit", "180"), *groups]
            costs = client.get(
                f"{base}/openai/organization/costs",
                params=window,
                headers={"authorization": f"Bearer openai-{n}"},
            )
            breakdown = client.get(
                f"{base}/deepgram/v1/projects/project-{n}/billing/breakdown",
                params=[("start", f"{day}"), ("end", f"{day + timedelta(days=1)}"), ("grouping", "line_item")],
                headers={"authorization": f"Token deepgram-{n}"},
            )
            assert len(costs.json()["data"][0]["results"]) == len(breakdown.json()["results"]) == LINES
    return time.process_time() - began


def main(tenants: int) -> int:
    day = datetime.now(UTC).date() - timedelta(days=1)
    names = [f"tenant-{number:05}" for number in range(tenants)]
    with tempfile.TemporaryDirectory() as folder, running(home := Path(folder) / "home") as url:
        migrate(url)
        serve = [sys.executable, "-m", "tests.benchmarks.pulling.bills", "serve", str(tenants), str(day)]
        providers = subprocess.Popen(serve, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert providers.stdout is not None
            base = providers.stdout.readline().strip()
            os.environ |= {
                "MINUTEBOOK_DATABASE_URL": url,
                "MINUTEBOOK_HOME": str(home),
                "MINUTEBOOK_MASTER_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
                "MINUTEBOOK_OPENAI_URL": f"{base}/openai",
                "MINUTEBOOK_DEEPGRAM_URL": f"{base}/deepgram",
            }
            settings = Settings.from_environment()
            fill(url, settings, names)
            nights = [night(url, home, providers.pid, settings, names, day) for _ in range(2)]
            bare = requested(base, tenants, day)
        finally:
            providers.communicate("")  # it ends with its input
    first, again = nights
    print(f"{2 * tenants:,} account-days: {first.own:.1f} s of our own CPU (under {MOST_OWN_SECONDS:.0f}),")
    print(f"{first.server:.1f} of the server, {first.wall:.1f} s on the wall; bare requests {bare:.1f} s of CPU")
    print(f"ratios: {first.own / bare:.1f} of bare requests; unchanged {again.own / first.own:.2f} of the first night")
    return verdict(first.own < MOST_OWN_SECONDS)


def fill(url: str, settings: Settings, names: Sequence[str]) -> None:
    """The tenants, and two keys of each."""
    with psycopg.connect(url) as owner:
        for statement in CONTROL.split(";")[:-1]:
            owner.execute(statement, {"tenants": list(names), "since": LONG_AGO})
    vault = settings.vault()
    with connect(url, Role.OPERATOR) as connection:
        for n, tenant in enumerate(names):
            vault.set_credential(connection, tenant, "openai", f"openai-{n}", {}, LONG_AGO)
            settings_of = {"project_id": f"project-{n}"}
            vault.set_credential(connection, tenant, "deepgram", f"deepgram-{n}", settings_of, LONG_AGO)


def night(url: str, home: Path, providers: int, settings: Settings, names: Sequence[str], day: date) -> Cost:
    """Pull the day of all tenants; each has the rows that it was answered."""
    with measured(home, providers) as cost:
        asked = [TenantDay(name, day) for name in names]
        outcomes = pull(url, settings, asked, SOURCES, trigger=PullTrigger.SCHEDULE)
    assert {one.state for one in outcomes} <= {PullState.PUBLISHED, PullState.UNCHANGED}, outcomes[0]
    with psycopg.connect(url) as owner:
        pulls, rows = owner.execute(WRITTEN).fetchone() or (0, 0)
    assert (pulls % (2 * len(names)), rows) == (0, 2 * LINES * len(names)), (pulls, rows)
    return cost


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        with serving(world(int(sys.argv[2]), date.fromisoformat(sys.argv[3]))) as sandbox:
            print(sandbox.url, flush=True)
            sys.stdin.read()
        sys.exit(0)
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))
