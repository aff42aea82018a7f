"""What a mart's documentation must say: how many rows of what, and each number's unit."""

import re

import pytest

from orchestration.metabase.documentation import Table, documented
from tests.web.world import marts

UNIT = re.compile(r"\b(units?|rows|seconds|minutes|days?|percent|how many|currency|USD)\b", re.IGNORECASE)


@pytest.mark.parametrize("mart", documented(), ids=lambda mart: mart.name)
def test_a_mart_says_what_a_row_of_it_is_and_each_column_what_it_means(mart: Table) -> None:
    assert mart.description.startswith("One row"), mart.description
    assert [column.name for column in mart.columns if not column.description] == []


def test_each_number_says_its_unit() -> None:
    unsaid = [
        f"{mart['name']}.{column['name']}: {column['description']}"
        for mart in marts()
        for column in mart["columns"]
        if column["data_type"] in {"numeric", "bigint", "int", "integer"}
        and not column["name"].endswith(("_id", "_revision"))
        and not UNIT.search(column["description"])
    ]
    assert unsaid == []
