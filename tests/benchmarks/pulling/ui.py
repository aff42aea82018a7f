"""The Dagster UI over a full history: what the asset's page asks for, answered by a real web server on Postgres.

python -m tests.benchmarks.pulling.ui [tenants, default 1000] [days of history, default 400] [folder for screenshots]

With MINUTEBOOK_PARTITIONS=shard, so many shards. Baseline: the same questions of a deployment of 10 in the same
invocation. Every day of the history is materialised, in all raw assets; the partitions begin where `minutebook up` lets
them begin with so many tenants, or at MINUTEBOOK_UI_DAYS.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import dagster as dg
import httpx
import psycopg

from orchestration.dagster_internals.home import CONFIGURATION, environment
from orchestration.ingestion.partitions import days_for
from orchestration.installing import install as migrate
from orchestration.settings import Settings
from sources.registry import all_sources
from tests.benchmarks._measuring import verdict
from tests.web.browser import CHROMIUM
from warehouse.database import lifetime
from warehouse.database.embedded import running

BASELINE_TENANTS = 10
MOST_MILLISECONDS = 2000.0
MOST_PATIENCE = 120.0  # seconds that a browser is given
REPEATS = 5
START_SECONDS = 300
LATER_KEY = "tenant-of-the-template|2000-01-01"
ASSET = {"path": ["raw_vapi", "calls"]}
# As the UI asks when the page of an asset, its partitions and the dialogue of a backfill are opened.
HEALTH = """query PartitionHealthQuery($assetKey: AssetKeyInput!) {
  assetNodeOrError(assetKey: $assetKey) { ... on AssetNode {
    id partitionKeysByDimension { name type partitionKeys }
    assetPartitionStatuses { ... on MultiPartitionStatuses { primaryDimensionName ranges {
      primaryDimStartKey primaryDimEndKey primaryDimStartTime primaryDimEndTime
      secondaryDim {
        ... on TimePartitionStatuses { ranges { status startTime endTime startKey endKey } }
        ... on DefaultPartitionStatuses { materializedPartitions materializingPartitions failedPartitions }
      } } } } } } }"""
STATS = """query AssetNode($assetKey: AssetKeyInput!) { assetNodeOrError(assetKey: $assetKey) { ... on AssetNode {
  id partitionStats { numMaterialized numPartitions numFailed numMaterializing }
  partitionDefinition { description dimensionTypes { name dynamicPartitionsDefinitionName } }
  assetMaterializations(limit: 1) { timestamp runId partition } } } }"""
LATEST = """query LiveQuery($assetKeys: [AssetKeyInput!]!) {
  assetNodes(assetKeys: $assetKeys, loadMaterializations: true) {
    id assetMaterializations(limit: 1) { timestamp runId } partitionStats { numMaterialized numPartitions numFailed }
    freshnessInfo { currentMinutesLate } staleStatus } }"""
QUESTIONS = {
    "partitions and their states": (HEALTH, {"assetKey": ASSET}),
    "the asset and its counts": (STATS, {"assetKey": ASSET}),
    "the three assets in the graph": (
        LATEST,
        {"assetKeys": [{"path": [one.schema, one.table]} for one in all_sources().values()]},
    ),
}
SEED = """
insert into dagster.event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
select
    t.run_id,
    replace(t.event, %(template)s, k.key),
    t.dagster_event_type,
    k.day + interval '1 day 3 hours',
    t.step_key,
    t.asset_key,
    k.key
