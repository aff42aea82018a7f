"""What a stretch of work cost: seconds on the wall, processor seconds by whose they are, and the most memory held."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

BOUND_MISSED = 3  # exit code of a benchmark that ran to its end, its results right and a bound missed


@dataclass
class Cost:
    """Seconds; `own` is this process's with all its threads, `server` PostgreSQL's, `beside` another process's."""

    wall: float = 0.0
    own: float = 0.0
    server: float = 0.0
    beside: float = 0.0


@contextmanager
def measured(home: Path, beside: int | None = None) -> Iterator[Cost]:
    """The cost of the block, known when it has ended. home is that of the embedded server; beside is a process id.

    Processor seconds are told because they hold on a busy machine, where the wall's do not.
    """
    postmaster = psutil.Process(int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0]))
    other = psutil.Process(beside) if beside else None

    def now() -> tuple[float, float, float, float]:
        return time.perf_counter(), time.process_time(), _of_family(postmaster), _busy(other) if other else 0.0

    cost, before = Cost(), now()
    yield cost
    cost.wall, cost.own, cost.server, cost.beside = (after - then for after, then in zip(now(), before, strict=True))


def verdict(*held: bool) -> int:
    """The exit code of a benchmark that ran to its end, by whether each of its bounds held; a miss is said aloud.
    A busy machine misses bounds of seconds on the wall: a miss is a reason to look, an error is another exit code."""
    if all(held):
        return 0
    print(f"MISSED: {held.count(False)} of {len(held)} bounds")
    return BOUND_MISSED


def most_memory() -> float:
    """MiB this process held at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _of_family(parent: psutil.Process) -> float:
    """Of a process and its children; the dead move from one account to the other, so none may die meanwhile."""
    while True:
        children = parent.children()
        try:
            seconds = sum(map(_busy, children))
        except psutil.NoSuchProcess:
            continue
        times = parent.cpu_times()
        if children == parent.children():
            return float(seconds + times.user + times.system + times.children_user + times.children_system)


def _busy(process: psutil.Process) -> float:
    times = process.cpu_times()
    seconds: float = times.user + times.system
    return seconds
