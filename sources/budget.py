"""How hard one provider account may be asked at once, by all threads together."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Budget:
    """At most `concurrency` requests in flight and, if given, `per_second` of them started; a pause holds back all
    threads.

    `clock` gives seconds and `sleep` waits for some: both can be replaced, so that tests need not wait.
    """

    def __init__(
        self,
        concurrency: int,
        per_second: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._slots = threading.BoundedSemaphore(concurrency)
        self._spacing = 1 / per_second if per_second else 0.0
        self._turn = threading.Lock()
        self._next_start = 0.0
        self.clock = clock
        self.sleep = sleep

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Waits for its turn, then for a free slot, and holds the slot for the length of the block."""
        with self._turn:
            start = max(self._next_start, self.clock())
            self._next_start = start + self._spacing
        if (wait := start - self.clock()) > 0:
            self.sleep(wait)
        with self._slots:
            yield

    def pause(self, seconds: float) -> None:
        """No request starts for this long: the provider asked for it (Retry-After), and it asked the key, not the
        thread.
        """
        with self._turn:
            self._next_start = max(self._next_start, self.clock() + seconds)
