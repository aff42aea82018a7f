"""When people are alerted."""

import dagster as dg

from orchestration.alerts.delivery import deliver, delivery
from orchestration.resources import Minutebook
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.statements import quotas
from warehouse.statements.freshness import MartsBehind, require_built


@dg.sensor(
    name="alert_on_quotas",
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports tenants at 50, 80 and 100 % of an allowance or spend limit, once per crossing.",
)
def alert_on_quotas(context: dg.SensorEvaluationContext, minutebook: Minutebook) -> dg.SkipReason:
    """Level-triggered: what was missed at one tick is made up at the next. It starts no run."""
    with minutebook.database() as url, connect(url, Role.OPERATOR, actor="alert_on_quotas") as connection:
        try:
            require_built(connection)
        except MartsBehind:
            return dg.SkipReason("The marts are not built yet.")
        found = quotas.record(connection, clock.today())
        connection.commit()
        done, failed = deliver(connection, delivery(minutebook.settings.alert_webhook_url))
    for alert in done:
        context.log.info(str(alert))
    if failed:
        context.log.error("; ".join(failed))
    return dg.SkipReason(f"{found} crossings recorded, {len(done)} delivered, {len(failed)} to be tried again.")
