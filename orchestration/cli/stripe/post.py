"""minutebook post: what is owed reaches Stripe."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

import typer

from orchestration.cli.options import Json, Tenants, command
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, session
from orchestration.stripe_billing.invoices.elsewhere import ItemsResent, resend_items
from orchestration.stripe_billing.invoices.items import ItemsReport
from orchestration.stripe_billing.posting.report import PostingReport
from orchestration.stripe_billing.reconciliation import Resent, post_again, resend
from orchestration.stripe_billing.workspace import billing_desk
from warehouse.clock import now
from warehouse.words import agreeing, counted

app = typer.Typer()
EVENTS = ["tenant_id", "meter_id", "usage_date", "value", "held", "version", "event_name"]
SHOWN = 5
ITEMS = ["tenant_id", "line_id", "item_kind", "amount", "currency"]


@command(app, "post", "minutebook post --dry-run")
def post(
    ctx: typer.Context,
    tenant: Tenants = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show every event and item; send none.")] = False,
    again: Annotated[
        str | None,
        typer.Option(metavar="TENANT/METER/DAY", help="Count this posting as lost first, as reconcile advises."),
    ] = None,
    resend_lacking: Annotated[
        bool,
        typer.Option(
            "--resend",
            help="First count as lost what another customer, account or mode than today's holds and has not billed:"
            " days of usage, and invoice items.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Post overage to Stripe's meters, then what no meter can carry as invoice items.

    Only what differs from what was posted is sent; to run it twice does no harm. Exits 1 when something was held back.
    """
    current = session(ctx)
    with current.settings.database() as url, billing_desk(current.settings, url) as desk:
        if again and not dry_run:
            post_again(desk.connection, *_named(again), now())
        resent, items_resent = Resent([], []), ItemsResent([], [])
        if resend_lacking:
            resent = resend(desk.connection, desk.readiness, now(), tenant, dry_run=dry_run)
            items_resent = resend_items(desk.connection, now(), tenant, dry_run=dry_run)
        report = desk.poster().run(tenant_ids=tenant, dry_run=dry_run)
        items = desk.invoicer().run(tenant_ids=tenant, dry_run=dry_run)
    if as_json:
        print_json({**_as_json(report, items), "resent": asdict(resent), "items_resent": asdict(items_resent)})
    else:
        if resend_lacking:
            _tell_resent(resent, items_resent)
        _tell(report, items, dry_run)
    if reasons := _reasons(report, [] if dry_run else items.left):
        rest = f"; and {len(reasons) - SHOWN} more, above" if len(reasons) > SHOWN else ""
        raise CommandFailed(f"not everything was posted: {'; '.join(reasons[:SHOWN])}{rest}")


def _reasons(report: PostingReport, left: Sequence[tuple[dict[str, Any], str]]) -> list[str]:
    """Tenant, what, and why. Days that no meter takes are only counted: reconcile names them."""
    said = [
        f"{one.tenant_id}{f' {one.meter_id}' if one.meter_id else ''}: {one.message}" for one in report.stopped.values()
    ]
    said += [f"{item['line_id']} ({item['amount']} {item['currency']}): {why}" for item, why in left]
    others = {state: count for state, count in report.counts.items() if state == "uncovered"}
    if others:
        said.append(
            f"{counted(others['uncovered'], 'day')} no meter takes, billed at approval; which: minutebook reconcile"
        )
    if report.counts["refused"] and not report.stopped:
        said.append(f"{counted(report.counts['refused'], 'day')} refused; which and why: minutebook reconcile")
    return said


def _tell(report: PostingReport, items: ItemsReport, dry_run: bool) -> None:
    if dry_run:
        show([asdict(row) for row in report.events], EVENTS, False, "nothing to post", "Events that would be sent")
        show([item for item, _ in items.left], ITEMS, False, "no items", "Invoice items that would be added")
    else:
        counts = ", ".join(f"{count} {state}" for state, count in sorted(report.counts.items())) or "nothing to post"
        say(f"postings: {counts}")
        say(f"invoice items: {len(items.added)} added, {len(items.found)} found, {len(items.left)} left")
        show([{**item, "why": why} for item, why in items.left], [*ITEMS, "why"], False, "")
    stopped = [asdict(finding) for finding in report.stopped.values()]
    if stopped:
        show(stopped, ["tenant_id", "meter_id", "code", "message"], False, "", "Held back")
    elif not dry_run:
        next_step("minutebook reconcile, an hour later")


def _tell_resent(resent: Resent, items: ItemsResent) -> None:
    say(f"held by another customer, account or mode, and posted again: {counted(len(resent.days), 'day')}")
    if items.due:
        added = f"held by another account or mode, and added again: {counted(len(items.due), 'invoice item')}"
        say(f"{added}; delete {agreeing(len(items.due), 'it', 'them')} there")
    columns = ["tenant_id", "meter_id", "usage_date", "why"]
    show([dict(zip(columns, row, strict=True)) for row in resent.kept], columns, False, "", "Left where they are")
    for line, why in items.kept:
        say(f"{line} is left where it is: {why}")


def _as_json(report: PostingReport, items: ItemsReport) -> dict[str, Any]:
    return {
        "postings": dict(report.counts),
        "events": [asdict(row) for row in report.events],
        "held_back": [asdict(finding) for finding in report.stopped.values()],
        "items": {
            "added": items.added,
            "found": items.found,
            "left": [{**item, "why": why} for item, why in items.left],
        },
    }


def _named(text: str) -> tuple[str, str, date]:
    try:
        tenant, meter, day = text.split("/")
        return tenant, meter, date.fromisoformat(day)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no posting; write TENANT/METER/YYYY-MM-DD") from None
