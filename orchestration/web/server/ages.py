"""Ends what is older than it may be.

Loans, since PostgreSQL bounds a whole transaction from 17 on only; and transactions of logins that read by themselves,
since a login may change the settings that bound it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import structlog

Connection = psycopg.Connection[Any]
_LOOK_EVERY = 1.0
_OTHERS_EVERY = 15.0
_LOG = structlog.get_logger(__name__)


class Ages:
    """Watches loans until it is closed; end_others is called now and then, and its failures go to the log."""

    def __init__(self, end_others: Callable[[], None]) -> None:
        self._end_others = end_others
        self._deadlines: dict[Connection, float] = {}
        self._is_over = threading.Event()
        self._watching: threading.Thread | None = None
        self._lock = threading.Lock()

    @contextmanager
    def lent(self, connection: Connection, seconds: float) -> Iterator[None]:
        """A loan that ends so many seconds from now: what runs on it then is cancelled, again and again."""
        with self._lock:
            self._deadlines[connection] = time.monotonic() + seconds
            if self._watching is None:
                self._is_over.clear()
                self._watching = threading.Thread(target=self._watch, name="ages of loans", daemon=True)
                self._watching.start()
        try:
            yield
        finally:
            with self._lock:
                self._deadlines.pop(connection, None)

    def close(self) -> None:
        """Cancel what runs, and watch no more until something is lent again."""
        with self._lock:
            watching, self._watching = self._watching, None
            lent = list(self._deadlines)
        self._is_over.set()
        for connection in lent:
            _cancel(connection)
        if watching is not None and watching is not threading.current_thread():
            watching.join(5)

    def _watch(self) -> None:
        others_at = time.monotonic()
        while not self._is_over.wait(_LOOK_EVERY):
            now = time.monotonic()
            with self._lock:
                old = [connection for connection, deadline in self._deadlines.items() if deadline < now]
            for connection in old:
                _cancel(connection)
            if now >= others_at:
                others_at = now + _OTHERS_EVERY
                try:
                    self._end_others()
                except Exception as error:  # noqa: BLE001 - the next look may do better
                    _LOG.warning("old transactions of readers were not looked for", problem=type(error).__name__)


def _cancel(connection: Connection) -> None:
    with suppress(psycopg.Error):
        connection.cancel_safe(timeout=1)
