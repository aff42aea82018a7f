"""Named selections of assets: what the night pulls, and what a build makes."""

import dagster as dg

from sources import SOURCES
from warehouse.ingestion.raw_tables import RAW_TABLES

pull_usage = dg.define_asset_job(
    name="pull_usage",
    description="Pull every source for a range of tenants and usage dates; every tenant-day ends on its own.",
    selection=dg.AssetSelection.groups(*SOURCES).without_checks(),
)

build_marts = dg.define_asset_job(
    name="build_marts",
    description="Build and test staging, intermediate and marts; then check what was pulled.",
    selection=dg.AssetSelection.groups("staging", "intermediate", "marts")
    | dg.AssetSelection.checks_for_assets(*(dg.AssetKey(list(table)) for table in RAW_TABLES.values())),
)
