"""What is counted of a checkpointer's tables is what generated graphs did, by the record kept beside them."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver

from sources.day import Access, Day
from sources.langgraph import WORKFLOWS
from sources.personal import Choices, Keep
from tests.conftest import own_database
from tests.workflows.generated import DURABILITIES, Record, Story

SEEDS = range(12)
ALL = Choices(Keep.KEPT, Keep.KEPT, Keep.KEPT)


@pytest.fixture(scope="module")
def saver_url(postgres_server: str) -> Iterator[str]:
    """A database with the checkpointer's own tables, made by the library."""
    with own_database(postgres_server, "template0") as url:
        with PostgresSaver.from_conn_string(url) as saver:
            saver.setup()
        yield url


def counted(url: str) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """What all days of the tables add up to, by item and kind of token: by tenant, and by thread."""
    by_tenant: dict[str, Counter[str]] = defaultdict(Counter)
    by_thread: dict[str, Counter[str]] = defaultdict(Counter)
    with psycopg.connect(url) as connection:
        days = connection.execute("select distinct left(checkpoint ->> 'ts', 10) from checkpoints").fetchall()
    client = WORKFLOWS.connect(Access(url, {}))
    try:
        for (day,) in days:
            read = WORKFLOWS.read(client, Day(date.fromisoformat(day), choices=ALL, choices_of=lambda scopes: ALL))
            assert not read.quarantined, read.quarantined
            for row in read.table.to_pylist():
                item = row["item"]
                kind = json.loads(row["attributes"]).get("kind", item)
                by_tenant[row["scope_ref"]][kind] += int(row["quantity"])
                for thread in json.loads(row["payload"])["threads"]:
                    by_thread[thread["thread_id"]][kind] += int(thread["quantity"])
    finally:
        client.close()
    return by_tenant, by_thread


@pytest.mark.parametrize("durability", DURABILITIES)
@pytest.mark.parametrize("seed", SEEDS)
def test_invocations_and_supersteps_are_those_that_ran_and_tokens_never_more(
    saver_url: str, seed: int, durability: str
) -> None:
    with PostgresSaver.from_conn_string(saver_url) as saver:
        for one in list(saver.list(None)):
            saver.delete_thread(one.config["configurable"]["thread_id"])
        story = Story(seed, saver, durability)
        story.run()
    by_tenant, by_thread = counted(saver_url)
    for thread_id, record in story.records.items():
        found, told = by_thread[thread_id], f"seed {seed} {durability}, {story.kinds}, {thread_id}: {record}"
        assert found["invocations"] == record.invocations, told
        of_root = sum(not inside for _, inside, _ in record.steps)
        if durability == "exit":  # steps of a sub-graph may be in no table
            assert of_root <= found["supersteps"] <= len(record.steps), told
        else:
            assert found["supersteps"] == len(record.steps), told
        assert found["sleeps"] <= record.sleeps, told
        for kind in ("input", "cache_read", "output"):
            assert found[kind] <= record.said[kind], told
            if durability != "exit" and not record.forks:
                assert found[kind] == record.said[kind], told
    for tenant in ("acme", "birch"):
        records = [one for one in story.records.values() if one.tenant == tenant]
        assert by_tenant[tenant]["invocations"] == sum(one.invocations for one in records)
        assert by_tenant[tenant]["threads_started"] == len(records)


def test_a_deleted_thread_lowers_its_day_by_what_it_did_and_no_more(saver_url: str) -> None:
    with PostgresSaver.from_conn_string(saver_url) as saver:
        for one in list(saver.list(None)):
            saver.delete_thread(one.config["configurable"]["thread_id"])
        story = Story(1, saver, "sync")
        story.run()
        before, by_thread = counted(saver_url)
        gone = next(thread_id for thread_id, record in story.records.items() if record.tenant == "acme")
        saver.delete_thread(gone)
    after, left = counted(saver_url)
    assert before["acme"] - after["acme"] == by_thread[gone]
    assert after["birch"] == before["birch"]
    assert gone not in left


def test_the_record_holds_something(saver_url: str) -> None:
    """The seeds above are not all of the same kind: some sleep, fork, fail, have sub-graphs and hidden answers."""
    seen: Counter[str] = Counter()
    with PostgresSaver.from_conn_string(saver_url) as saver:
        for seed in SEEDS:
            story = Story(seed, saver, "sync")
            seen.update(story.kinds)
            story.run()
            records: list[Record] = list(story.records.values())
            seen.update({"slept": sum(one.sleeps for one in records), "forked": sum(one.forks for one in records)})
            seen.update({"edited": sum(one.updates for one in records), "failed": len(story.failed)})
    assert {kind for kind, count in seen.items() if not count} == set()
    assert {"sub-graph", "beside", "waits", "keeps", "slept", "forked", "edited", "failed"} <= set(seen)
