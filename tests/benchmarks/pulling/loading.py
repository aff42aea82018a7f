"""Calls from the provider's parsed JSON to published, against a bare COPY of the same prepared rows into the same
table, and against dlt's default path from Python objects.

python -m tests.benchmarks.pulling.loading [rows, default 1000000] [rows of dlt's default path, default 50000]

All three on one server with PostgreSQL's default durability. Ours begins with calls as `sources.vapi.calls.parse` gives
them, those of one day told again for every day: minimising, payload, hash, totals, Arrow, Parquet, dlt, ADBC, the audit
of what landed and the publication are in its time. Parsing, which the other two are spared, is not; what it takes is
told beside. Small sizes are dominated by the first package's start.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import dlt
import msgspec
import psycopg

from orchestration.ingestion.landing import Landing
from orchestration.ingestion.outcomes import AccountDay, PullOutcome, PullState
from orchestration.ingestion.reading import Readers
from orchestration.ingestion.running import PullRun
from orchestration.installing import install as migrate
from sources.personal import Choices, Document, minimised
from sources.reading import Reading
from sources.vapi import calls, reading_of
from sources.vapi.rows import payload as payload_of
from sources.window import Window
from tests.benchmarks._measuring import Cost, measured, most_memory, verdict
from tests.sandbox.vapi.calls import invent, render
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.ingestion import pulls

LEAST_OF_COPY, LEAST_TIMES_DEFAULT, MOST_MIB = 0.5, 10.0, 1024
ROWS_OF_A_PAGE, PAGES_OF_A_DAY = 1_000, 5
FIRST_DAY = date(2020, 1, 1)
COLUMNS = (
    "account, tenant_id, usage_date, pull_id, call_id, created_at, updated_at, started_at, ended_at, status, call_type,"
    " ended_reason, assistant_id, phone_number_id, payload, _dlt_load_id"
)
Parsed = list[tuple[calls.Call, Document]]


def answers() -> list[bytes]:
    """A day's calls as the provider writes them, a page each; without conversation, about 1.5 KB a call."""
    random = Random(1)
    noon = datetime.combine(FIRST_DAY, datetime.min.time(), UTC) + timedelta(hours=12)
    pages = []
    for page in range(PAGES_OF_A_DAY):
        reported = []
        for number in range(ROWS_OF_A_PAGE):
            call = render(invent(random, noon, "number", "assistant", None), "org")
            document = msgspec.json.decode(msgspec.json.encode(call), type=Document)
            bare = msgspec.json.decode(msgspec.json.encode(minimised(document, Choices())))
            bare["costs"] = bare.get("costs", [])[:7]
            reported.append({**bare, "id": f"{page:012}-{number:023}", "costBreakdown": None, "transport": None})
        pages.append(msgspec.json.encode(reported))
    return pages


def parsed(pages: list[bytes]) -> Parsed:
    return [row for page in pages for row in calls.parse(page).rows]


class FromParsed(Readers):
    """Reads days as the pull does, but for the network and the parsing."""

    def __init__(self, rows: Parsed) -> None:
        self._rows = rows

    def prepare(self, day: AccountDay) -> None:
        return None

    def read(self, day: AccountDay) -> Reading:
        windows = (Window.of_day(day.usage_date),)
        return reading_of(self._rows, (), lambda scopes: Choices(), windows, PAGES_OF_A_DAY, None)


def load(url: str, days: list[date], home: Path, rows: Parsed) -> int:
    """Ours; the number of rows published."""
    outcomes: list[PullOutcome] = []
    with (
        connect(url, Role.LOADER, autocommit=True) as connection,
        connect(url, Role.LOADER, autocommit=True) as landing_connection,
        pulls.open_attempt(url, "cli") as attempt,
    ):
        landing = Landing(url, landing_connection, home)
        run = PullRun(connection, attempt, FromParsed(rows), landing, days[0], False, outcomes.append)
        run.work([AccountDay("vapi", "acme", day, ("acme",)) for day in days])
    assert {outcome.state for outcome in outcomes} == {PullState.PUBLISHED}, outcomes
    return sum(outcome.rows for outcome in outcomes)


def copy(url: str, prepared: Path) -> None:
    """Bare COPY of prepared rows, by the superuser, whom row-level security does not stop."""
    with (
        psycopg.connect(url) as connection,
        connection.cursor().copy(f"copy raw_vapi.calls ({COLUMNS}) from stdin") as into,  # type: ignore[arg-type]
        prepared.open("rb") as file,
    ):
        while block := file.read(1 << 20):
            into.write(block)


