"""How fast Stripe is asked: a bound that all threads of a run share."""

import threading
import time
from collections.abc import Callable


class Rate:
    """At most per_second calls a second, evenly spaced; a short burst after idleness is let through.

    Stripe's limit for meter events is 1,000 a second per live account, and its basic limit (100 live, 25 in test mode)
    holds for everything else: https://docs.stripe.com/rate-limits.
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / per_second
        self._burst = 0.05
        self._clock = clock
        self._sleep = sleep
        self._next = clock()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next call may be made."""
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - self._burst)
            self._next = turn + self._interval
        if turn > now:
            self._sleep(turn - now)
