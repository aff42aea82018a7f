"""The API in a process of its own that kills itself at a moment of its seed: `python -m tests.intake.served_alone`.

It reads its database from the environment, serves the socket that it was given (on the command line: its number), and
dies while it keeps events or a report: before they are written, before they are committed, or after that and before the
answer; or it is asked to end.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from orchestration.intake import application
from orchestration.intake import events as endpoint
from orchestration.intake import hooks as address
from orchestration.settings import Settings
from orchestration.web.server.readers import Readers
from orchestration.web.server.serving import server_of
from tests.intake.served import unlimited
from warehouse.intake import events as stored
from warehouse.intake import hooks as reported
from warehouse.intake.events import Event

STAGES = ("received", "written", "committed", "ended")


def main(listening: socket.socket, seed: int, longest_life: int) -> None:
    """Serve until the seed's moment: at most `longest_life` transactions; 0: until it is asked to end."""
    random = Random(seed)
    stage, left = random.choice(STAGES), random.randint(1, longest_life) if longest_life else 0
    take, store = stored.take, endpoint.Events._store
    take_report, keep_report = reported.take, address.Hooks._kept

    def at(moment: str) -> None:
        if left == 0 and longest_life and moment == stage:
            os.kill(os.getpid(), signal.SIGTERM if stage == "ended" else signal.SIGKILL)

    def taken(connection: Any, arrivals_of: str, events: Sequence[Event]) -> dict[int, str]:
        outcomes = take(connection, arrivals_of, events)
        at("written")
        return outcomes

    def taken_report(*arguments: Any) -> bool:
        is_new = take_report(*arguments)
        at("written")
        return is_new

    def dying(keep: Callable[..., Any]) -> Callable[..., Any]:
        def kept(*arguments: Any) -> Any:
            nonlocal left
            left = max(0, left - 1)
            at("received")
            outcome = keep(*arguments)
            at("committed")
            at("ended")
            return outcome

        return kept

    stored.take = taken
    reported.take = taken_report  # type: ignore[assignment]
    endpoint.Events._store = dying(store)  # type: ignore[method-assign]
    address.Hooks._kept = dying(keep_report)  # type: ignore[method-assign]
    settings = Settings.from_environment()
    readers = Readers(settings)
    with listening:
        server_of(application(settings, readers, limits=unlimited()), log_level="critical").run(sockets=[listening])
    readers.close()


if __name__ == "__main__":
    descriptor, *bounds = map(int, sys.argv[1:])
    main(socket.socket(fileno=descriptor), *bounds)
