"""The pulls alone, as a code location: what the tests of backfills load, without dbt."""

import dagster as dg

from orchestration.defs.ingestion.assets import raw_tables
from orchestration.defs.ingestion.jobs import pull_usage
from orchestration.resources import Minutebook

defs = dg.Definitions(
    assets=raw_tables, jobs=[pull_usage], resources={"minutebook": Minutebook()}, executor=dg.in_process_executor
)
