"""minutebook reconcile: marts, postings and Stripe are one, or it says where not."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer

from orchestration.cli.options import Json, Tenants, command, parse_month
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, Session, session
from orchestration.marts import building
from orchestration.stripe_billing.api.errors import StripeUnavailable
from orchestration.stripe_billing.invoices.states import waiting_events
from orchestration.stripe_billing.invoices.upcoming import LineComparison, Upcoming, compare_upcoming
from orchestration.stripe_billing.posting.readiness import Finding
from orchestration.stripe_billing.reconciliation import Difference, differences, read_summaries
from orchestration.stripe_billing.workspace import Desk, billing_desk
from warehouse.clock import now
from warehouse.database.connect import Role, connect
from warehouse.statements.invoice_lines import feed_mart, final_lines
from warehouse.statements.periods import Month
from warehouse.stripe.billed_tenants import billed_tenants
from warehouse.words import counted

app = typer.Typer()
DAYS = ["tenant_id", "meter_id", "usage_date", "ours", "posted", "stripe", "difference", "age_days", "finding"]
FINAL = ["tenant_id", "period_start", "line", "ours", "stripe", "difference", "accepted", "waits", "code"]
LINES = ["tenant_id", "line", "service_period_start", "ours", "stripe", "difference", "age", "what_to_do"]


@command(app, "reconcile", "minutebook reconcile --tenant acme --invoices")
def reconcile(
    ctx: typer.Context,
    tenant: Tenants = None,
    invoices: Annotated[
        bool, typer.Option("--invoices", help="Compare statements with Stripe's upcoming invoices too.")
    ] = False,
    final: Annotated[
        Month | None,
        typer.Option(
            "--final",
            parser=parse_month,
            metavar="YYYY-MM",
            help="Compare that month's statements with final invoices.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read Stripe's day summaries back and compare them with the marts and the postings. Exits 1 on any difference.

    Nothing is repaired: each finding says what to do. With --final only the invoices of that month's periods are read,
    whole: usage, fees, items, credit notes, refunds, payments. An upcoming invoice is up to a minute old, or as old as
    is said beside it while Stripe does not answer.
    """
    current = session(ctx)
    rate = current.settings.stripe_rate
    if final:
        _final(current, final, tenant, as_json)
        return
    with current.settings.database() as url, billing_desk(current.settings, url) as desk:
        upcoming = _lines(desk, tenant, rate) if invoices else Upcoming([], [])
        lines = upcoming.lines
        try:
            read = read_summaries(desk.connection, desk.api, desk.readiness, now, tenant_ids=tenant, per_second=rate)
        except StripeUnavailable:
            if lines and not as_json:
                _show_lines(lines)
            raise
        building.build_after_posting(url, current.settings.home)
        found = differences(desk.connection, tenant)
        waiting = waiting_events(desk.connection)
    wrong = [line for line in lines if line.difference]
    failed = [*read.failed, *upcoming.failed]
    rows = [{**asdict(one), "is_red": one.is_red} for one in found]
    if as_json:
        print_json(
            {
                "days_read": read.days, "differences": rows, "lines": _reported(lines),
                "not_compared": [asdict(one) for one in failed],
            }
        )  # fmt: skip
    else:
        show(
            rows,
            [*DAYS, "what_to_do"],
            False,
            f"marts, postings and Stripe agree ({counted(read.days, 'day')} of Stripe's read)",
        )
        if invoices:
            _show_lines(lines)
        if waiting:
            say(f"warning: {waiting}")
        show([asdict(one) for one in failed], ["tenant_id", "meter_id", "code", "message"], False, "", "Not compared")
    _conclude(found, wrong, failed, as_json)


def _final(current: Session, month: Month, tenant: list[str] | None, as_json: bool) -> None:
    """Every line of the month's final invoices against its statement's."""
    with current.settings.database() as url:
        with billing_desk(current.settings, url) as desk:
            desk.cache.demand_fresh()
            desk.finals().read(month.start, tenant, per_second=current.settings.stripe_rate)
            rows = final_lines(desk.connection, month, tenant)
        with connect(url, Role.TRANSFORMER, actor=current.settings.actor, autocommit=True) as connection:
            feed_mart(connection)
    wrong = [row for row in rows if row["code"]]
    if as_json:
        print_json({"period": str(month), "lines": rows})
    else:
        show(rows, FINAL, False, "no statement of a billed tenant begins in that month", f"Final invoices, {month}")
        for row in wrong:
            say(f"{row['tenant_id']} {row['line']}: {row['what']}")
            say(f"  {row['what_to_do']}")
    if wrong:
        tenants = sorted({row["tenant_id"] for row in wrong})
        raise CommandFailed(
            f"{counted(len(wrong), 'line', 'differs', 'differ')}, of {', '.join(tenants)}; what to do stands below each"
        )
    if rows and not as_json:
        waiting = sum(row["waits"] is not None for row in rows)
        say(
            f"agree to the cent: {counted(len(rows) - waiting, 'line')}"
            + (f"; not invoiced yet: {waiting}" if waiting else "")
        )


def _lines(desk: Desk, tenant: list[str] | None, rate: float) -> Upcoming:
    tenants = [one for one in billed_tenants(desk.connection, now().date(), tenant) if one.may_be_posted]
    return compare_upcoming(desk.connection, desk.readiness, tenants, per_second=rate)


def _reported(lines: Sequence[LineComparison]) -> list[dict[str, Any]]:
    at = now()
    return [
        {
            **asdict(line),
            "difference": line.difference,
            "what_to_do": line.what_to_do,
            "age": _words(line.age(at), line),
        }
        for line in lines
    ]


def _words(age: timedelta, line: LineComparison) -> str:
    return f"{age}, Stripe does not answer" if line.is_stale else str(age)


def _show_lines(lines: Sequence[LineComparison]) -> None:
    show(_reported(lines), LINES, False, "no lines", "Statements and Stripe's upcoming invoices")
    stale = sorted({line.tenant_id for line in lines if line.is_stale})
    if stale:
        say(
            f"warning: Stripe does not answer; what it last said of the next invoice of {', '.join(stale)} is as old"
            " as stands beside each line"
        )


def _conclude(
    found: Sequence[Difference], wrong: Sequence[LineComparison], failed: Sequence[Finding], as_json: bool
) -> None:
    red = [one for one in found if one.is_red]
    if red or wrong or failed:
        words = [f"{counted(len(red), 'day')} and {counted(len(wrong), 'line')} differ; what to do stands beside each"]
        if failed:
            names = ", ".join(sorted({one.tenant_id for one in failed}))
            words.append(f"not compared: {names}; next: minutebook stripe check")
        raise CommandFailed("; ".join(words))
    if found and not as_json:
        next_step("minutebook reconcile, an hour later: some days were posted just now")
    elif not as_json and not found:
        say("nothing to do")
