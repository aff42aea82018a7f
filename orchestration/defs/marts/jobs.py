"""The build: one job makes and tests all that the marts consist of."""

import dagster as dg

from sources.registry import all_sources

build_marts = dg.define_asset_job(
    name="build_marts",
    description="Build and test staging, intermediate and marts; then check what was pulled.",
    selection=dg.AssetSelection.groups("staging", "intermediate", "marts")
    | dg.AssetSelection.checks_for_assets(*(dg.AssetKey([one.schema, one.table]) for one in all_sources().values())),
)
