"""Days that come back by themselves: incomplete, failed for a passing reason, or never pulled, until they are whole.

The sensor compares the ledger with what should be, and decides; the run pulls what is due when it starts. Neither keeps
a list: what mended meanwhile is not due any more.
"""

import dagster as dg

from orchestration.defs.ingestion.assets import failure, tell
from orchestration.defs.marts.sensors import held_back
from orchestration.ingestion import PullOutcome, pull_again
from orchestration.resources import Minutebook
from sources import HORIZONS
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.ingestion import retry_schedule


@dg.op(name="pull_what_is_due", description="Pull each account-day again that is due; each ends on its own.")
def pull_what_is_due(context: dg.OpExecutionContext, minutebook: Minutebook) -> None:
    """Each day that ends well is logged as materialised under its own key. Fails, naming them, if days failed again."""
    outcomes: list[PullOutcome] = []

    def settle(outcome: PullOutcome) -> None:
        outcomes.append(outcome)
        tell(context, outcome)

    with minutebook.database() as url:
        pull_again(url, minutebook.settings, run_id=context.run_id, on_progress=settle)
    if failed := [outcome for outcome in outcomes if outcome.is_failed]:
        raise failure(failed, sum(outcome.is_read for outcome in outcomes))


@dg.job(description="Days that are incomplete, failed for a passing reason, or were never pulled, once they are due.")
def pull_days_again() -> None:
    """One step."""
    pull_what_is_due()


@dg.sensor(
    name="pull_days_again_when_due",
    job=pull_days_again,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a pull of days that are incomplete, failed for a passing reason, or were never pulled.",
)
def pull_days_again_when_due(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.RunRequest | dg.SkipReason:
    """Ask for one run when a day is due; never while one is queued or at work, nor before the first night.

    So what was set up by hand, or to be looked at, asks no provider of its own accord.
    """
    now = clock.now()
    with minutebook.database() as url, connect(url, Role.LOADER) as connection:
        if not retry_schedule.a_schedule_pulls(connection):
            return dg.SkipReason("No night has pulled yet; until then: minutebook pull again.")
        days = retry_schedule.account_days(connection, now, HORIZONS)
    waiting = [day for day in days if day.due_at <= now]
    if not waiting:
        until = f"; the next of {len(days)} at {days[0].due_at:%Y-%m-%d %H:%M} UTC" if days else ""
        return dg.SkipReason(f"No day is due{until}.")
    if not_now := held_back(context.instance, pull_days_again.name):
        return dg.SkipReason(f"{len(waiting)} days are due. {not_now}")
    because = sorted({f"{day.status} {day.key.source}" for day in waiting})
    return dg.RunRequest(tags={"minutebook/because": f"{len(waiting)} days: {', '.join(because)}"[:250]})
