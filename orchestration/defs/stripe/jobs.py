"""Runs that post to Stripe, process its events and read it back."""

import dagster as dg

from orchestration.defs.stripe.assets import EVENTS, FINAL, POSTINGS, SUMMARIES

post_overage = dg.define_asset_job(
    "post_overage",
    selection=dg.AssetSelection.assets(POSTINGS),
    description="Post what the marts want and Stripe does not hold.",
)
process_stripe_events = dg.define_asset_job(
    "process_stripe_events",
    selection=dg.AssetSelection.assets(EVENTS),
    description="Process the webhooks that were kept.",
)
reconcile = dg.define_asset_job(
    "reconcile",
    selection=dg.AssetSelection.assets(SUMMARIES, FINAL) | dg.AssetSelection.tag("after_posting", ""),
    description="Read Stripe's day summaries and invoices back; compare them with marts, postings and statements.",
)
