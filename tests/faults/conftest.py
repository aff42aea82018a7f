"""A deployment with three voice tenants and one of chat, whose retries cost no time."""

from collections.abc import Iterator
from datetime import date

import pytest

from orchestration.pulling.reading import CLIENTS
from sources import vapi, voiceflow
from tests.faults.scene import Scene
from tests.faults.zygote import Zygote
from tests.orchestration.conftest import house  # noqa: F401 - a fixture
from tests.orchestration.house import House
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sources.conftest import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The providers' clients wait on this clock, which shows what was waited and does not wait."""
    clock = Clock()

    monkeypatch.setitem(CLIENTS, "vapi", lambda secret, url: vapi.client(secret, url, clock.budget()))
    monkeypatch.setitem(CLIENTS, "voiceflow", lambda secret, url: voiceflow.client(secret, url, clock.budget()))
    return clock


@pytest.fixture
def scene(house: House, clock: Clock) -> Scene:  # noqa: F811
    """Three tenants with a Vapi account each, one with a Voiceflow project; two days."""
    return Scene.set(house, ["acme", "beta", "gamma"], chatters=["fern"], days=[date(2026, 11, 1), date(2026, 11, 2)])


@pytest.fixture(scope="package")
def zygote() -> Iterator[Zygote]:
    """Starts pulls as processes that may be killed."""
    zygote = Zygote()
    yield zygote
    zygote.close()
