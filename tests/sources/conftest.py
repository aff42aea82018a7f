import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from sources import vapi, voiceflow
from sources.http import ProviderClient
from sources.http.budget import Budget
from tests.sandbox.fixture import sandbox
from tests.sandbox.server import Sandbox
from tests.sandbox.world import VapiAccount, in_memory

__all__ = ["sandbox"]

VAPI_KEY = "vapi-key-0123456789"
VOICEFLOW_KEY = "VF.DM.key-0123456789"


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def budget(self, concurrency: int = 4, per_second: float | None = None) -> Budget:
        return Budget(concurrency, per_second, clock=self.time, sleep=self.sleep)


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vapi_client(sandbox: Sandbox, clock: Clock) -> Iterator[ProviderClient]:
    with vapi.client(VAPI_KEY, sandbox.vapi_url, clock.budget()) as client:
        yield client


@pytest.fixture
def voiceflow_client(sandbox: Sandbox, clock: Clock) -> Iterator[voiceflow.VoiceflowClient]:
    with voiceflow.client(VOICEFLOW_KEY, sandbox.voiceflow_url, clock.budget()) as client:
        yield client


@pytest.fixture
def calls(sandbox: Sandbox) -> list[dict[str, Any]]:
    """What the account holds: empty, to be filled."""
    held: list[dict[str, Any]] = []
    sandbox.world.vapi[VAPI_KEY] = VapiAccount(in_memory(held))
    return held
