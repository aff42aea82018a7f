"""When it is looked for what is wrong."""

import dagster as dg

from orchestration.alerts.looking import look
from orchestration.resources import Minutebook
from warehouse import clock


@dg.sensor(
    name="look_for_alerts",
    minimum_interval_seconds=120,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Opens an alert for what is wrong, once, and ends it when it is over; `deliver_events` sends it.",
)
def look_for_alerts(context: dg.SensorEvaluationContext, minutebook: Minutebook) -> dg.SkipReason:
    """Level-triggered: what was missed at one tick is made up at the next. It starts no run.

    The cursor is the build whose checks were looked at; it saves work, and nothing rests on it.
    """
    checked = int(context.cursor) if context.cursor else None
    with minutebook.database() as url:
        seen = look(url, minutebook.settings, clock.now(), checked)
    if seen.build is not None:
        context.update_cursor(str(seen.build))
    for change in seen.changes:
        context.log.info(f"{change.change}: {change.title}")
    if seen.unknown:
        context.log.error(f"could not look at {'; '.join(seen.unknown)}")
    return dg.SkipReason(f"{seen.count('opened')} opened, {seen.count('worse')} worse, {seen.count('resolved')} ended.")
