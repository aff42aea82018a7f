"""The fixture other tests' conftest.py imports: `from tests.sandbox.fixture import sandbox`."""

from collections.abc import Iterator

import pytest

from tests.sandbox.server import Sandbox, serving
from tests.sandbox.world import World


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Running providers with an empty world: fill `sandbox.world`, or serve a story's."""
    with serving(World()) as running:
        yield running
