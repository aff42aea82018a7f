"""When workflows are taken on: where a module is configured and something is due, and never in the night."""

from collections.abc import Iterator

import dagster as dg
import pytest

from orchestration.defs.automations.jobs import run_automations
from orchestration.defs.automations.sensors import run_automations_when_due
from orchestration.defs.ingestion.assets import NIGHT
from orchestration.resources import Minutebook
from tests.automations.conftest import Works


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(instance: dg.DagsterInstance) -> str | None:
    """Why no run is requested; None where one is."""
    with dg.build_sensor_context(instance=instance, resources={"minutebook": Minutebook()}) as context:
        answer = run_automations_when_due(context)
    return answer.skip_message if isinstance(answer, dg.SkipReason) else None


def test_it_is_requested_when_something_is_due_and_never_in_the_night(
    works: Works, instance: dg.DagsterInstance
) -> None:
    works.calls("acme", "c1")
    works.follow("acme", steps=0)
    assert tick(instance) == "Nothing is due."
    works.begin()
    night = instance.create_run_for_job(
        run_automations, tags={NIGHT: works.now().date().isoformat()}, status=dg.DagsterRunStatus.STARTED
    )
    assert tick(instance) == "The night is at work."
    instance.report_run_canceled(night)
    assert tick(instance) is None
    works.monkeypatch.delenv("MINUTEBOOK_AUTOMATIONS")
    assert tick(instance) == "MINUTEBOOK_AUTOMATIONS names no module."


def test_the_job_takes_them_on_in_a_pool_of_its_own(works: Works, instance: dg.DagsterInstance) -> None:
    works.calls("acme", "c1")
    works.follow("acme", steps=0)
    works.begin()
    done = run_automations.execute_in_process(instance=instance, resources={"minutebook": Minutebook()})
    assert done.success
    assert works.states() == {"c1": "done"}
    assert {node.definition.pool for node in run_automations.nodes} == {"automations"}
    assert tick(instance) == "Nothing is due."
