"""Runs that pull, pull again and purge."""

from datetime import date, timedelta

import dagster as dg
from pydantic import Field

from orchestration.dagster_internals.run_queue import BY_HAND, LANE
from orchestration.defs.ingestion.assets import PullConfig, pulled, raw_tables
from orchestration.ingestion import PullOutcome, TenantDay, pull_again, pull_today
from orchestration.ingestion.reporting import raise_for_failed, report
from orchestration.resources import Minutebook
from sources.registry import all_sources
from warehouse import clock
from warehouse.automations import runs
from warehouse.database.connect import Role, connect
from warehouse.intake.events import tidy
from warehouse.outgoing import outbox
from warehouse.sources import retention
from warehouse.words import counted

pull_usage = dg.define_asset_job(
    name="pull_usage",
    description="Pull every source for a range of partitions; every tenant-day ends on its own. Of one tenant alone:"
    " pull_tenant.",
    selection=dg.AssetSelection.assets(*raw_tables).without_checks(),
)


class TenantRange(PullConfig):
    """Whose days, and which."""

    tenant: str = Field(description="The tenant's slug, as `minutebook tenant list` shows it.")
    first_day: str = Field(description="The first usage date (UTC), YYYY-MM-DD.")
    last_day: str = Field(description="The last usage date, included; it must be over.")
    sources: list[str] = Field(default=[], description="Only these; empty: all.")

    @property
    def days(self) -> list[TenantDay]:
        """What is asked for. Raises dagster's Failure for what cannot be."""
        try:
            first, last = date.fromisoformat(self.first_day), date.fromisoformat(self.last_day)
        except ValueError:
            raise dg.Failure("Write first_day and last_day as YYYY-MM-DD.", allow_retries=False) from None
        if last < first:
            raise dg.Failure(f"The last day, {last}, is before the first, {first}.", allow_retries=False)
        if unknown := set(self.sources) - all_sources().keys():
            raise dg.Failure(f"No source {min(unknown)}; they are {', '.join(all_sources())}.", allow_retries=False)
        return [TenantDay(self.tenant, first + timedelta(days=n)) for n in range((last - first).days + 1)]


@dg.op(name="pull_days_of_tenant", description="Pull one tenant's days; each ends on its own.")
def pull_days_of_tenant(context: dg.OpExecutionContext, config: TenantRange, minutebook: Minutebook) -> None:
    """Each day that ends well is logged as materialised under its own key. Fails, naming them, if days failed."""
    days, sources = config.days, config.sources or list(all_sources())
    with minutebook.database() as url:
        raise_for_failed(pulled(context, config, minutebook.settings, url, sources, days))


@dg.job(
    description="Pull one tenant's days, whatever the partitions are: in the Launchpad, write `tenant`, `first_day` and"
    " `last_day` (both included). Where partitions are shards, the shard's day turns green once all its tenants' days"
    " are published.",
    tags={LANE: BY_HAND},
)
def pull_tenant() -> None:
    """One step."""
    pull_days_of_tenant()


@dg.op(name="pull_what_is_due", description="Pull each account-day again that is due; each ends on its own.")
def pull_what_is_due(context: dg.OpExecutionContext, minutebook: Minutebook) -> None:
    """Each day that ends well is logged as materialised under its own key. Fails, naming them, if days failed again."""
    outcomes: list[PullOutcome] = []
    settings = minutebook.settings

    def settle(outcome: PullOutcome) -> None:
        outcomes.append(outcome)
        report(context, outcome, has_shard_partitions=settings.has_shard_partitions)

    with minutebook.database() as url:
        pull_again(url, settings, run_id=context.run_id, on_progress=settle)
    raise_for_failed(outcomes)


@dg.job(description="Days that are incomplete, failed for a passing reason, or were never pulled, once they are due.")
def pull_days_again() -> None:
    """One step."""
    pull_what_is_due()


@dg.op(name="read_today", description="Read the day in progress of each account that is due; each ends on its own.")
def read_what_is_due_today(context: dg.OpExecutionContext, minutebook: Minutebook) -> None:
    """Partitions show days that are over, so nothing is materialised. Fails, naming them, if readings failed."""
    with minutebook.database() as url:
        outcomes = pull_today(url, minutebook.settings, run_id=context.run_id)
    raise_for_failed(outcomes)


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
