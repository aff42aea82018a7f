"""When events are sent."""

import dagster as dg

from orchestration.outgoing.delivering import Sending, deliver
from orchestration.resources import Minutebook
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.outgoing import deliveries

SECONDS = 25.0
"""How long a pass begins attempts; with the longest of them it stays below the minute that Dagster gives a sensor."""


@dg.sensor(
    name="deliver_events",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends what is due to endpoints, and tries again what was not taken.",
)
def deliver_events(context: dg.SensorEvaluationContext, minutebook: Minutebook) -> dg.SkipReason:
    """Level-triggered: what was missed at one tick is sent at the next. It starts no run."""
    settings = minutebook.settings
    with minutebook.database() as url:
        with connect(url, Role.OPERATOR, actor="deliver") as connection:
            next_at = deliveries.next_due(connection)
        if next_at is None or next_at > clock.now():
            return dg.SkipReason("Nothing is due.")
        result = deliver(url, Sending.of(settings), clock.now, seconds=SECONDS)
    for fault, count in result.faults.items():
        context.log.warning(f"{fault} ({count})")
    return dg.SkipReason(f"{result.delivered} delivered, {result.failed} to be tried again, {result.dead} given up.")
