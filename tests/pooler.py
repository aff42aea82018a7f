"""A real PgBouncer in front of the tests' server; skipped by name where it cannot be had, but in CI."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.deploy.tools import in_ci
from warehouse.database import lifetime

INSTALL = Path(__file__).parents[1] / ".ci" / "install-pgbouncer"
_SECONDS = 20


@contextmanager
def pooled(url: str, mode: str, **settings: str) -> Iterator[str]:
    """The address of url through a pooler in this mode, with further settings of it."""
    address = make_url(url)
    with tempfile.TemporaryDirectory(prefix="minutebook-pooler-") as name:
        folder, port = Path(name), _free_port()
        password = str(address.password or "")
        (folder / "users").write_text(f'"{address.username}" "{password}"\n')
        lines = {
            "listen_addr": "127.0.0.1", "listen_port": str(port), "unix_socket_dir": "", "auth_type": "plain",
            "auth_file": str(folder / "users"), "pool_mode": mode, "default_pool_size": "20", **settings,
        }  # fmt: skip
        if os.geteuid() == 0:  # as which it refuses to run
            lines["user"] = "nobody"
            folder.chmod(0o755)
        (folder / "ini").write_text(
            f"[databases]\n* = host={address.host} port={address.port}\n[pgbouncer]\n"
            + "".join(f"{name} = {value}\n" for name, value in lines.items())
        )
        command = [_executable(), "-q", str(folder / "ini")]
        with (folder / "log").open("w") as log, lifetime.group(command, stdout=log, stderr=log):
            _wait(port, folder / "log")
            yield address.set(port=port).render_as_string(hide_password=False)


@cache
def _executable() -> str:
    must_be_had = in_ci()
    if _found() is None and (must_be_had or os.geteuid() == 0):
        subprocess.run([INSTALL], check=must_be_had, capture_output=True, timeout=300)
    found = _found()
    if found is None:
        pytest.skip("PgBouncer is not installed: .ci/install-pgbouncer")
    return found


def _found() -> str | None:
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _wait(port: int, log: Path) -> None:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"PgBouncer does not listen: {log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
