"""A part of `python -m tests.outgoing.simulate`: writers and senders are killed at each step, receivers misbehave."""

from tests.outgoing.simulate import Story, run


def test_whatever_is_killed_each_fact_reaches_each_receiver_in_order_and_none_is_invented(database_url: str) -> None:
    story = Story(1, facts=600, lives=6, writer_kills=2)
    run(story, database_url)
    assert story.ends["-9"] >= 6, story.ends
