"""Backfills that are not finished, which Dagster's public interface does not list."""

import dagster as dg
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

UNFINISHED = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING])


def is_any_unfinished(instance: dg.DagsterInstance) -> bool:
    """Whether a backfill is requested, or its end is."""
    return bool(instance.get_backfills(filters=UNFINISHED, limit=1))
