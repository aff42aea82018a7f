"""A part of `python -m tests.intake.simulate`: clients repeat, processes are killed, the server crashes."""

from pathlib import Path

from tests.intake.simulate import Story, report, run


def test_whatever_is_killed_each_event_is_taken_once_and_its_answer_is_true(database_url: str, tmp_path: Path) -> None:
    story = Story(1, events=6_000, connections=16, kills=4, restarts=2)
    run(story, database_url, tmp_path)
    assert sum(story.ends.values()) > 4, "none was killed"
    assert story.repeated > 0


def test_whatever_is_killed_each_report_is_kept_once_and_none_that_was_answered_is_lost(
    database_url: str, tmp_path: Path
) -> None:
    story = Story(2, events=400, connections=8, kills=2, restarts=1)
    report(story, database_url, tmp_path)
    assert sum(story.ends.values()) > 2, "none was killed"
    assert story.repeated > 0
