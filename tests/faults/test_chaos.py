"""A few strikes of the soak (`python -m tests.faults.chaos`), of each kind one; afterwards the books are true."""

import pytest

from tests.faults.chaos import EVENTS_OF_A_STRIKE, deployment, prove

STRIKES = (
    "failover",
    "everybody cut off",
    "worker killed",
    "worker without memory",
    "serve killed",
    "PostgreSQL without disk",
    "clock an hour behind",
    "a day of outage",
)


@pytest.mark.timeout(900)
def test_whatever_breaks_under_it_the_books_are_true_afterwards() -> None:
    with deployment(seed=1, events=len(STRIKES) * EVENTS_OF_A_STRIKE) as chaos:
        for name in STRIKES:
            if name in chaos.strikes():
                chaos.strike(name)
        prove(chaos)
