"""In whose name strangers are asked to sign in, by the host they asked for, without asking the database each time."""

import time
from collections.abc import Callable
from threading import Lock

from orchestration.web.server.readers import Readers
from warehouse.database.queries import Row
from warehouse.statements import issuing

SECONDS = 60.0


class Brands:
    """The brands that who has not signed in may see, as old as SECONDS; clock gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._of_hosts: dict[str, Row] = {}
        self._deployment: Row | None = None
        self._until = float("-inf")

    def at(self, host: str, readers: Readers) -> Row | None:
        """The brand of that host, else the deployment's; None where there is neither."""
        with self._lock:
            if self._clock() >= self._until:
                with readers.door() as connection:
                    rows = issuing.at_the_door(connection)
                self._of_hosts = {row["host"]: row for row in rows if row["host"]}
                self._deployment = next((row for row in rows if row["tenant_id"] is None), None)
                self._until = self._clock() + SECONDS
            return self._of_hosts.get(host, self._deployment)
