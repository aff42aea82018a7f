"""Raw usage, one asset per source, partitioned tenant × usage date, or shard × usage date (MINUTEBOOK_PARTITIONS).

A range of tenants and days is one run of one process. Inside it every tenant-day ends on its own: each that ends well
is logged as materialised under its own key, as soon as it is published, and the log says how far the run is; if any
failed, the run then fails and names them, so that the UI shows exactly those keys as failed. The output itself is never
emitted: Dagster would mark the whole range. A shard's day is logged at the end of the run, if all its tenants' days are
published then.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NoReturn

import dagster as dg

from orchestration.ingestion import PullOutcome, PullTrigger, TenantDay, pull
from orchestration.ingestion.partitions import requested_keys, shard_days, tenant_day, tenant_days
from orchestration.ingestion.reporting import raise_for_failed, raw_key, report
from orchestration.ingestion.shard_days import materialization, shard_day, tenant_days_of, whole
from orchestration.resources import LaunchedFor, Minutebook
from orchestration.settings import Settings
from sources.contracts import CONTRACTS
from sources.registry import all_sources
from sources.source import Source
from warehouse.database.connect import Role, connect
from warehouse.words import counted

NIGHT, SHARD = "minutebook/night", "minutebook/shard"
RETRY_TAGS = ("dagster/retry_number", "dagster/is_resume_retry")


class PullConfig(dg.Config):
    """What an operator may choose when launching a pull by hand."""

    accept_loss: bool = False  # publish days that are older than the provider remembers although they lost rows
    accept_count: bool = False  # publish days although the provider counts other rows than it lists
    accept_cost: bool = False  # settle that the provider's own total of cost differs as it does
    accept_unconfirmed: bool = False  # publish days that lost rows although the provider does not say how many it has


def raw_usage(declared: Source) -> dg.AssetsDefinition:
    """The asset of one source's raw table; key [schema, table], group = schema."""
    has_shard_partitions = Settings.from_environment().has_shard_partitions
    declare = partial(
        dg.asset,
        key=[declared.schema, declared.table],
        group_name=declared.schema,
        description=f"What {declared.name} returned, append only; only rows of pulls that are published in the ledger"
        " count.",
        partitions_def=shard_days if has_shard_partitions else tenant_days,
        backfill_policy=dg.BackfillPolicy.single_run(),
        kinds={"python", "postgres"},
        deps=[["control", "scopes"]] if declared.scope_kinds else [],
        output_required=False,
    )

    # Generators that yield no output: from a plain function Dagster takes None as one, and marks the whole range.
    def of_tenants(context: dg.AssetExecutionContext, config: PullConfig, minutebook: Minutebook) -> Iterator[NoReturn]:
        yield from ()
        requested = [tenant_day(key) for key in requested_keys(context.instance, context.run, context.asset_key)]
        with minutebook.database() as url:
            outcomes = pulled(context, config, minutebook.settings, url, [declared.name], requested)
        raise_for_failed(outcomes)

    def of_shards(
        context: dg.AssetExecutionContext, config: PullConfig, minutebook: Minutebook, launched_for: LaunchedFor
    ) -> Iterator[NoReturn]:
        yield from ()
        keys = requested_keys(context.instance, context.run, context.asset_key)
        days = [shard_day(declared.name, key) for key in keys]
        settings = minutebook.settings
        with minutebook.database() as url:
            with connect(url, Role.LOADER) as connection:
                requested = tenant_days_of(connection, settings.shards, days, launched_for.tenants)
            outcomes = pulled(context, config, settings, url, [declared.name], requested)
            with connect(url, Role.LOADER) as connection:
                for day in whole(connection, settings.shards, days):
                    context.log_event(materialization(day))
        raise_for_failed(outcomes)

    if has_shard_partitions:
        return declare()(of_shards)
    return declare()(of_tenants)


def pulled(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    config: PullConfig,
    settings: Settings,
    url: str,
    sources: Sequence[str],
    requested: Sequence[TenantDay],
) -> list[PullOutcome]:
    """How each requested tenant-day ended, of each source; the log says how far the run is."""
    of, asked = ", ".join(sources), len(requested) * len(sources)
    context.log.info(f"{of}: {counted(asked, 'tenant-day')} requested")
    outcomes: list[PullOutcome] = []
    report_every = max(1, asked // 20)

    def settle(outcome: PullOutcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) % report_every == 0 and len(outcomes) < asked:
            failed = sum(outcome.is_failed for outcome in outcomes)
            context.log.info(f"{of}: {len(outcomes)} of {counted(asked, 'tenant-day')} settled, {failed} failed")
        report(context, outcome, has_shard_partitions=settings.has_shard_partitions)

    pull(
        url,
        settings,
        requested,
        sources,
        _trigger(context.run),
        run_id=context.run_id,
        accept_loss=config.accept_loss,
        accept_count=config.accept_count,
        accept_cost=config.accept_cost,
        accept_unconfirmed=config.accept_unconfirmed,
        done_in_runs=_earlier_attempts(context),
        on_progress=settle,
    )
    return outcomes


def _trigger(run: dg.DagsterRun) -> PullTrigger:
    return PullTrigger.SCHEDULE if "dagster/schedule_name" in run.tags else PullTrigger.BACKFILL


def _earlier_attempts(context: dg.OpExecutionContext | dg.AssetExecutionContext) -> Sequence[str]:
    """The runs this one continues: an automatic retry, or a re-execution from failure, redoes only what is not done.
    And those of the same night's other shards: an account that several share is read once."""
    found: set[str] = set()
    if any(tag in context.run.tags for tag in RETRY_TAGS):
        root = context.run.tags.get("dagster/root_run_id", context.run_id)
        found = {
            root,
            *(run.run_id for run in context.instance.get_runs(dg.RunsFilter(tags={"dagster/root_run_id": root}))),
        }
    if night := context.run.tags.get(NIGHT):
        found |= {run.run_id for run in context.instance.get_runs(dg.RunsFilter(tags={NIGHT: night}))}
    return sorted(found - {context.run_id})


raw_tables = [raw_usage(source) for source in all_sources().values()]
contract_tables = [
    dg.AssetSpec(
        ["contracts", contract],
        group_name="contracts",
        description=f"Rows of every source whose raw table has the columns of the contract {contract}.",
        deps=[
            raw_key(source.name)
            for source in all_sources().values()
            if source.is_contract_shaped and source.contract == contract
        ],
        kinds={"postgres"},
    )
    for contract in CONTRACTS
]
ledger_tables = [
    dg.AssetSpec(["ledger", table], group_name="ledger", description=text, kinds={"postgres"})
    for table, text in {
        "pulls": "Every pull, and which of them is current; rows of no other are read.",
        "standing_quarantine": "Rows set aside of current pulls, which nobody accepted yet.",
        "corrected_calls": "Calls that were set aside for their length alone, at the length a person gave them.",
        "acceptances": "Contradictions of a call's costs that a person accepted, with their figures.",
        "campaigns": "Campaigns of accounts, as their provider named and counted them last.",
    }.items()
]