def prepare(days: list[date], rows: Parsed, into: Path) -> None:
    """The same rows in COPY's text format."""
    with into.open("wb") as file:
        for number, day in enumerate(days):
            file.writelines(_line(number, day, *row) for row in rows)


def _line(pull_id: int, day: date, call: calls.Call, document: Document) -> bytes:
    payload = payload_of(call, document, lambda scopes: Choices(), set()).decode().replace("\\", "\\\\")
    instants = (call.created_at, call.updated_at, call.started_at, call.ended_at)
    texts = (call.status, call.type, call.ended_reason, call.assistant_id, call.phone_number_id)
    values = ["acme", "acme", day, pull_id, call.id, *instants, *texts, payload, "1700000000.0"]
    return ("\t".join(r"\N" if value is None else str(value) for value in values) + "\n").encode()


def objects(days: list[date], rows: Parsed) -> Iterator[dict[str, Any]]:
    """The same calls as whoever writes a dlt resource has them."""
    for day in days:
        for call, document in rows:
            typed = {**msgspec.structs.asdict(call), "costs": None}
            reported = msgspec.json.decode(msgspec.json.encode(document))
            yield {"account": "acme", "tenant_id": "acme", "usage_date": day, **typed, "payload": reported}


def default_path(url: str, rows: list[dict[str, Any]], home: Path) -> None:
    """dlt's default way from Python objects, into a table of its own."""
    pipeline = dlt.pipeline(
        "default", pipelines_dir=str(home), destination=dlt.destinations.postgres(url), dataset_name="dlt_default"
    )
    pipeline.run(rows, table_name="calls", columns={"payload": {"data_type": "json"}, "costs": {"data_type": "json"}})


def main(rows: int = 1_000_000, default_rows: int = 50_000) -> int:
    pages = answers()
    parsing = time.process_time()
    of_a_day = parsed(pages)
    parsing = time.process_time() - parsing
    of_day = len(of_a_day)
    days = [FIRST_DAY + timedelta(days=number) for number in range(max(1, rows // of_day))]
    with tempfile.TemporaryDirectory() as folder, running(home := Path(folder) / "home") as url:
        migrate(url)
        costs: dict[str, tuple[int, Cost]] = {}
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("insert into control.tenants (tenant_id, name, currency) values ('acme', 'Acme', 'USD')")
            with measured(home) as cost:
                published = load(url, days, home, of_a_day)
            costs["parsed JSON to published"] = published, cost
            memory = most_memory()
            assert published == len(days) * of_day
            owner.execute("truncate raw_vapi.calls")
            prepare(days, of_a_day, Path(folder) / "prepared")
            with measured(home) as cost:
                copy(url, Path(folder) / "prepared")
            costs["bare COPY of prepared rows"] = published, cost
            owner.execute("truncate raw_vapi.calls")
            sample = list(objects(days[: max(1, default_rows // of_day)], of_a_day))
            with measured(home) as cost:
                default_path(url, sample, Path(folder) / "dlt")
            costs["dlt's default path"] = len(sample), cost
    print(f"{'':28}{'rows':>10}{'rows/s':>9}{'wall s':>8}{'own CPU s':>11}{'server CPU s':>14}")
    for name, (count, cost) in costs.items():
        print(f"{name:28}{count:10,}{count / cost.wall:9,.0f}{cost.wall:8.1f}{cost.own:11.1f}{cost.server:14.1f}")
    ours, bare, default = (count / cost.wall for count, cost in costs.values())
    print(f"{ours / bare:.2f} of COPY's rows a second (at least {LEAST_OF_COPY})")
    print(f"{ours / default:.1f} times dlt's default path (at least {LEAST_TIMES_DEFAULT:.0f})")
    size = sum(map(len, pages)) / of_day
    print(f"{memory:,.0f} MiB of memory at most (under {MOST_MIB:,}); {size:,.0f} bytes of JSON a call")
    print(f"not in it: parsing, {parsing / of_day * 1e6:.0f} µs of our own CPU a call")
    return verdict(ours / bare >= LEAST_OF_COPY, ours / default >= LEAST_TIMES_DEFAULT, memory < MOST_MIB)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