from (
    select * from dagster.event_logs
    where partition = %(template)s and dagster_event_type = 'ASSET_MATERIALIZATION'
) as t
cross join (
    select format('tenant-%%s|%%s', lpad(n::text, 4, '0'), day::date) as key, day
    from generate_series(1, %(tenants)s) as n,
    generate_series(%(first)s::date, %(last)s::date, interval '1 day') as day
) as k
"""


def main() -> int:
    """Exit code: 1 where a question takes longer than the page may."""
    tenants = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    pictures = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    baseline = measured(BASELINE_TENANTS, days, None)
    large = measured(tenants, days, pictures)
    begin = os.environ.get("MINUTEBOOK_UI_DAYS") or str(days_for(tenants))
    print(
        f"{tenants:,} tenants, {days} days of history, partitions from {begin} days ago; baseline: {BASELINE_TENANTS}",
        flush=True,
    )
    for name, milliseconds in large.items():
        ratio = milliseconds / baseline[name]
        print(f"{milliseconds:8.0f} ms  {baseline[name]:8.0f} ms baseline  {ratio:6.1f} times  {name}", flush=True)
    slowest = max(large[name] for name in QUESTIONS)
    print(f"slowest answer {slowest:.0f} ms (at most {MOST_MILLISECONDS:.0f} ms)")
    return verdict(slowest <= MOST_MILLISECONDS)


def measured(tenants: int, days: int, pictures: Path | None) -> dict[str, float]:
    """Milliseconds by what was asked: the median of warm answers, the first answer, and a browser's page."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as url:
        migrate(url)
        own = os.environ | environment(url, Path(folder) / "home") | {"MINUTEBOOK_DATABASE_URL": url}
        own.setdefault("MINUTEBOOK_UI_DAYS", str(days_for(tenants)))
        seed(url, own, tenants, days)
        with served(own, Path(folder)) as (address, pid), httpx.Client(base_url=address, timeout=300) as client:
            taken = {}
            for name, (query, variables) in QUESTIONS.items():
                taken[f"{name}, the first time"] = answered(client, query, variables)
                before = cpu_milliseconds(pid)
                taken[name] = statistics.median(answered(client, query, variables) for _ in range(REPEATS))
                taken[f"{name}, of them the server's own CPU"] = (cpu_milliseconds(pid) - before) / REPEATS
                print(f"{tenants:,} tenants: {taken[name]:.0f} ms  {name}", file=sys.stderr, flush=True)
            if CHROMIUM:
                page = f"{address}/assets/{'/'.join(ASSET['path'])}?view=partitions"
                taken["the page in Chromium"] = drawn(page, Path(folder), pictures)
            return taken


def seed(url: str, own: dict[str, str], tenants: int, days: int) -> None:
    """Tenant partitions through Dagster; one event per asset through Dagster too, and its likeness for each key."""
    today = datetime.now(UTC).date()
    with patch.dict(os.environ, own), dg.DagsterInstance.get() as instance:
        dimension = "shard" if Settings.from_environment().has_shard_partitions else "tenant"
        instance.add_dynamic_partitions(dimension, [f"tenant-{n:04}" for n in range(1, tenants + 1)])
        for table in ([one.schema, one.table] for one in all_sources().values()):
            instance.report_runless_asset_event(
                dg.AssetMaterialization(list(table), partition=LATER_KEY, metadata={"state": "published", "rows": 200})
            )
    with psycopg.connect(url, autocommit=True) as connection:
        between = {"first": today - timedelta(days=days), "last": today - timedelta(days=1)}
        connection.execute(SEED, {"template": LATER_KEY, "tenants": tenants, **between})
        connection.execute("delete from dagster.event_logs where partition = %s", [LATER_KEY])
        connection.execute("vacuum analyze dagster.event_logs")


@contextmanager
def served(own: dict[str, str], folder: Path) -> Iterator[tuple[str, int]]:
    """Dagster's web server on the product's own definitions; its address and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["dagster_webserver", "-w", str(CONFIGURATION / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
    address, command = f"http://127.0.0.1:{port}", [sys.executable, "-m", *command]
    with (
        (folder / "web.log").open("wb") as log,
        lifetime.group(command, env=own, cwd=CONFIGURATION, stdout=log, stderr=log) as process,
    ):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                httpx.get(f"{address}/server_info", timeout=5).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.5)
        else:
            raise RuntimeError((folder / "web.log").read_text()[-2000:])
        yield address, process.pid


def cpu_milliseconds(pid: int) -> float:
    """What the process has computed so far: on a busy machine the fairer figure."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def answered(client: httpx.Client, query: str, variables: object) -> float:
    """Milliseconds until the whole answer is here; an answer with errors is none."""
    begun = time.perf_counter()
    response = client.post("/graphql", json={"query": query, "variables": variables})
    taken = (time.perf_counter() - begun) * 1000
    answer = response.raise_for_status().json()
    if "errors" in answer or "__typename" in json.dumps(answer.get("data"))[:40]:
        raise RuntimeError(json.dumps(answer)[:500])
    return taken


def drawn(page: str, folder: Path, pictures: Path | None) -> float:
    """Milliseconds of a headless Chromium from its start until the page has all it asked for, less those of an empty
    page."""
    empty, full = ([], [])
    for _ in range(3):
        empty.append(_run("about:blank", folder, None))
        full.append(_run(page, folder, pictures and pictures / "assets.png"))
    return statistics.median(full) - statistics.median(empty)


def _run(page: str, folder: Path, picture: Path | None) -> float:
    assert CHROMIUM
    action = f"--screenshot={picture}" if picture else "--dump-dom"
    begun = time.perf_counter()
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        f"--user-data-dir={folder / 'profile'}", "--window-size=1500,1100", "--virtual-time-budget=8000", action, page,
    ]  # fmt: skip
    with lifetime.group(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(MOST_PATIENCE)
        except subprocess.TimeoutExpired:
            return MOST_PATIENCE * 1000
        return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    sys.exit(main())
