from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.marts.warehouse_of_one import Warehouse, opened


@pytest.fixture(scope="session")
def dbt_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One target folder for all tests here, so that dbt parses the project once."""
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture
def warehouse(database_url: str, dbt_home: Path) -> Iterator[Warehouse]:
    opened_warehouse = opened(database_url, dbt_home)
    with opened_warehouse.connection:
        yield opened_warehouse
