"""Files on their way to somebody: read from the database first and sent afterwards, so that no reader holds a loan.

They have no name on disk, so whatever ends the process leaves nothing behind; their number and size are bounded.
"""

import errno
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import IO

from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from orchestration.web.server.turns import Crowded

OPEN_PER_LOGIN = 3
LARGEST_BYTES = 2 * 2**30
LARGEST_TOGETHER = 8 * 2**30
_CHUNK = 256 * 1024


class Spools:
    """All files that are being sent."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: Counter[str] = Counter()
        self._bytes = 0

    @contextmanager
    def filling(self, login: str) -> Iterator["Spool"]:
        """A file to be filled and sent; closed here unless it was filled whole. Raises Crowded."""
        with self._lock:
            if self._open[login] >= OPEN_PER_LOGIN:
                raise Crowded(429, f"{OPEN_PER_LOGIN} downloads of yours are still being sent: let one end first.", 10)
            self._open[login] += 1
        spool = Spool(self, login)
        try:
            yield spool
        except BaseException:
            spool.close()
            raise

    def grown(self, size: int, by: int) -> None:
        """Count bytes about to be written to a file of this size. Raises HTTPException 413, Crowded."""
        if size + by > LARGEST_BYTES:
            raise HTTPException(413, "That is larger than one download may be: choose fewer days.")
        with self._lock:
            if self._bytes + by > LARGEST_TOGETHER:
                raise Crowded(503, "Too much is being downloaded at once: try again soon.", 30)
            self._bytes += by

    def closed(self, login: str, size: int) -> None:
        """A file of this size is gone."""
        with self._lock:
            self._bytes -= size
            self._open[login] -= 1
            if not self._open[login]:
                del self._open[login]


class Spool:
    """One such file."""

    def __init__(self, spools: Spools, login: str) -> None:
        self._spools = spools
        self._login = login
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="minutebook-download-")  # noqa: SIM115  closed by close
        self.size = 0

    def write(self, data: bytes) -> None:
        """Add to it. Raises HTTPException 413, Crowded, which it also is where the disk is full."""
        self._spools.grown(self.size, len(data))
        self.size += len(data)
        try:
            write_into(self._file, data)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise Crowded(503, "There is no room left for downloads here: try again later.", 60) from None

    def chunks(self) -> Iterator[bytes]:
        """All of it, from the start."""
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk

    def close(self) -> None:
        """Give its room back."""
        if not self._file.closed:
            self._file.close()
            self._spools.closed(self._login, self.size)


def write_into(file: IO[bytes], data: bytes) -> None:
    """What a full disk refuses."""
    file.write(data)


class SpoolResponse(StreamingResponse):
    """Sends a spool under a file name, and closes it however that ends."""

    def __init__(self, spool: Spool, media_type: str, filename: str) -> None:
        headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Content-Length": str(spool.size)}
        super().__init__(spool.chunks(), media_type=media_type, headers=headers)
        self._spool = spool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._spool.close()
