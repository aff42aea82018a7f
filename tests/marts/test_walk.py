"""Whatever changes, and wherever a build is killed, the marts end as a build of all would have made them."""

from tests.marts.walk import Walk
from tests.marts.warehouse_of_one import Warehouse


def test_after_any_change_and_any_killed_build_every_mart_is_what_a_build_of_all_makes_of_it(
    warehouse: Warehouse,
) -> None:
    walk = Walk(warehouse, seed=152)
    done = [walk.step() for _ in range(3)]
    assert any("killed" in step for step in done), done
    assert walk.differences() == {}, done
