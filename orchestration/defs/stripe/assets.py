"""What was told to Stripe, what Stripe holds, and the check that they are one with the marts.

marts.fct_overages_daily is read by the postings, and marts.fct_reconciliation reads them, yet all models are one step
of dbt: with both declared, that step would depend on itself. So only the former is.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from orchestration.plain import plain
from orchestration.resources import Minutebook
from orchestration.stripe_billing.events import process_events
from orchestration.stripe_billing.invoices.items import REMEMBERED, ItemsReport
from orchestration.stripe_billing.invoices.upcoming import compare_upcoming
from orchestration.stripe_billing.posting.readiness import Finding, billed_tenants
from orchestration.stripe_billing.posting.report import PostingReport
from orchestration.stripe_billing.reconciliation import Difference, differences, read_summaries
from orchestration.stripe_billing.setup import check as check_setup
from orchestration.stripe_billing.workspace import Desk, billing_desk
from warehouse.clock import now, today
from warehouse.database.connect import Role, connect
from warehouse.stripe.invoice_lines import feed_mart
from warehouse.stripe.invoice_lines import final_lines as known_lines
from warehouse.stripe.postings import PosterBusy

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
    description="Overage as told to Stripe, and what no meter can carry as invoice items.",
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
        metadata={"found": _findings(read.failed)} if read.failed else {},
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
            desk.cache.demand_anew()
            lines = desk.finals().read(today() - REMEMBERED, per_second=settings.stripe_rate)
        with connect(url, Role.TRANSFORMER, autocommit=True) as connection:
            feed_mart(connection)
    return dg.MaterializeResult(metadata={"lines": len(lines), "differ": sum(line.code is not None for line in lines)})


@dg.asset_check(
    asset=FINAL,
    name="statements_and_final_invoices_agree",
    description="Per billed tenant and period, to the cent: fee, usage, items, credit notes, refunds, payments.",
)
def statements_and_final_invoices_agree(minutebook: Minutebook) -> dg.AssetCheckResult:
    """What `minutebook reconcile --final` says of each period; red on every line that has no counterpart."""
    with minutebook.database() as url, connect(url, Role.BILLING, autocommit=True) as connection:
        found = [row for row in known_lines(connection) if row["code"]]
    shown = ("tenant_id", "period_start", "line", "ours", "stripe", "difference", "code", "what", "what_to_do")
    records = [dg.TableRecord({name: str(row[name]) for name in shown}) for row in found[:SHOWN]]
    tenants = sorted({row["tenant_id"] for row in found})
    return dg.AssetCheckResult(
        passed=not found,
        description=f"{len(found)} line(s) differ, of {', '.join(tenants[:5])}" if found else None,
        metadata={"lines": dg.MetadataValue.table(records)} if found else {},
    )


@dg.asset(
    key=EVENTS, group_name="ledger", kinds={"stripe"}, pool="stripe", description="Stripe's webhooks, worked off."
)
def stripe_events(minutebook: Minutebook) -> dg.MaterializeResult[None]:
    """Process what `minutebook serve` has kept, and post the tenants whose invoice Stripe has just drafted.

    Fails when an event could not be processed; it waits for the next run.
    """
    with minutebook.database() as url, billing_desk(minutebook.settings, url) as desk:
        report = process_events(desk.connection, desk.api, now)
        posted = _last_call(desk, report.closing)
    if report.failed:
        raise dg.Failure(f"{report.failed} event(s) could not be processed and wait; {report.processed} were.")
    metadata = {"processed": report.processed, "postings_withdrawn": report.withdrawn, "postings_of_drafts": posted}
    return dg.MaterializeResult(metadata=metadata)


@dg.asset_check(
    asset=SUMMARIES,
    name="marts_postings_and_stripe_agree",
    description="Per tenant, meter and day: what the marts want, what we posted and what Stripe holds are one.",
)
def marts_postings_and_stripe_agree(minutebook: Minutebook) -> dg.AssetCheckResult:
    """Red on any difference that is not an hour old; each row says what a person does. Nothing is repaired here."""
    with minutebook.database() as url, connect(url, Role.BILLING, autocommit=True) as connection:
        found = differences(connection, now())
    red = [one for one in found if one.is_red]
    table = dg.MetadataValue.table([_record(one) for one in red[:SHOWN]]) if red else None
    return dg.AssetCheckResult(
        passed=not red,
        description=f"{len(red)} day(s) differ" if red else None,
        metadata={"differences": len(red), "settling": len(found) - len(red), **({"days": table} if table else {})},
    )


@dg.asset_check(
    asset=SUMMARIES,
    name="stripe_is_set_up_as_our_prices_say",
    description="Each billed tenant's customer, subscription, anchor, grace, items, and Stripe's prices against ours.",
)
def stripe_is_set_up_as_our_prices_say(minutebook: Minutebook) -> dg.AssetCheckResult:
    """What `minutebook stripe check` says: red where posting is held back, and where Stripe charges otherwise."""
    with minutebook.database() as url, billing_desk(minutebook.settings, url) as desk:
        found = check_setup(desk.connection, desk.api, desk.cache, desk.readiness, now)
    return dg.AssetCheckResult(
        passed=not found,
        description=f"{len(found)} found" if found else None,
        metadata={"found": _findings(found)} if found else {},
    )


@dg.asset_check(
    asset=SUMMARIES,
    name="statements_and_upcoming_invoices_agree",
    description="Per billed tenant, line by line and to the cent: our running statement and Stripe's upcoming invoice.",
)
def statements_and_upcoming_invoices_agree(minutebook: Minutebook) -> dg.AssetCheckResult:
    """What `minutebook reconcile --invoices` says; it warns, since a running period still moves on both sides.

    It warns as well where Stripe does not answer and its last word is compared instead, with its age beside.
    """
    settings, at = minutebook.settings, now()
    with minutebook.database() as url, billing_desk(settings, url) as desk:
        tenants = [one for one in billed_tenants(desk.connection, at.date()) if one.may_be_posted]
        upcoming = compare_upcoming(desk.connection, desk.readiness, tenants, per_second=settings.stripe_rate)
    lines = upcoming.lines
    told = [line for line in lines if line.difference or line.is_stale]
    records = [
        dg.TableRecord(
            {
                "tenant": line.tenant_id, "line": line.line, "period": str(line.service_period_start),
                "ours": str(line.ours), "stripe": str(line.stripe), "difference": str(line.difference),
                "age": str(line.age(now())), "stripe_answers": not line.is_stale,
            }
        )
        for line in told[:SHOWN]
    ]  # fmt: skip
    differ, stale = sum(bool(line.difference) for line in lines), sum(line.is_stale for line in lines)
    metadata = {
        "compared": dg.MetadataValue.int(len(lines)),
        **({"lines": dg.MetadataValue.table(records)} if told else {}),
        **({"found": _findings(upcoming.failed)} if upcoming.failed else {}),
    }
    words = [f"{differ} line(s) differ", f"{stale} are old since Stripe does not answer"]
    if upcoming.failed:
        words.append(f"of {len(upcoming.failed)} tenant(s) nothing is known")
    is_good = not told and not upcoming.failed
    return dg.AssetCheckResult(
        passed=is_good,
        severity=dg.AssetCheckSeverity.WARN,
        description=None if is_good else ", ".join(words),
        metadata=metadata,
    )


def _findings(found: Sequence[Finding]) -> dg.TableMetadataValue:
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


def _record(one: Difference) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "tenant": one.tenant_id, "meter": one.meter_id, "day": str(one.usage_date), "ours": plain(one.ours),
            "posted": plain(one.posted), "stripe": plain(one.stripe), "finding": one.finding,
            "what_to_do": one.what_to_do,
        }
    )  # fmt: skip
