"""What was pulled outside of Dagster is shown there as pulled: by the command line, a page or an event.

The ledger says what is published; the partitions of the UI follow it, so an operator backfills only what is missing.
"""

from datetime import datetime, timedelta

import dagster as dg

from orchestration.defs.ingestion.assets import materialization, raw_key
from orchestration.ingestion import PullOutcome, PullState
from orchestration.ingestion.partitions import key_of, tenants, usage_dates
from orchestration.resources import Minutebook
from warehouse import clock
from warehouse.control.changes import rows
from warehouse.database.connect import Role, connect

AT_ONCE = 1_000  # of a tick: each costs Dagster some milliseconds
OVERLAP = timedelta(minutes=15)  # a pull is closed a little before its transaction ends


@dg.sensor(
    name="usage_partitions_follow_the_ledger",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports tenant-days as materialized that were published by the command line, a page or an event.",
)
def usage_partitions_follow_the_ledger(
    context: dg.SensorEvaluationContext, minutebook: Minutebook
) -> dg.SensorResult | dg.SkipReason:
    """Report what is published in the ledger and not shown by the partitions.

    The cursor only saves work: without one, every published day in reach of the partitions is compared.
    """
    compared_until = (clock.now() - OVERLAP).isoformat()
    published = _published(context, minutebook)
    shown = {source: _shown(context.instance, source) for source in {outcome.source for outcome in published}}
    missing = [one for one in published if _key(one) not in shown[one.source]]
    if not missing:
        context.update_cursor(compared_until)
        return dg.SkipReason("The partitions show every published day.")
    return dg.SensorResult(
        asset_events=[materialization(outcome) for outcome in missing[:AT_ONCE]],
        cursor=compared_until if len(missing) <= AT_ONCE else context.cursor,
    )


def _published(context: dg.SensorEvaluationContext, minutebook: Minutebook) -> list[PullOutcome]:
    """The published tenant-days that have a partition, of pulls that no run of Dagster made."""
    partitioned = context.instance.get_dynamic_partitions(tenants.name or "")
    reach = {
        "tenant_ids": list(partitioned),
        "first_day": usage_dates.start.date(),
        "since": datetime.fromisoformat(context.cursor) if context.cursor else None,
    }
    with minutebook.database() as url, connect(url, Role.LOADER) as connection:
        found = rows(connection, "statements/freshness", "published_outside_of_dagster", **reach)
    return [PullOutcome(state=PullState.PUBLISHED, **row) for row in found]


def _shown(instance: dg.DagsterInstance, source: str) -> set[str]:
    return set(instance.get_materialized_partitions(raw_key(source)))


def _key(outcome: PullOutcome) -> str:
    return key_of(outcome.tenant_id or "", outcome.usage_date)
