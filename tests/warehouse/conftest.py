"""The warehouse keeps its promises on every PostgreSQL major that the wheel ships."""

from collections.abc import Callable

import pytest

from warehouse.database.embedded import MAJORS


@pytest.fixture(scope="session", params=MAJORS, ids=lambda major: f"pg{major}")
def postgres_server(server_of_major: Callable[[int], str], request: pytest.FixtureRequest) -> str:
    return server_of_major(request.param)
