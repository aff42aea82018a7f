"""A database with tenants and the API over it, one of each for a file's tests; keys and events are a test's own."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.conftest import own_database
from tests.intake.served import add_tenants, key, serving
from warehouse.database.connect import Role, connect

Pushing = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def url(postgres_server: str) -> Iterator[str]:
    """Superuser's URL of a database of this file's own."""
    with own_database(postgres_server) as made:
        with connect(made, Role.OPERATOR, actor="otto") as operator:
            add_tenants(operator, "acme", "birch", "shut", "noting")
            operator.execute("insert into control.tenant_statuses values ('shut', '2021-01-01', 'closed')")
        yield made


@pytest.fixture(scope="module")
def address(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API over it."""
    with serving(url, tmp_path_factory.mktemp("home")) as served:
        yield served


@pytest.fixture(scope="module")
def acme_key(url: str) -> str:
    """A key of tenant acme."""
    return key(url, "acme")


@pytest.fixture
def pushing(address: str) -> Iterator[Callable[[str], httpx.Client]]:
    """A client that shows a key."""
    opened: list[httpx.Client] = []

    def client(token: str) -> httpx.Client:
        opened.append(httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30))
        return opened[-1]

    yield client
    for one in opened:
        one.close()
