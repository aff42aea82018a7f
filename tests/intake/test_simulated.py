"""A part of `python -m tests.intake.simulate`: clients repeat, processes are killed, the server crashes."""

from tests.conftest import FAST_AND_LOOSE
from tests.intake.simulate import Story, database, report, run


def test_whatever_is_killed_each_event_is_taken_once_and_its_answer_is_true() -> None:
    story = Story(1, events=6_000, connections=16, kills=4, restarts=2)
    with database(FAST_AND_LOOSE) as (url, home):
        run(story, url, home)
    assert sum(story.ends.values()) > 4, "none was killed"
    assert story.repeated > 0


def test_whatever_is_killed_each_report_is_kept_once_and_none_that_was_answered_is_lost() -> None:
    story = Story(2, events=400, connections=8, kills=2, restarts=1)
    with database(FAST_AND_LOOSE) as (url, home):
        report(story, url, home)
    assert sum(story.ends.values()) > 2, "none was killed"
    assert story.repeated > 0
