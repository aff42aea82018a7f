"""dbt's unit tests: each rule beside its model, by rows written by hand. A build leaves them out."""

from pathlib import Path

from orchestration.marts.building import environment, variables
from tests.money.acme import FEBRUARY_3


def test_every_model_does_to_rows_written_by_hand_what_its_unit_tests_say(database_url: str, dbt_home: Path) -> None:
    from dbt.cli.main import dbtRunner  # three seconds, which collecting the tests need not pay

    with environment(database_url, dbt_home, FEBRUARY_3):
        answer = dbtRunner().invoke(["--quiet", "test", "--select", "test_type:unit", *variables()])
    results = [one for one in answer.result.results if one.node.resource_type == "unit_test"]
    faults = [f"{one.node.name}: {one.message}" for one in results if one.status != "pass"]
    assert not faults, "\n\n".join(faults)
    assert answer.success
    assert len(results) >= 19
