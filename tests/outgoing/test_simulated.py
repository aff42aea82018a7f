"""A part of `python -m tests.outgoing.simulate`: writers and senders are killed at each step, receivers misbehave."""

from tests.conftest import FAST_AND_LOOSE
from tests.intake.simulate import database
from tests.outgoing.simulate import Story, run


def test_whatever_is_killed_each_fact_reaches_each_receiver_in_order_and_none_is_invented() -> None:
    story = Story(1, facts=600, lives=6, writer_kills=2)
    with database(FAST_AND_LOOSE) as (url, _):
        run(story, url)
    assert story.ends["-9"] >= 6, story.ends
