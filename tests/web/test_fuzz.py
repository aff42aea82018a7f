"""A few hundred requests of the fuzzer, of which `make soak` sends 100,000."""

from pathlib import Path

from tests.web.fuzz import fuzzed

REQUESTS = 600


def test_no_request_is_our_error_and_503_says_when_to_come_again(story_url: str, tmp_path: Path) -> None:
    with fuzzed(story_url, tmp_path, seed=7) as (fuzzer, clients, tokens):
        outcome = fuzzer.run(clients, tokens, REQUESTS)
    assert outcome.faults == []
    assert {200, 303, 400, 403, 404} <= set(outcome.statuses)
    assert sum(outcome.statuses.values()) > REQUESTS * 0.9
