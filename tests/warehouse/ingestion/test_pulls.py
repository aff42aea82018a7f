"""The ledger of pulls: claimed once, published whole or not at all, superseded exactly once, taken over when dead."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier
from typing import Any, NamedTuple

import psycopg
import pytest

from sources.registry import all_sources
from tests.warehouse.sources.test_raw_tables import rows_of
from warehouse.database.connect import Role, connect
from warehouse.database.errors import PullNotPublishable
from warehouse.ingestion import pulls
from warehouse.ingestion.pulls import Attempt, PublishedPull, PullKey
from warehouse.sources.raw_tables import land

DAY = date(2026, 10, 1)
KEY = PullKey("vapi", "acme", "acme", DAY)
ROOT = Path(__file__).parents[3]


class Window(NamedTuple):
    start: datetime
    end: datetime


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url, Role.OPERATOR, autocommit=True) as operator:
        operator.execute(
            "insert into control.tenants (tenant_id, name, currency)"
            " values ('acme', 'Acme', 'USD'), ('bolt', 'Bolt', 'USD')"
        )
    with connect(database_url, Role.LOADER, autocommit=True) as loader:
        yield loader


@pytest.fixture
def attempt(connection: psycopg.Connection[Any], database_url: str) -> Iterator[Attempt]:
    with pulls.open_attempt(database_url, "cli") as opened:
        yield opened


def claim_one(connection: psycopg.Connection[Any], attempt: Attempt, key: PullKey = KEY) -> int:
    claimed, refused = pulls.claim(connection, attempt, [key])
    assert not refused
    return claimed[key]


def states(connection: psycopg.Connection[Any]) -> list[tuple[int, str]]:
    return connection.execute("select pull_id, state from ledger.pulls order by pull_id").fetchall()


def pull_once(
    connection: psycopg.Connection[Any], attempt: Attempt, url: str, tmp_path: Path, rows: int, content_hash: str
) -> int:
    pull_id = claim_one(connection, attempt)
    land(url, all_sources()["vapi"], [rows_of("vapi", pull_id, rows)], tmp_path)
    pulls.publish(connection, [PublishedPull(pull_id, rows, content_hash)])
    return pull_id


def test_a_pull_supersedes_its_predecessor_exactly_once(
    connection: psycopg.Connection[Any], attempt: Attempt, database_url: str, tmp_path: Path
) -> None:
    first = pull_once(connection, attempt, database_url, tmp_path, 3, "a")
    second = pull_once(connection, attempt, database_url, tmp_path, 2, "b")
    assert states(connection) == [(first, "superseded"), (second, "published")]
    assert pulls.current(connection, [KEY]) == {KEY: pulls.CurrentPull(second, "b", None, 2, False)}


def test_an_empty_day_replaces_a_full_one(
    connection: psycopg.Connection[Any], attempt: Attempt, database_url: str, tmp_path: Path
) -> None:
    pull_once(connection, attempt, database_url, tmp_path, 3, "full")
    pull_once(connection, attempt, database_url, tmp_path, 0, "empty")
    assert pulls.current(connection, [KEY])[KEY].row_count == 0


def test_an_unchanged_day_writes_one_ledger_row_and_changes_nothing_else(
    connection: psycopg.Connection[Any], attempt: Attempt, database_url: str, tmp_path: Path
) -> None:
    first = pull_once(connection, attempt, database_url, tmp_path, 3, "a")
    again = claim_one(connection, attempt)
    assert pulls.current(connection, [KEY])[KEY].says_the_same_as("a", None, is_incomplete=False)
    assert pulls.publish(connection, [PublishedPull(again, 3, "a")]) == {again}
    assert states(connection) == [(first, "published"), (again, "unchanged")]
    assert connection.execute("select confirms_pull_id from ledger.pulls order by 1").fetchone() == (first,)
    assert connection.execute("select count(*) from raw_vapi.calls").fetchone() == (3,)


def test_a_day_that_became_complete_is_published_anew(
    connection: psycopg.Connection[Any], attempt: Attempt, database_url: str, tmp_path: Path
) -> None:
    first = claim_one(connection, attempt)
    pulls.publish(connection, [PublishedPull(first, 0, "a", is_incomplete=True)])
    second = claim_one(connection, attempt)
    assert not pulls.publish(connection, [PublishedPull(second, 0, "a")])
    assert pulls.current(connection, [KEY])[KEY] == pulls.CurrentPull(second, "a", None, 0, False)


@pytest.mark.parametrize("read", [2, 4], ids=["too_many_landed", "too_few_landed"])
def test_a_pull_whose_landed_rows_are_not_the_rows_read_is_not_published(
    connection: psycopg.Connection[Any], attempt: Attempt, database_url: str, tmp_path: Path, read: int
) -> None:
    pull_id = claim_one(connection, attempt)
    land(database_url, all_sources()["vapi"], [rows_of("vapi", pull_id, 3)], tmp_path)
    with pytest.raises(PullNotPublishable, match=f"rows read: {read}, landed: 3"):
        pulls.publish(connection, [PublishedPull(pull_id, read, "a")])
    assert states(connection) == [(pull_id, "reading")]


def test_rows_stamped_with_another_account_are_not_published(
    connection: psycopg.Connection[Any], attempt: Attempt, database_url: str, tmp_path: Path
) -> None:
    pull_id = claim_one(connection, attempt)
    land(database_url, all_sources()["vapi"], [rows_of("vapi", pull_id, 1, tenant_id="bolt")], tmp_path)
    with pytest.raises(PullNotPublishable, match="its own of them: 0"):
        pulls.publish(connection, [PublishedPull(pull_id, 1, "a")])


def test_a_batch_is_published_whole_or_not_at_all(
    connection: psycopg.Connection[Any], attempt: Attempt, database_url: str, tmp_path: Path
) -> None:
    before = pull_once(connection, attempt, database_url, tmp_path, 1, "a")
    other = replace(KEY, usage_date=DAY + timedelta(1))
    claimed, _ = pulls.claim(connection, attempt, [KEY, other])
    good, bad = PublishedPull(claimed[KEY], 0, "b"), PublishedPull(claimed[other], 7, "c")
    with pytest.raises(PullNotPublishable) as raised:
        pulls.publish(connection, [good, bad])
    assert list(raised.value.refused) == [claimed[other]]
    assert pulls.current(connection, [KEY, other]).keys() == {KEY}
    assert pulls.current(connection, [KEY])[KEY].pull_id == before


def test_everything_a_reading_says_is_kept_exactly(connection: psycopg.Connection[Any], attempt: Attempt) -> None:
    pull_id = claim_one(connection, attempt)
    window = Window(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 2, tzinfo=UTC))
    totals = {"calls": Decimal(0), "cost": Decimal("0.10000000000000000000000001")}
    pulls.publish(connection, [PublishedPull(pull_id, 0, "h", True, totals=totals, windows=[window], requests=4)])
    found = connection.execute(
        "select totals ->> 'cost', provider_totals, windows, requests, is_incomplete, closed_at > opened_at"
        " from ledger.pulls"
    ).fetchone()
    windows = [["2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"]]
    assert found == ("0.10000000000000000000000001", None, windows, 4, True, True)


def test_two_attempts_at_once_share_the_days_out_and_none_is_claimed_twice(
    connection: psycopg.Connection[Any], database_url: str
) -> None:
    keys = [replace(KEY, usage_date=DAY + timedelta(days)) for days in range(200)]
    start = Barrier(4)

    def claim_all(number: int) -> tuple[dict[PullKey, int], dict[PullKey, str]]:
        with connect(database_url, Role.LOADER, autocommit=True) as own, pulls.open_attempt(database_url, "cli") as one:
            start.wait()
            result = pulls.claim(own, one, keys if number % 2 else reversed(keys))
            start.wait()  # all are alive until all have claimed
            return result

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(claim_all, range(4)))
    assert sorted(key.usage_date for claimed, _ in results for key in claimed) == [key.usage_date for key in keys]
    for claimed, refused in results:
        assert claimed.keys() | refused.keys() == set(keys)
        assert all("another attempt" in why or "already being pulled by attempt" in why for why in refused.values())


def test_a_live_claim_is_refused_by_name(
    connection: psycopg.Connection[Any], attempt: Attempt, database_url: str
) -> None:
    claim_one(connection, attempt)
    with pulls.open_attempt(database_url, "backfill", "run-1") as other:
        claimed, refused = pulls.claim(connection, other, [KEY])
    assert not claimed
    assert refused[KEY].startswith(f"already being pulled by attempt {attempt.attempt_id} since ")


CLAIM_AND_HANG = """
import sys, datetime
from warehouse.ingestion import pulls
from warehouse.database.connect import Role, connect
url = sys.stdin.readline().strip()
key = pulls.PullKey("vapi", "acme", "acme", datetime.date(2026, 10, 1))
with connect(url, Role.LOADER, autocommit=True) as connection, pulls.open_attempt(url, "cli") as attempt:
    claimed, _ = pulls.claim(connection, attempt, [key])
    print(claimed[key], flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_loses_its_claim_to_the_next_attempt(
    connection: psycopg.Connection[Any], attempt: Attempt, database_url: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM_AND_HANG], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(database_url + "\n")
        process.stdin.flush()
        dead = int(process.stdout.readline())
        assert pulls.claim(connection, attempt, [KEY])[0] == {}
        (holder,) = connection.execute(
            "select pid from pg_locks where locktype = 'advisory' and classid = 7733 and objid <> %s",
            [attempt.attempt_id],
        ).fetchall()[0]
        os.kill(process.pid, signal.SIGKILL)
    # The server notices the closed socket in its own time.
    with connect(database_url, Role.OWNER, autocommit=True) as owner:
        while owner.execute("select from pg_stat_activity where pid = %s", [holder]).fetchone() is not None:
            pass
    alive = claim_one(connection, attempt)
    assert states(connection) == [(dead, "failed"), (alive, "reading")]
    assert connection.execute("select cause_code from ledger.pulls where pull_id = %s", [dead]).fetchone() == ("died",)
    with pytest.raises(PullNotPublishable, match="not being read any more"):
        pulls.publish(connection, [PublishedPull(dead, 0, "a")])


def test_what_an_ending_attempt_still_reads_is_marked_interrupted(
    connection: psycopg.Connection[Any], database_url: str
) -> None:
    with pulls.open_attempt(database_url, "cli") as attempt:
        claim_one(connection, attempt)
    assert connection.execute("select state, cause_code from ledger.pulls").fetchall() == [("failed", "interrupted")]


def test_a_failure_keeps_what_was_published_and_is_recorded_once(
    connection: psycopg.Connection[Any], attempt: Attempt, database_url: str, tmp_path: Path
) -> None:
    good = pull_once(connection, attempt, database_url, tmp_path, 1, "a")
    bad = claim_one(connection, attempt)
    assert pulls.fail(connection, bad, "provider_down", "Vapi answered 503 eight times", False, requests=8)
    assert not pulls.fail(connection, bad, "provider_down", "again", False)
    assert pulls.current(connection, [KEY])[KEY].pull_id == good
    recorded = connection.execute("select cause, requests from ledger.pulls where pull_id = %s", [bad]).fetchone()
    assert recorded == ("Vapi answered 503 eight times", 8)


def test_the_platforms_account_and_a_tenants_own_are_two_days(
    connection: psycopg.Connection[Any], attempt: Attempt
) -> None:
    platform = PullKey("vapi", "platform", None, DAY)
    claimed, refused = pulls.claim(connection, attempt, [KEY, platform, KEY])
    assert claimed.keys() == {KEY, platform}
    assert not refused


def test_a_tenant_or_analyst_reads_nothing_of_the_ledger(
    connection: psycopg.Connection[Any], database_url: str
) -> None:
    for role in (Role.TENANT, Role.ANALYST):
        with (
            connect(database_url, role, autocommit=True) as reader,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            reader.execute("select * from ledger.pulls")
