"""minutebook reconcile: marts, postings and Stripe are one, or it says where not."""

from dataclasses import asdict
from typing import Annotated

import typer

from orchestration.billing.desk import billing_desk, now
from orchestration.billing.readiness import billed_tenants
from orchestration.billing.reconcile import differences, read_summaries
from orchestration.billing.upcoming import compare_upcoming
from orchestration.cli.options import Json, Tenants, command
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, session

app = typer.Typer()


@command(app, "reconcile", "minutebook reconcile --tenant acme --invoices")
def reconcile(
    ctx: typer.Context,
    tenant: Tenants = None,
    invoices: Annotated[
        bool, typer.Option("--invoices", help="Compare statements with Stripe's upcoming invoices too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read Stripe's day summaries back and compare them with the marts and the postings. Exits 1 on any difference.

    Nothing is repaired: each finding says what to do.
    """
    current = session(ctx)
    with current.settings.database() as url, billing_desk(current.settings, url) as desk:
        rate = current.settings.stripe_rate
        read = read_summaries(desk.connection, desk.api, desk.readiness, now, tenant_ids=tenant, per_second=rate)
        found = differences(desk.connection, now(), tenant)
        lines = []
        if invoices:
            tenants = [one for one in billed_tenants(desk.connection, now().date(), tenant) if one.may_be_posted]
            lines = compare_upcoming(desk.connection, desk.api, desk.readiness, tenants)
    wrong = [line for line in lines if line.difference]
    rows = [{**asdict(one), "is_red": one.is_red} for one in found]
    compared = [{**asdict(line), "difference": line.difference} for line in lines]
    if as_json:
        print_json({"days_read": read, "differences": rows, "lines": compared})
    else:
        columns = [
            "tenant_id",
            "meter_id",
            "usage_date",
            "ours",
            "posted",
            "stripe",
            "difference",
            "age_days",
            "finding",
        ]
        show(rows, [*columns, "what_to_do"], False, f"marts, postings and Stripe agree ({read} days of Stripe's read)")
        if invoices:
            show(
                compared,
                ["tenant_id", "line", "service_period_start", "ours", "stripe", "difference"],
                False,
                "no lines",
            )
    red = [one for one in found if one.is_red]
    if red or wrong:
        raise CommandFailed(f"{len(red)} day(s) and {len(wrong)} line(s) differ; what to do stands beside each")
    if found and not as_json:
        next_step("minutebook reconcile, an hour later: some days were posted just now")
    elif not as_json and not found:
        say("nothing to do")
