"""How long a command takes to start: help of the root, and a command that reads the database, beside Python itself.

python -m tests.benchmarks.serving.starting [runs of each, default 15]
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from orchestration.installing import install
from tests.benchmarks._measuring import verdict
from warehouse.database.embedded import running

BARE = [sys.executable, "-c", "import typer.rich_utils"]
MINUTEBOOK = [sys.executable, "-c", "from orchestration.cli import main; main()"]
MOST_SECONDS = {"--help": 0.3, "tenant list": 0.8}
MASTER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def measure(command: list[str], environment: dict[str, str], runs: int) -> tuple[float, float]:
    """Medians over the runs: seconds on the wall, and of our processor time."""
    wall, busy = [], []
    for _ in range(runs):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, env=environment, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall.append(time.perf_counter() - started)
        busy.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(wall), statistics.median(busy)


def main(runs: int = 15) -> int:
    """Prints each beside the library of the command line alone."""
    with tempfile.TemporaryDirectory(prefix="minutebook-start-") as home, running(Path(home)) as url:
        install(url)
        environment = {**os.environ, "MINUTEBOOK_HOME": home, "MINUTEBOOK_DATABASE_URL": url}
        environment["MINUTEBOOK_MASTER_KEYS"] = MASTER_KEY
        bare, bare_busy = measure(BARE, environment, runs)
        print(f"Typer and Rich alone: {bare:.2f} s, {bare_busy:.2f} s of processor time")
        held = []
        for words, most in MOST_SECONDS.items():
            wall, busy = measure([*MINUTEBOOK, *words.split()], environment, runs)
            print(f"minutebook {words}: {wall:.2f} s, {busy:.2f} s of processor time; ratio {busy / bare_busy:.1f}")
            held.append(wall < most)
    return verdict(*held)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
