"""What was posted to Stripe, and what Stripe holds; marts.fct_reconciliation is made of it in a step after it."""

from collections.abc import Iterator, Sequence

import dagster as dg

from orchestration.resources import Minutebook
from orchestration.stripe_billing.events import process_events
from orchestration.stripe_billing.invoices.items import REMEMBERED, ItemsReport
from orchestration.stripe_billing.posting.readiness import Finding
from orchestration.stripe_billing.posting.report import PostingReport
from orchestration.stripe_billing.reconciliation import read_summaries
from orchestration.stripe_billing.workspace import Desk, billing_desk
from warehouse.clock import now, today
from warehouse.database.connect import Role, connect
from warehouse.statements.invoice_lines import feed_mart
from warehouse.stripe.postings import PosterBusy
from warehouse.words import counted

SHOWN = 100
READ_OF_ALL = "stripe_was_read_of_every_tenant"
POSTINGS = dg.AssetKey(["ledger", "postings"])
SUMMARIES = dg.AssetKey(["ledger", "stripe_day_summaries"])
FINAL = dg.AssetKey(["ledger", "final_lines"])
EVENTS = dg.AssetKey(["ledger", "stripe_events"])


@dg.asset(
    key=POSTINGS,
    group_name="ledger",
    deps=[dg.AssetKey(["marts", "fct_overages_daily"])],
    kinds={"stripe"},
    pool="stripe",
    description="Overage as posted to Stripe, and what no meter can carry as invoice items.",
)
def postings(context: dg.AssetExecutionContext, minutebook: Minutebook) -> dg.MaterializeResult[None]:
    """Post what is due. Fails, after posting all it can, when something was held back; the reasons are its metadata."""
    with minutebook.database() as url, billing_desk(minutebook.settings, url) as desk:
        report, items = _posted(desk)
    held_back = [
        dg.TableRecord({"tenant": one.tenant_id, "meter": one.meter_id or "", "code": one.code, "why": one.message})
        for one in report.stopped.values()
    ] + [
        dg.TableRecord({"tenant": item["tenant_id"], "meter": item["line_id"], "code": "item", "why": why})
        for item, why in items.left
    ]
    metadata: dict[str, dg.MetadataValue] = {
        **{state: dg.MetadataValue.int(count) for state, count in report.counts.items()},
        "items_added": dg.MetadataValue.int(len(items.added)),
    }
    if held_back:
        metadata["held_back"] = dg.MetadataValue.table(held_back[:SHOWN])
        raise dg.Failure(f"{len(held_back)} held back, each with its reason; the others are posted.", metadata)
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(
    key=SUMMARIES,
    group_name="ledger",
    deps=[POSTINGS],
    kinds={"stripe"},
    pool="stripe",
    description="Stripe's own day summaries, read back.",
    check_specs=[
        dg.AssetCheckSpec(
            READ_OF_ALL, asset=SUMMARIES, description="Stripe's summaries were read of every tenant that is billed."
        )
    ],
)
def stripe_day_summaries(minutebook: Minutebook) -> Iterator[dg.MaterializeResult[None]]:
    """Read every day that a meter may still change; of whom it cannot be read, the check names."""
    settings = minutebook.settings
    with minutebook.database() as url, billing_desk(settings, url) as desk:
        read = read_summaries(desk.connection, desk.api, desk.readiness, now, per_second=settings.stripe_rate)
    check = dg.AssetCheckResult(
        check_name=READ_OF_ALL,
        passed=not read.failed,
        description=f"{len(read.failed)} not read; the others were" if read.failed else None,
        metadata={"found": findings_table(read.failed)} if read.failed else {},
    )
    yield dg.MaterializeResult(metadata={"days": read.days}, check_results=[check])


@dg.asset(
    key=FINAL,
    group_name="ledger",
    deps=[POSTINGS],
    kinds={"stripe"},
    pool="stripe",
    description="Every line of Stripe's invoices beside its statement's, read back.",
)
def final_lines(minutebook: Minutebook) -> dg.MaterializeResult[None]:
    """Read the invoices, credit notes and refunds of every period whose invoices can still change."""
    settings = minutebook.settings
    with minutebook.database() as url:
        with billing_desk(settings, url) as desk:
            desk.cache.demand_fresh()
            lines = desk.finals().read(today() - REMEMBERED, per_second=settings.stripe_rate, until_settled=True)
        with connect(url, Role.TRANSFORMER, autocommit=True) as connection:
            feed_mart(connection)
    return dg.MaterializeResult(metadata={"lines": len(lines), "differ": sum(line.code is not None for line in lines)})


@dg.asset(key=EVENTS, group_name="ledger", kinds={"stripe"}, pool="stripe", description="Stripe's webhooks, processed.")
def stripe_events(minutebook: Minutebook) -> dg.MaterializeResult[None]:
    """Process what `minutebook serve` has kept, and post the tenants whose invoice Stripe has just drafted.

    Fails when an event could not be processed; it waits for the next run.
    """
    with minutebook.database() as url, billing_desk(minutebook.settings, url) as desk:
        report = process_events(desk.connection, desk.api, now)
        posted = _last_call(desk, report.closing)
    if report.failed:
        raise dg.Failure(f"{counted(report.failed, 'event')} could not be processed; processed: {report.processed}.")
    metadata = {"processed": report.processed, "postings_withdrawn": report.withdrawn, "postings_of_drafts": posted}
    return dg.MaterializeResult(metadata=metadata)


def findings_table(found: Sequence[Finding]) -> dg.TableMetadataValue:
    """Who, which meter, and why; the first of them."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord({"tenant": one.tenant_id, "meter": one.meter_id or "", "code": one.code, "why": one.message})
            for one in found[:SHOWN]
        ]
    )


def _posted(desk: Desk) -> tuple[PostingReport, ItemsReport]:
    return desk.poster().run(), desk.invoicer().run()


def _last_call(desk: Desk, tenants: list[str]) -> int:
    """Usage and items of these tenants, before their drafts become final; returns postings that Stripe accepted."""
    if not tenants:
        return 0
    try:
        report = desk.poster().run(tenant_ids=tenants)
        desk.invoicer().run(tenant_ids=tenants)
    except PosterBusy:
        return 0  # Whoever posts takes them along, or the sensor sees that they are due still.
    return report.counts["accepted"]
