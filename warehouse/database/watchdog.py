"""Stops an embedded server once nobody holds it: whoever held it may have been killed, and could not."""

import fcntl
import os
import signal
import sys
import time
from pathlib import Path

_SECONDS = 60


def main(folder: Path) -> None:
    """Wait until the last holder is gone, then stop the server of the folder, unless somebody took it up meanwhile."""
    with (folder / "holders.lock").open("a") as holders, (folder / "gate.lock").open("a") as gate:
        while True:
            fcntl.flock(holders, fcntl.LOCK_EX)
            fcntl.flock(holders, fcntl.LOCK_UN)  # who starts or joins takes the gate first, and this one second
            fcntl.flock(gate, fcntl.LOCK_EX)
            try:
                fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                fcntl.flock(gate, fcntl.LOCK_UN)
            else:
                _stop(folder / "data")
                return


def _stop(data: Path) -> None:
    try:
        server = int((data / "postmaster.pid").read_text().split()[0])
        if Path(f"/proc/{server}").exists() and Path(f"/proc/{server}/cwd").resolve() != data:
            return  # another process got its number
        os.kill(server, signal.SIGINT)  # fast: it ends its sessions and leaves the data in order
    except (OSError, ValueError, IndexError):
        return  # stopped already
    until = time.monotonic() + _SECONDS
    while (data / "postmaster.pid").exists() and time.monotonic() < until:
        time.sleep(0.1)


if __name__ == "__main__":
    if os.fork():
        os._exit(0)  # nobody waits for it, whoever started it
    main(Path(sys.argv[1]))
