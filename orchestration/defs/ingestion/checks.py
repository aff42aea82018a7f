"""What must hold of the rows that were pulled."""

import dagster as dg

from orchestration.defs.sql_checks import check_without_rows
from warehouse.ingestion.raw_tables import RAW_TABLES

provider_totals_agree = [
    check_without_rows(
        "provider_total_agrees",
        dg.AssetKey(list(table)),
        "What was counted from the rows is what the provider says it has, where it says anything.",
        source=source,
    )
    for source, table in RAW_TABLES.items()
]
