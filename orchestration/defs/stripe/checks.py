"""That marts, postings, statements and Stripe are one."""

import dagster as dg

from orchestration.defs.stripe.assets import FINAL, SHOWN, SUMMARIES, findings_table
from orchestration.plain import plain
from orchestration.resources import Minutebook
from orchestration.stripe_billing.invoices.upcoming import compare_upcoming
from orchestration.stripe_billing.reconciliation import Difference, differences
from orchestration.stripe_billing.setup import check as check_setup
from orchestration.stripe_billing.workspace import billing_desk
from warehouse.clock import now
from warehouse.database.connect import Role, connect
from warehouse.statements.invoice_lines import final_lines as known_lines
from warehouse.stripe.billed_tenants import billed_tenants
from warehouse.words import counted


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
        description=f"{counted(len(found), 'line', 'differs', 'differ')}, of {', '.join(tenants[:5])}"
        if found
        else None,
        metadata={"lines": dg.MetadataValue.table(records)} if found else {},
    )


@dg.asset_check(
    asset=SUMMARIES,  # not on the mart: what a build has just made is not posted yet
    additional_deps=[dg.AssetKey(["marts", "fct_reconciliation"])],
    name="marts_postings_and_stripe_agree",
    description="Per tenant, meter and day: what the marts want, what we posted and what Stripe holds are one.",
)
def marts_postings_and_stripe_agree(minutebook: Minutebook) -> dg.AssetCheckResult:
    """Red on any difference that is not an hour old; each row says what a person does. Nothing is repaired here."""
    with minutebook.database() as url, connect(url, Role.BILLING, autocommit=True) as connection:
        found = differences(connection)
    red = [one for one in found if one.is_red]
    table = dg.MetadataValue.table([_record(one) for one in red[:SHOWN]]) if red else None
    return dg.AssetCheckResult(
        passed=not red,
        description=f"{counted(len(red), 'day', 'differs', 'differ')}" if red else None,
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
        metadata={"found": findings_table(found)} if found else {},
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
    shown = [line for line in lines if line.difference or line.is_stale]
    records = [
        dg.TableRecord(
            {
                "tenant": line.tenant_id, "line": line.line, "period": str(line.service_period_start),
                "ours": str(line.ours), "stripe": str(line.stripe), "difference": str(line.difference),
                "age": str(line.age(now())), "stripe_answers": not line.is_stale,
            }
        )
        for line in shown[:SHOWN]
    ]  # fmt: skip
    differ, stale = sum(bool(line.difference) for line in lines), sum(line.is_stale for line in lines)
    metadata = {
        "compared": dg.MetadataValue.int(len(lines)),
        **({"lines": dg.MetadataValue.table(records)} if shown else {}),
        **({"found": findings_table(upcoming.failed)} if upcoming.failed else {}),
    }
    words = [f"lines that differ: {differ}", f"old since Stripe does not answer: {stale}"]
    if upcoming.failed:
        words.append(f"tenants of which nothing is known: {len(upcoming.failed)}")
    is_good = not shown and not upcoming.failed
    return dg.AssetCheckResult(
        passed=is_good,
        severity=dg.AssetCheckSeverity.WARN,
        description=None if is_good else ", ".join(words),
        metadata=metadata,
    )


def _record(one: Difference) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "tenant": one.tenant_id, "meter": one.meter_id, "day": str(one.usage_date), "ours": plain(one.ours),
            "posted": plain(one.posted), "stripe": plain(one.stripe), "finding": one.finding,
            "what_to_do": one.what_to_do,
        }
    )  # fmt: skip
