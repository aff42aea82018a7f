"""When Stripe is read back."""

from datetime import UTC

import dagster as dg

from orchestration.defs.stripe.jobs import reconcile
from orchestration.resources import Minutebook


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
