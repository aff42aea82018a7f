"""A fast subset of `python -m tests.stripe_billing.simulate`, which runs a thousand seeds."""

import psycopg
import pytest

from tests.conftest import own_database
from tests.stripe_billing.simulate import run_seed


@pytest.mark.parametrize(("seed", "reads_today"), [(1, True), (2, False), (3, False), (4, True)])
def test_postings_and_items_bill_what_the_marts_say_after_whatever_happened(
    database_url: str, seed: int, reads_today: bool
) -> None:
    story = run_seed(database_url, seed, processes=False)
    assert story.runs
    assert story.sent
    assert bool(story.in_progress) is reads_today


def test_they_do_after_runs_that_were_killed_by_the_system(database_url: str) -> None:
    story = run_seed(database_url, 20, processes=True)
    assert story.kills
    with psycopg.connect(database_url) as connection:
        left = connection.execute("select count(*) from ledger.postings where state = 'pending'").fetchone()
    assert left == (0,)


def test_they_do_with_real_threads(database_url: str) -> None:
    assert run_seed(database_url, 5, processes=False, with_threads=True).sent


def test_a_seed_does_the_same_again_call_by_call(postgres_server: str) -> None:
    calls = []
    for _ in range(2):
        with own_database(postgres_server) as url:
            calls.append(run_seed(url, 6, processes=False).calls)
    assert calls[0] == calls[1]
    assert len(calls[0]) > 100
