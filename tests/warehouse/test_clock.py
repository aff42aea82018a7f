"""The one clock: what it shows, and that nothing of the product reads another."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from warehouse import clock

ROOT = Path(__file__).parents[2]
NEW_YEAR = datetime(2027, 12, 31, 23, 59, tzinfo=UTC)


def test_unmoved_it_shows_the_machines_time() -> None:
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.now().tzinfo is UTC


def test_moved_it_goes_on_from_there_here_and_in_the_processes_that_are_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(clock.OFFSET, clock.offset_to(NEW_YEAR))
    assert timedelta(0) <= clock.now() - NEW_YEAR < timedelta(seconds=30)
    child = subprocess.run(
        [sys.executable, "-c", "from warehouse import clock; print(clock.now().isoformat())"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert timedelta(0) <= datetime.fromisoformat(child.stdout.strip()) - NEW_YEAR < timedelta(minutes=2)


def test_nothing_of_the_product_takes_the_day_from_elsewhere() -> None:
    other = re.compile(r"datetime\.(now|utcnow)\(|date\.today\(|time\.time\(\)")
    may_read_the_machine = {
        "warehouse/clock.py",
        "sources/http/answers.py",  # Retry-After is in real time
        "warehouse/database/backup.py",  # a copy is named by the time of the server, by which it is restored
    }
    found = {
        str(path.relative_to(ROOT))
        for folder in ("orchestration", "sources", "warehouse")
        for path in (ROOT / folder).rglob("*.py")
        if other.search(path.read_text())
    }
    assert found <= may_read_the_machine
