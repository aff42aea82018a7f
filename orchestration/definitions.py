"""The table of contents of the product, as Dagster serves it.

control ──▶ raw_vapi · raw_voiceflow · raw_usage_metrics ──▶ staging ──▶ intermediate ──▶ marts
(people)    (pulls: tenant × usage date, 03:00 UTC)          (builds: whenever the marts lack something)

marts ──▶ ledger.postings ──▶ Stripe ──▶ ledger.stripe_day_summaries
          (whenever they differ)         (09:00 UTC: marts = postings = Stripe, or a check is red)
"""

import dagster as dg

from orchestration.defs.control.assets import control_tables
from orchestration.defs.ingestion.assets import raw_tables
from orchestration.defs.ingestion.jobs import pull_days_again, pull_days_again_when_due
from orchestration.defs.ingestion.schedules import pull_usage_nightly
from orchestration.defs.ingestion.sensors import usage_partitions_follow_the_ledger
from orchestration.defs.marts.assets import marts
from orchestration.defs.marts.checks import checks
from orchestration.defs.marts.jobs import build_marts, pull_usage
from orchestration.defs.marts.sensors import (
    alert_on_quotas,
    build_marts_when_they_lack_something,
    tenant_partitions_follow_tenants,
)
from orchestration.defs.metabase.sensors import refresh_metabase, refresh_metabase_after_builds
from orchestration.defs.privacy.jobs import expire_personal_data, expire_personal_data_daily, purge_raw, purge_raw_daily
from orchestration.defs.stripe.assets import (
    final_lines,
    marts_postings_and_stripe_agree,
    postings,
    statements_and_final_invoices_agree,
    statements_and_upcoming_invoices_agree,
    stripe_day_summaries,
    stripe_events,
    stripe_is_set_up_as_our_prices_say,
)
from orchestration.defs.stripe.sensors import (
    post_overage,
    post_overage_when_due,
    reconcile,
    reconcile_daily,
    work_off_stripe_events,
    work_off_stripe_events_that_wait,
)
from orchestration.resources import Minutebook
from orchestration.settings import Settings

defs = dg.Definitions(
    assets=[
        *control_tables,
        *raw_tables,
        marts(Settings.from_environment().home),
        postings,
        stripe_day_summaries,
        final_lines,
        stripe_events,
    ],
    asset_checks=[
        *checks,
        marts_postings_and_stripe_agree,
        statements_and_final_invoices_agree,
        statements_and_upcoming_invoices_agree,
        stripe_is_set_up_as_our_prices_say,
    ],
    jobs=[
        pull_usage,
        build_marts,
        post_overage,
        work_off_stripe_events,
        reconcile,
        expire_personal_data,
        purge_raw,
        refresh_metabase,
        pull_days_again,
    ],
    schedules=[pull_usage_nightly, reconcile_daily, expire_personal_data_daily, purge_raw_daily],
    sensors=[
        tenant_partitions_follow_tenants,
        usage_partitions_follow_the_ledger,
        build_marts_when_they_lack_something,
        pull_days_again_when_due,
        alert_on_quotas,
        post_overage_when_due,
        work_off_stripe_events_that_wait,
        refresh_metabase_after_builds,
    ],
    resources={"minutebook": Minutebook()},
    # A run is one process: a step of its own process would cost two to three seconds and win nothing, since a pull is
    # concurrent inside and dbt is one step.
    executor=dg.in_process_executor,
)
