"""A TCP forwarder that stands for a network: while it is cut, nothing arrives and nobody is told."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PIECE = 65_536


class Link:
    """Forwards from `address` to a port of this machine."""

    def __init__(self, to_port: int, host: str = "127.0.0.1", port: int = 0) -> None:
        self._to = to_port
        self._is_whole = threading.Event()
        self._is_whole.set()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server((host, port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lead_to(self, port: int) -> None:
        """From now on it leads elsewhere; what was open is reset."""
        self._to = port
        self._drop()

    def cut(self) -> None:
        """From now on bytes are lost without a word."""
        self._is_whole.clear()

    def heal(self) -> None:
        """New connections arrive again; those that were cut are reset, as their peers have long forgotten them."""
        self._drop()
        self._is_whole.set()

    def close(self) -> None:
        self._listener.close()
        self._is_whole.set()
        self._drop()

    def _drop(self) -> None:
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(here,), daemon=True).start()

    def _connect(self, here: socket.socket) -> None:
        self._open.append(here)
        self._is_whole.wait()
        try:
            there = socket.create_connection(("127.0.0.1", self._to), timeout=10)
        except OSError:
            here.close()
            return
        there.settimeout(None)
        self._open.append(there)
        for ends in ((here, there), (there, here)):
            threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                self._is_whole.wait()
                target.sendall(piece)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def link(to_port: int, host: str = "127.0.0.1", port: int = 0) -> Iterator[Link]:
    """A whole link, until the context ends."""
    made = Link(to_port, host, port)
    try:
        yield made
    finally:
        made.close()
