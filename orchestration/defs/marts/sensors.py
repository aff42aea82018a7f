"""When the marts are built. No cursor is kept: a missed tick heals at the next."""

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg

from orchestration.defs.marts.jobs import build_marts
from orchestration.defs.runs import reason_to_wait
from orchestration.resources import Minutebook
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.marts import freshness
from warehouse.words import counted

PAUSE_AFTER_A_FAILURE = timedelta(minutes=10)


@dg.sensor(
    name="build_marts_when_behind",
    job=build_marts,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds the marts when a current pull is not in them, control data changed, or a new day began.",
)
def build_marts_when_behind(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.RunRequest | dg.SkipReason:
    """Request one build when the marts lack something; never while one is queued or at work."""
    missing = list(_what_the_marts_lack(minutebook, clock.today()))
    if not missing:
        return dg.SkipReason("The marts hold every current pull, today's date and the control data as it stands.")
    if because := reason_to_wait(context.instance, build_marts.name, PAUSE_AFTER_A_FAILURE):
        return dg.SkipReason(f"{because} Missing: {', '.join(missing)}.")
    return dg.RunRequest(tags={"minutebook/because": ", ".join(missing)})


def _what_the_marts_lack(minutebook: Minutebook, today: date) -> Iterator[str]:
    with minutebook.database() as url, connect(url, Role.TRANSFORMER) as connection:
        if not freshness.is_built(connection):
            yield "everything"
            return
        lack = freshness.lack(connection, today)
    if lack.pulls_not_built:
        yield counted(lack.pulls_not_built, "pull")
    if lack.is_control_newer:
        yield "changed control data"
    if lack.is_day_newer:
        yield "today"
