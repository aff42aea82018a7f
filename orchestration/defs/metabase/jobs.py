"""Runs that write dbt's documentation to Metabase."""

import dagster as dg

from orchestration.metabase import descriptions
from orchestration.metabase.client import opened
from orchestration.metabase.documentation import documented
from orchestration.resources import Minutebook


@dg.op(description="Ask Metabase to sync the schema, then make its descriptions, semantic types and keys dbt's.")
def describe_marts_in_metabase(context: dg.OpExecutionContext, minutebook: Minutebook) -> None:
    """Safe to repeat: only what differs is written."""
    with opened(minutebook.settings) as metabase:
        changes = descriptions.apply(metabase, documented(), always_sync=True)
    context.add_output_metadata({"changes": len(changes)})


@dg.job(description="Metabase sees the tables and columns of the last build, and what each of them means.")
def refresh_metabase() -> None:
    """One step."""
    describe_marts_in_metabase()
