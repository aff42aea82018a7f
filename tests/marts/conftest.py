from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.marts.warehouse_of_one import Warehouse, opened


@pytest.fixture
def warehouse(database_url: str, dbt_home: Path) -> Iterator[Warehouse]:
    opened_warehouse = opened(database_url, dbt_home)
    with opened_warehouse.connection:
        yield opened_warehouse
