"""The table of contents of the product, as Dagster serves it.

control ──▶ raw_vapi · raw_voiceflow · raw_usage_metrics ──▶ staging ──▶ intermediate ──▶ marts
(people)    (pulls: tenant × usage date, 03:00 UTC)          (builds: whenever the marts lack something)
"""

import dagster as dg

from orchestration.alerting import alert_on_quotas
from orchestration.assets.control import control_tables
from orchestration.assets.ingest import raw_tables
from orchestration.assets.marts import marts
from orchestration.checks import checks
from orchestration.jobs import build_marts, pull_usage
from orchestration.resources import Minutebook
from orchestration.schedules import pull_usage_nightly
from orchestration.sensors import build_marts_when_they_lack_something, tenant_partitions_follow_tenants
from orchestration.settings import Settings

defs = dg.Definitions(
    assets=[*control_tables, *raw_tables, marts(Settings.from_environment().home)],
    asset_checks=checks,
    jobs=[pull_usage, build_marts],
    schedules=[pull_usage_nightly],
    sensors=[tenant_partitions_follow_tenants, build_marts_when_they_lack_something, alert_on_quotas],
    resources={"minutebook": Minutebook()},
    # A run is one process: a step of its own process would cost two to three seconds and win nothing, since a pull is
    # concurrent inside and dbt is one step.
    executor=dg.in_process_executor,
)
