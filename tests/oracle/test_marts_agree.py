"""The marts and the oracle, each on its own, say the same of hundreds of generated tenants, to the cent."""

from pathlib import Path

import pytest

from orchestration.marts.building import build
from tests.oracle.comparing import compare
from tests.oracle.worlds.loading import load
from tests.oracle.worlds.months import generated
from warehouse.database.connect import Role, connect


@pytest.mark.unbuilt
@pytest.mark.parametrize("seed", [4])
def test_the_marts_agree_with_the_oracle_to_the_cent(database_url: str, dbt_home: Path, seed: int) -> None:
    """Another seed, and thousands of tenants: python -m tests.oracle --tenants 3000 --seed N."""
    world = generated(seed, 100)
    with connect(database_url, Role.OWNER, autocommit=True) as connection:
        load(connection, world)
        build(database_url, dbt_home, world.as_of)
        found = compare(connection, world)
    assert not found.disagreements, "\n".join(map(str, found.disagreements[:20]))
    assert found.counts["line amount"] > 300
    assert found.counts["nobody's cost"] > 50
    assert len(world.book.settled) > 100
    assert found.kinds_of_margin >= {"days missing", "costs missing", "partly billed elsewhere", "with estimates"}
