"""When overage is posted, webhooks are worked off, and Stripe is read back: sensors decide, runs post."""

from collections.abc import Callable
from datetime import UTC, timedelta

import dagster as dg
import psycopg

from orchestration.defs.marts.sensors import held_back
from orchestration.defs.stripe.assets import EVENTS, FINAL, POSTINGS, SUMMARIES
from orchestration.resources import Minutebook
from orchestration.stripe_billing.invoices.items import LOOKED_AT_AGAIN, REMEMBERED
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.database.queries import load
from warehouse.stripe.postings import due

_EVENTS = load("stripe/events")
_ITEMS = load("stripe/invoice_items")
_SENSING = load("statements/freshness")
PAUSE_AFTER_A_FAILURE = timedelta(minutes=30)
"""A tenant that is held back stays due: without a pause each tick would ask Stripe about it again."""

post_overage = dg.define_asset_job(
    "post_overage",
    selection=dg.AssetSelection.assets(POSTINGS),
    description="Post what the marts want and Stripe does not hold.",
)
work_off_stripe_events = dg.define_asset_job(
    "work_off_stripe_events",
    selection=dg.AssetSelection.assets(EVENTS),
    description="Process the webhooks that were kept.",
)
reconcile = dg.define_asset_job(
    "reconcile",
    selection=dg.AssetSelection.assets(SUMMARIES, FINAL),
    description="Read Stripe's day summaries and invoices back; compare them with marts, postings and statements.",
)


@dg.sensor(
    name="post_overage_when_due",
    job=post_overage,
    minimum_interval_seconds=120,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Posts when overage or an approved line differs from what was posted. It decides and never posts.",
)
def post_overage_when_due(context: dg.SensorEvaluationContext, minutebook: Minutebook) -> dg.RunRequest | dg.SkipReason:
    """Ask for one posting run when anything is due; never while one is queued or at work."""

    def is_due(connection: psycopg.Connection[tuple[object, ...]]) -> str | None:
        built = connection.execute(_SENSING["marts_are_built"]).fetchone()
        if built is None or not built[0]:
            return None
        page = next(due(connection, clock.today(), page=1), None)
        if page:
            return f"{page[0].tenant_id} and maybe others"
        at = clock.now()
        bounds = {"since": at.date() - REMEMBERED, "stale": at - LOOKED_AT_AGAIN, "tenant_ids": None}
        item = (
            connection.execute(_ITEMS["owed"], bounds).fetchone()
            or connection.execute(_ITEMS["waiting"], bounds).fetchone()
        )
        return f"invoice item {item[0]} and maybe others" if item else None

    return _decide(context, minutebook, post_overage.name, is_due, "Stripe holds what the marts want.")


@dg.sensor(
    name="work_off_stripe_events_that_wait",
    job=work_off_stripe_events,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Processes Stripe's webhooks that `minutebook serve` has kept.",
)
def work_off_stripe_events_that_wait(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.RunRequest | dg.SkipReason:
    """Ask for one run when events wait."""

    def is_waiting(connection: psycopg.Connection[tuple[object, ...]]) -> str | None:
        row = connection.execute(_EVENTS["count_waiting"]).fetchone()
        return f"{row[0]} events" if row and row[0] else None

    return _decide(context, minutebook, work_off_stripe_events.name, is_waiting, "No event waits.")


@dg.schedule(
    name="reconcile_daily",
    job=reconcile,
    cron_schedule="0 9 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="09:00 UTC: hours after the night, when Stripe's summaries have settled.",
)
def reconcile_daily(context: dg.ScheduleEvaluationContext, minutebook: Minutebook) -> dg.RunRequest | dg.SkipReason:
    """Once a day, if Stripe is configured."""
    if not minutebook.settings.stripe_api_key:
        return dg.SkipReason("Stripe is not configured: MINUTEBOOK_STRIPE_API_KEY is not set.")
    return dg.RunRequest(run_key=f"reconcile-{context.scheduled_execution_time.astimezone(UTC):%Y-%m-%d}")


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
    if not_now := held_back(context.instance, job, PAUSE_AFTER_A_FAILURE):
        return dg.SkipReason(not_now)
    return dg.RunRequest(tags={"minutebook/because": because})
