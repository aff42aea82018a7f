"""When overage is posted and webhooks are processed: sensors decide, runs post."""

from collections.abc import Callable
from datetime import timedelta

import dagster as dg
import psycopg

from orchestration.defs.runs import reason_to_wait
from orchestration.defs.stripe.jobs import post_overage, process_stripe_events
from orchestration.resources import Minutebook
from orchestration.stripe_billing.invoices.items import LOOKED_AT_AGAIN, REMEMBERED
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.marts.freshness import is_built
from warehouse.stripe import events, invoice_items
from warehouse.stripe.postings import due
from warehouse.words import counted

PAUSE_AFTER_A_FAILURE = timedelta(minutes=30)
"""A tenant that is held back stays due: without a pause each tick would ask Stripe about it again."""


@dg.sensor(
    name="post_overage_when_due",
    job=post_overage,
    minimum_interval_seconds=120,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Posts when overage or an approved line differs from what was posted. It decides and never posts.",
)
def post_overage_when_due(context: dg.SensorEvaluationContext, minutebook: Minutebook) -> dg.RunRequest | dg.SkipReason:
    """Request one posting run when anything is due; never while one is queued or at work."""

    def is_due(connection: psycopg.Connection[tuple[object, ...]]) -> str | None:
        if not is_built(connection):
            return None
        page = next(due(connection, clock.today(), page=1), None)
        if page:
            return f"{page[0].tenant_id} and maybe others"
        at = clock.now()
        line = invoice_items.one_waiting(connection, at.date() - REMEMBERED, at - LOOKED_AT_AGAIN)
        return f"invoice item {line} and maybe others" if line else None

    return _decide(context, minutebook, post_overage.name, is_due, "Stripe holds what the marts want.")


@dg.sensor(
    name="process_stripe_events_when_due",
    job=process_stripe_events,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Processes Stripe's webhooks that `minutebook serve` has kept.",
)
def process_stripe_events_when_due(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.RunRequest | dg.SkipReason:
    """Request one run when events wait."""

    def is_waiting(connection: psycopg.Connection[tuple[object, ...]]) -> str | None:
        count = events.count_waiting(connection)
        return counted(count, "event") if count else None

    return _decide(context, minutebook, process_stripe_events.name, is_waiting, "No event waits.")


def _decide(
    context: dg.SensorEvaluationContext,
    minutebook: Minutebook,
    job: str,
    needed: Callable[[psycopg.Connection[tuple[object, ...]]], str | None],
    otherwise: str,
) -> dg.RunRequest | dg.SkipReason:
    if not minutebook.settings.stripe_api_key:
        return dg.SkipReason("Stripe is not configured: MINUTEBOOK_STRIPE_API_KEY is not set.")
    with minutebook.database() as url, connect(url, Role.BILLING, autocommit=True) as connection:
        because = needed(connection)
    if because is None:
        return dg.SkipReason(otherwise)
    if not_now := reason_to_wait(context.instance, job, PAUSE_AFTER_A_FAILURE):
        return dg.SkipReason(not_now)
    return dg.RunRequest(tags={"minutebook/because": because})
