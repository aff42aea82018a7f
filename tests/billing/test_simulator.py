"""A fast subset of `python -m tests.billing.simulate`, which runs a thousand seeds."""

import psycopg
import pytest

from tests.billing.simulate import run_seed


@pytest.mark.parametrize("seed", range(1, 9))
def test_marts_postings_and_stripe_agree_after_whatever_happened(database_url: str, seed: int) -> None:
    story = run_seed(database_url, seed, processes=False)
    assert story.runs
    assert story.sent


def test_they_agree_after_runs_that_were_killed_by_the_system(database_url: str) -> None:
    story = run_seed(database_url, 10, processes=True)
    assert story.kills
    with psycopg.connect(database_url) as connection:
        left = connection.execute("select count(*) from ledger.postings where state = 'pending'").fetchone()
    assert left == (0,)
