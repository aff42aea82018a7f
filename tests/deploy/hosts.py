"""Hosts: network namespaces, each joined to this machine by a cable of its own, and Redis between them."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.tools import FOLDER, ROOT, in_ci
from tests.orchestration.test_up import eventually, is_listening
from warehouse.database import lifetime

INSTALL = ROOT / ".ci" / "install-redis"


@dataclass(frozen=True)
class Host:
    """A machine of its own. gateway: this machine's address as it sees it."""

    name: str
    namespace: str
    gateway: str
    cable: str

    @contextmanager
    def running(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[Any]]:
        """A process on the host."""
        with (
            log.open("ab") as file,
            lifetime.group(
                ["ip", "netns", "exec", self.namespace, *command], env=dict(env), stdout=file, stderr=file
            ) as process,
        ):
            yield process

    def processes(self) -> list[int]:
        return [int(pid) for pid in _ip("netns", "pids", self.namespace).split()]

    def die(self) -> None:
        """As when its power goes: nobody hears of it."""
        _ip("link", "set", self.cable, "down")
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)


@contextmanager
def hosts(*names: str) -> Iterator[list[Host]]:
    """Skipped where namespaces are not allowed; in CI that is a failure."""
    tag = secrets.token_hex(2)
    made: list[Host] = []
    try:
        for name in names:
            net = f"10.{secrets.randbelow(55) + 200}.{secrets.randbelow(250)}"
            host = Host(name, f"minutebook-{tag}-{name}", f"{net}.1", f"mb{tag}{name}")
            _added(host)
            made.append(host)
            inside = f"{host.cable}i"
            _ip("link", "add", host.cable, "type", "veth", "peer", "name", inside, "netns", host.namespace)
            _ip("addr", "add", f"{host.gateway}/30", "dev", host.cable)
            _ip("link", "set", host.cable, "up")
            for device in ("lo", inside):
                _ip("-n", host.namespace, "link", "set", device, "up")
            _ip("-n", host.namespace, "addr", "add", f"{net}.2/30", "dev", inside)
        yield made
    finally:
        for host in made:
            for pid in host.processes():
                os.kill(pid, signal.SIGKILL)
            _ip("netns", "delete", host.namespace)


def _added(host: Host) -> None:
    done = subprocess.run(["ip", "netns", "add", host.namespace], capture_output=True, text=True)
    if done.returncode and not in_ci():
        pytest.skip("ip netns is not allowed here, so that there are no hosts")
    assert done.returncode == 0, done.stderr


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


@contextmanager
def redis(addresses: Sequence[str], port: int, password: str, folder: Path) -> Iterator[str]:
    """A server of Redis on these addresses, and its URL on this machine."""
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(
        f'bind 127.0.0.1 {" ".join(addresses)}\nport {port}\nrequirepass {password}\ndir {folder}\nsave ""\n'
    )
    with (folder / "redis.log").open("wb") as log, lifetime.group([_redis(), config], stdout=log, stderr=log):
        eventually(lambda: is_listening(port), 20)
        yield f"redis://:{password}@127.0.0.1:{port}/0"


@cache
def _redis() -> str:
    def found() -> str | None:
        return shutil.which("redis-server", path=f"{os.environ['PATH']}:{FOLDER}")

    if found() is None and (in_ci() or os.geteuid() == 0):
        subprocess.run([INSTALL], check=in_ci(), capture_output=True, timeout=300)
    executable = found()
    if executable is None:
        pytest.skip("redis-server is not installed: .ci/install-redis")
    return executable
