"""Taking workflows on: one step, whose pool lets one pass run at a time."""

import dagster as dg

from orchestration.automations.running import run_due
from orchestration.resources import Minutebook


@dg.op(
    pool="automations",
    description="Begin, go on with and resume what is due, each tenant's in a process of its own.",
)
def take_workflows_on(context: dg.OpExecutionContext, minutebook: Minutebook) -> None:
    """What fails for one tenant is recorded with its runs, and touches no other."""
    with minutebook.database() as url:
        result = run_due(url, minutebook.settings)
    for tenant, fault in result.faults.items():
        context.log.warning(f"{tenant}: {fault}")
    context.add_output_metadata(dict(result.states))


@dg.job(
    description="Workflows of tenants with the feature flag automations go on as far as they can. Never in the night."
)
def run_automations() -> None:
    """One step of Dagster's."""
    take_workflows_on()
