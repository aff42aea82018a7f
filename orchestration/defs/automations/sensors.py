"""When workflows go on. No cursor is kept: a missed tick heals at the next."""

from datetime import timedelta

import dagster as dg

from orchestration.defs.automations.jobs import run_automations
from orchestration.defs.ingestion.assets import NIGHT
from orchestration.defs.runs import UNFINISHED, reason_to_wait
from orchestration.resources import Minutebook
from warehouse import clock
from warehouse.automations import runs
from warehouse.database.connect import Role, connect

PAUSE_AFTER_A_FAILURE = timedelta(minutes=10)


@dg.sensor(
    name="run_automations_when_due",
    job=run_automations,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Takes workflows on when one is due; never while a night is queued or at work.",
)
def run_automations_when_due(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.RunRequest | dg.SkipReason:
    """Request one pass, where a module is configured and something is due."""
    settings = minutebook.settings
    if settings.automations is None:
        return dg.SkipReason("MINUTEBOOK_AUTOMATIONS names no module.")
    if context.instance.get_runs(dg.RunsFilter(tags={NIGHT: clock.today().isoformat()}, statuses=UNFINISHED), limit=1):
        return dg.SkipReason("The night is at work.")
    if because := reason_to_wait(context.instance, run_automations.name, PAUSE_AFTER_A_FAILURE):
        return dg.SkipReason(because)
    with minutebook.database() as url, connect(url, Role.OPERATOR, actor="automations") as connection:
        next_at = runs.next_due(connection)
    if next_at is None or next_at > clock.now():
        return dg.SkipReason("Nothing is due.")
    return dg.RunRequest()
