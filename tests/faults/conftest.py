"""A deployment with three voice tenants and one of chat, whose retries cost no time."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from sources.day import Access
from tests.faults.scene import Scene
from tests.faults.zygote import Zygote
from tests.ingestion.conftest import house  # noqa: F401 - a fixture
from tests.ingestion.house import House
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sources.conftest import Clock
from warehouse.clock import OFFSET, offset_to


@pytest.fixture
def november(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is November 12: the fixed days of these tests are over, and no provider has forgotten them."""
    monkeypatch.setenv(OFFSET, offset_to(datetime(2026, 11, 12, 12, tzinfo=UTC)))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The providers' clients wait on this clock, which shows what was waited and does not wait."""
    clock = Clock()

    monkeypatch.setattr(Access, "budget", lambda access, *limits: clock.budget())
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
