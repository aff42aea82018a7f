"""What must hold of the rows that were pulled."""

import dagster as dg

from orchestration.defs.sql_checks import check_without_rows
from sources.registry import all_sources

provider_totals_agree = [
    check_without_rows(
        "provider_total_agrees",
        dg.AssetKey([source.schema, source.table]),
        "What was counted from the rows is what the provider says it has, where it says anything.",
        source=source.name,
    )
    for source in all_sources().values()
]
