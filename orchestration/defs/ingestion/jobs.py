"""Runs that pull, pull again and purge."""

from datetime import timedelta

import dagster as dg

from orchestration.defs.ingestion.assets import raw_tables
from orchestration.ingestion import PullOutcome, pull_again, pull_today
from orchestration.ingestion.reporting import failure, report
from orchestration.resources import Minutebook
from warehouse import clock
from warehouse.automations import runs
from warehouse.database.connect import Role, connect
from warehouse.intake.events import tidy
from warehouse.outgoing import outbox
from warehouse.sources import retention
from warehouse.words import counted

pull_usage = dg.define_asset_job(
    name="pull_usage",
    description="Pull every source for a range of tenants and usage dates; every tenant-day ends on its own.",
    selection=dg.AssetSelection.assets(*raw_tables).without_checks(),
)


@dg.op(name="pull_what_is_due", description="Pull each account-day again that is due; each ends on its own.")
def pull_what_is_due(context: dg.OpExecutionContext, minutebook: Minutebook) -> None:
    """Each day that ends well is logged as materialised under its own key. Fails, naming them, if days failed again."""
    outcomes: list[PullOutcome] = []

    def settle(outcome: PullOutcome) -> None:
        outcomes.append(outcome)
        report(context, outcome)

    with minutebook.database() as url:
        pull_again(url, minutebook.settings, run_id=context.run_id, on_progress=settle)
    if failed := [outcome for outcome in outcomes if outcome.is_failed]:
        raise failure(failed, sum(outcome.is_read for outcome in outcomes))


@dg.job(description="Days that are incomplete, failed for a passing reason, or were never pulled, once they are due.")
def pull_days_again() -> None:
    """One step."""
    pull_what_is_due()


@dg.op(name="read_today", description="Read the day in progress of each account that is due; each ends on its own.")
def read_what_is_due_today(context: dg.OpExecutionContext, minutebook: Minutebook) -> None:
    """Partitions show days that are over, so nothing is materialised. Fails, naming them, if readings failed."""
    with minutebook.database() as url:
        outcomes = pull_today(url, minutebook.settings, run_id=context.run_id)
    if failed := [outcome for outcome in outcomes if outcome.is_failed]:
        raise failure(failed, sum(outcome.is_read for outcome in outcomes))


@dg.job(description="The day in progress of tenants that chose so, hourly or every 15 minutes; the night replaces it.")
def pull_day_in_progress() -> None:
    """One step."""
    read_what_is_due_today()


@dg.op(description="Delete raw rows of superseded and failed pulls that are older than MINUTEBOOK_SUPERSEDED_DAYS.")
def purge_unread_rows(context: dg.OpExecutionContext, minutebook: Minutebook) -> None:
    """In small transactions; safe to repeat and to interrupt. What a frozen line is explained by stays."""
    closed_before = clock.now() - timedelta(days=minutebook.settings.superseded_days)
    with (
        minutebook.database() as url,
        connect(url, Role.OPERATOR, actor="retention", autocommit=True) as connection,
    ):
        purged = retention.purge(connection, closed_before)
        tidy(connection, clock.today())
        outbox.forget(connection, clock.today())
        runs.forget(connection, clock.today())
    context.add_output_metadata(
        {one.source: f"{counted(one.raw_rows, 'row')} of {counted(one.pulls, 'pull')}" for one in purged}
    )


@dg.job(
    description="Raw rows of superseded and failed pulls go after a while; what is current or explains a line stays."
)
def purge_raw() -> None:
    """One step."""
    purge_unread_rows()
