"""What runs on a moved date sees it everywhere, and waits in real time."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.moved.__main__ import leap_day, seconds_to

ROOT = Path(__file__).parents[2]
A_TEST = """
import datetime, threading, time
import psycopg

def test_all_see_the_date_and_wait_in_real_time(postgres_server):
    with psycopg.connect(postgres_server) as connection:
        ((at_the_server,),) = connection.execute("select current_date").fetchall()
    assert at_the_server == datetime.date(2028, 2, 29) == datetime.datetime.now(datetime.UTC).date()
    started = time.monotonic()
    time.sleep(0.01)
    threading.Event().wait(0.01)
    condition = threading.Condition()
    with condition:
        condition.wait(0.01)
    assert time.monotonic() - started < 5
"""

AN_EVENING = """
from datetime import UTC, datetime

STARTED = datetime.now(UTC)

def test_midnight_is_hours_away_and_the_day_is_the_evenings():
    assert STARTED.date().isoformat() == "2026-12-31" and STARTED.hour in range(6, 12)
"""


def test_days_and_moments_are_told_apart() -> None:
    assert seconds_to("+60") == 60 * 86_400
    assert seconds_to("2028-02-29") - seconds_to("2028-02-28") in range(86_398, 86_402)
    assert leap_day(date(2026, 11, 30)) == leap_day(date(2027, 2, 28)) == date(2028, 2, 29)
    assert leap_day(date(2027, 3, 1)) == leap_day(date(2028, 2, 29)) == date(2032, 2, 29)
    assert seconds_to("2026-12-31T23:59") - seconds_to("2026-12-31T00:00") in range(86_338, 86_342)


@pytest.mark.parametrize(("date", "text"), [("2028-02-29", A_TEST), ("2026-12-31T23:55", AN_EVENING)])
def test_all_see_the_moved_date_and_no_session_passes_midnight(tmp_path: Path, date: str, text: str) -> None:
    file = tmp_path / "test_moved_for_once.py"
    file.write_text(text)
    ours = ["-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest", "-p", "no:cacheprovider", "-n", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.moved", date, "-q", *ours, str(file)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [[], ["+0", "--no-such-option"]])
def test_what_cannot_run_fails(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "tests.moved", *arguments], cwd=ROOT, capture_output=True)
    assert done.returncode == 1
