"""A part of `python -m tests.intake.simulate`: clients repeat, processes are killed, the server crashes."""

from tests.conftest import FAST_AND_LOOSE
from tests.intake.simulate import Story, database, run


def test_whatever_is_killed_each_event_is_taken_once_and_its_answer_is_true() -> None:
    story = Story(1, events=6_000, connections=16, kills=4, restarts=2)
    with database(FAST_AND_LOOSE) as (url, home):
        run(story, url, home)
    assert sum(story.ends.values()) > 4, "none was killed"
    assert story.repeated > 0
