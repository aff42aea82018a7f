"""How hard one provider account may be asked at once: by the threads of a run, and by all runs together."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

# Starts are taken this far ahead (seconds), so that whoever shares them is asked once a second and not once a request.
LEASE = 1.0


class Pace(Protocol):
    """Time of a key, given out piece by piece to whoever asks with it. Seconds."""

    def reserve(self, seconds: float) -> float:
        """Take the next `seconds` that nobody has; gives how long it is from now until they begin."""

    def pause(self, seconds: float) -> None:
        """Nothing that is taken from now on begins sooner than this."""


class OwnPace:
    """The time of a key that nobody else asks with."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._next = clock()

    def reserve(self, seconds: float) -> float:
        now = self._clock()
        start = max(self._next, now)
        self._next = start + seconds
        return start - now

    def pause(self, seconds: float) -> None:
        self._next = max(self._next, self._clock() + seconds)


class Turns:
    """At most `per_second` calls are begun, evenly spaced; without a rate, none waits but for a pause.

    `pace` is shared with whoever else calls with the key; without one, nobody is thought to. `clock` gives seconds and
    `sleep` waits for some: both can be replaced, so that tests need not wait. Any thread may wait for a turn.
    """

    def __init__(
        self,
        per_second: float | None = None,
        *,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._spacing = 1 / per_second if per_second else 0.0
        self._starts = max(1, round(LEASE / self._spacing)) if self._spacing else 0  # of a lease
        self._pace = pace or OwnPace(clock)
        self._lock = threading.Lock()
        self._first = self._end = 0.0
        self._taken = 0
        self.clock = clock
        self.sleep = sleep

    def wait(self) -> None:
        """Return when the next call may begin."""
        with self._lock:
            start = self._next_start()
        if (seconds := start - self.clock()) > 0:
            self.sleep(seconds)

    def pause(self, seconds: float) -> None:
        """No call begins for this long: the provider demanded it (Retry-After), of the key and not of the thread.
        Other runs hear of it within LEASE.
        """
        with self._lock:
            self._pace.pause(seconds)
            self._end = 0.0

    def _next_start(self) -> float:
        now = self.clock()
        if self._spacing:
            # A turn whose time has passed unused is nobody's: kept, it would let two follow each other too closely.
            turn = max(self._taken, int((now - self._first) / self._spacing))
            if turn >= self._starts or not self._end:
                self._lease(now)
                turn = 0
            self._taken = turn + 1
            return max(now, self._first + turn * self._spacing)
        if now >= self._end:
            self._lease(now)
        return max(now, self._first)

    def _lease(self, now: float) -> None:
        self._first = now + self._pace.reserve(self._starts * self._spacing)
        self._end = self._first + LEASE


class Budget:
    """At most `concurrency` requests in flight, each begun in its turn; a pause holds back all. Options as of Turns."""

    def __init__(
        self,
        concurrency: int,
        per_second: float | None = None,
        *,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._slots = threading.BoundedSemaphore(concurrency)
        self._turns = Turns(per_second, pace=pace, clock=clock, sleep=sleep)
        self.clock = clock
        self.sleep = sleep
        self.pause = self._turns.pause

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Waits for a free slot, then for its turn, and holds the slot for the length of the block."""
        with self._slots:
            self._turns.wait()
            yield
