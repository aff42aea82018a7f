"""A key's time is given out once, to whoever asks with it, over any number of connections."""

import pytest

from sources.http.budget import Budget
from warehouse.database.connect import Role, connect
from warehouse.sources.rate_limits import KeyPace, Pacing

KEY = "private-key-0123456789"


@pytest.fixture
def two(database_url: str) -> list[KeyPace]:
    """The same key in two runs."""
    return [of_a_run(database_url, KEY) for _ in range(2)]


def of_a_run(url: str, key: str, provider: str = "vapi") -> KeyPace:
    return Pacing(connect(url, Role.LOADER, autocommit=True)).of(provider, key)


def test_each_takes_time_that_nobody_has(two: list[KeyPace]) -> None:
    first, second = two
    assert first.reserve(100) == 0
    assert 50 < second.reserve(100) <= 100
    assert 150 < first.reserve(100) <= 200


def test_a_pause_holds_back_whoever_asks_with_the_key(two: list[KeyPace]) -> None:
    slept: list[float] = []
    budgets = [Budget(4, pace=pace, sleep=slept.append) for pace in two]
    budgets[0].pause(200)
    with budgets[1].slot():
        pass
    assert [150 < seconds <= 200 for seconds in slept] == [True]


def test_another_key_and_another_provider_wait_for_nothing(database_url: str, two: list[KeyPace]) -> None:
    two[0].pause(200)
    assert of_a_run(database_url, "another-key-0123456789").reserve(1) == 0
    assert of_a_run(database_url, KEY, "voiceflow").reserve(1) == 0


def test_whoever_died_or_set_a_clock_wrong_holds_nobody_up_for_long(two: list[KeyPace]) -> None:
    dead, alive = two
    dead.reserve(10)
    dead.connection.close()
    assert alive.reserve(0) <= 10
    alive.pause(10**6)
    assert alive.reserve(0) <= 300


def test_the_key_cannot_be_read_from_it(two: list[KeyPace]) -> None:
    two[0].reserve(1)
    stored = two[0].connection.execute("select provider, key_fingerprint from ledger.request_paces").fetchall()
    assert [(provider, len(fingerprint)) for provider, fingerprint in stored] == [("vapi", 8)]
    assert KEY.encode()[:8] != stored[0][1]
