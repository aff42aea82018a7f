"""What must hold of the rows that were pulled."""

import dagster as dg

from orchestration.defs.sql_checks import check_without_rows
from sources.contracts import EVENT_IDS
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

pushed_events_are_complete = [
    check_without_rows(
        "no_pushed_event_is_missing",
        dg.AssetKey([source.schema, source.table]),
        "Of a tenant that pushes what this source reads as well, all that was read since was pushed.",
        source=source.name,
    )
    for source in all_sources().values()
    if EVENT_IDS in source.facts
]
