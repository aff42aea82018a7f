"""minutebook stripe: what Stripe must have set up before overage can be billed."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from orchestration.cli.options import Json, TenantArgument, Tenants, command, group
from orchestration.cli.output import next_step, print_json, say, show, show_changes
from orchestration.cli.session import CommandFailed, session
from orchestration.stripe_billing.api.account import account_of
from orchestration.stripe_billing.api.currency import from_minor
from orchestration.stripe_billing.api.errors import StripeUnavailable
from orchestration.stripe_billing.each import ask_each
from orchestration.stripe_billing.events import process_events
from orchestration.stripe_billing.invoices.states import read_states, waiting_events
from orchestration.stripe_billing.posting.readiness import Finding
from orchestration.stripe_billing.setup import check as check_setup
from orchestration.stripe_billing.workspace import api_of, billing_desk
from warehouse.clock import now, today
from warehouse.control.tenants import put_customer, require_tenant
from warehouse.database.connect import Role, connect
from warehouse.stripe import events as kept_events
from warehouse.stripe.accounts import Account, adopt, adopted, sent_elsewhere
from warehouse.stripe.postings import OLDEST_TIMESTAMP, posting_lock
from warehouse.words import counted

app = group("Stripe's meters, prices and subscriptions.", "minutebook stripe check --tenant acme")


Line = Annotated[str, typer.Argument(metavar="LINE", help="Of a statement, as `reconcile --final` names it.")]
Apply = Annotated[bool, typer.Option("--apply/--plan", help="Do it; without it, only say what would be done.")]


@command(app, "sync", "minutebook stripe sync --apply")
def sync(
    ctx: typer.Context,
    apply: Annotated[
        bool, typer.Option("--apply/--plan", help="Create what is missing; without it, only say what would be.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Ask Stripe again, as --apply does, not what it said within the hour.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make Stripe's meters, products and prices for ours. What is there is never edited; drift is reported, exits 1."""
    current = session(ctx)
    with current.settings.database() as url, billing_desk(current.settings, url) as desk:
        if again:
            desk.cache.demand_fresh()
        steps = desk.setup().sync(apply=apply)
        oldest = desk.cache.oldest_reading
        age = int((now() - oldest).total_seconds()) // 60 if oldest else 0
    rows = [asdict(step) for step in steps]
    show(rows, ["kind", "name", "result", "message"], as_json, "no meter has a Stripe event name and a price")
    if age and not as_json:
        say(f"as Stripe said {counted(age, 'minute')} ago; to ask it again: minutebook stripe sync --plan --again")
    if failed := [step for step in steps if step.result == "failed"]:
        raise CommandFailed(f"not created: {counted(len(failed), 'object')}; again: minutebook stripe sync --apply")
    drift = [step for step in steps if step.result == "drift"]
    if drift:
        raise CommandFailed(f"not as ours: {counted(len(drift), 'object')}; correct it at Stripe, or our price here")
    if not as_json:
        missing = any(step.result == "create" for step in steps)
        next_step("minutebook stripe sync --apply" if missing else "minutebook stripe check")


@command(app, "check", "minutebook stripe check --tenant acme")
def check(ctx: typer.Context, tenant: Tenants = None, as_json: Json = False) -> None:
    """What is missing at Stripe of each tenant before posting can start, asked again. Exits 1 when something is.

    A tenant is posted once its flag is set: minutebook tenant flag TENANT stripe_posting true.
    """
    current = session(ctx)
    with current.settings.database() as url, billing_desk(current.settings, url) as desk:
        desk.cache.demand_fresh()
        found = check_setup(desk.connection, desk.api, desk.cache, desk.readiness, now, tenant)
    rows = [asdict(finding) for finding in found]
    columns = ["tenant_id", "meter_id", "code", "message", "blocks"]
    show(rows, columns, as_json, "every tenant that is billed is set up")
    if found:
        raise CommandFailed(f"{counted(len(found), 'finding')}; the message of each says what to do")
    if not as_json:
        next_step("minutebook post --dry-run")


@command(app, "invoices", "minutebook stripe invoices --tenant acme")
def invoices(ctx: typer.Context, tenant: Tenants = None, as_json: Json = False) -> None:
    """Stripe's invoices and their payments: paid, open, how many payments failed. Stripe is asked.

    Where it does not answer, or no key is set, they are as it last said, with the age beside. Payments that failed are
    known by webhooks alone. A draft's total moves until it is final.
    """
    current = session(ctx)
    said = []
    with current.settings.database() as url:
        if current.settings.stripe_api_key:
            try:
                with billing_desk(current.settings, url) as desk:
                    said = [one.message for one in read_states(desk.connection, desk.api, now, tenant)]
            except StripeUnavailable as error:
                said = [str(error)]
        else:
            said = ["Stripe was not asked: MINUTEBOOK_STRIPE_API_KEY is not set"]
        with current.operator_of(url) as connection:
            for slug in tenant or ():
                require_tenant(connection, slug)
            rows = kept_events.invoices(connection, tenant)
            if waiting := waiting_events(connection):
                said.append(waiting)
    for row in rows:
        minor = row.pop("total_minor")
        row["total"] = None if minor is None else from_minor(minor, row["currency"] or "")
        row["age"] = str(timedelta(seconds=max(0, round((now() - row["as_of"]).total_seconds()))))
    columns = ["tenant_id", "invoice_id", "period_start", "period_end", "status", "total", "currency", "paid_at"]
    show(rows, [*columns, "failed_payments", "age"], as_json, "no billed tenant has an invoice yet")
    if not as_json:
        for line in said:
            say(f"warning: {line}")


@command(app, "events", "minutebook stripe events")
def events(ctx: typer.Context, as_json: Json = False) -> None:
    """Process Stripe's webhooks that wait, as `minutebook up` does by itself. Exits 1 when one could not be."""
    current = session(ctx)
    with current.settings.database() as url, billing_desk(current.settings, url) as desk:
        report = process_events(desk.connection, desk.api, now)
    if as_json:
        print_json(asdict(report))
    else:
        dropped = counted(report.withdrawn, "posting")
        say(f"{report.processed} processed, {report.failed} failed, {dropped} found dropped")
        if report.apart:
            others = counted(report.apart, "event of another account or mode", "is", "are")
            say(f"{others} kept apart: take this address out of its webhooks at Stripe")
    if report.failed:
        raise CommandFailed(f"{counted(report.failed, 'event')} could not be processed; the next run tries again")
    if not as_json and report.closing:
        next_step(f"minutebook post: the period of {', '.join(report.closing)} has turned")


@command(app, "changes", "minutebook stripe changes --apply")
def changes(
    ctx: typer.Context,
    tenant: Tenants = None,
    apply: Annotated[
        bool, typer.Option("--apply/--plan", help="Do it; without it, only say what would be done.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What our plans, prices, closings and new tenants need at Stripe by the next turn, with ids; --apply does it.

    A pause needs nothing: the fee runs on. Exits 1 while something is due, or lacks something.
    """
    current = session(ctx)
    with current.settings.database() as url, billing_desk(current.settings, url) as desk:
        desk.cache.demand_fresh()
        work = desk.changes()
        steps, failed = work.plan(tenant)
        if apply:
            done = ask_each(steps, work.apply, lambda step: step.tenant_id, workers=1)
            steps = [step if isinstance(answer, Finding) else answer for step, answer in done]
            failed += [answer for _, answer in done if isinstance(answer, Finding)]
    rows = [asdict(step) for step in steps]
    columns = ["tenant_id", "kind", "on", "what", "result"]
    charged = "" if failed else "Stripe will charge what is in force at the next turn of each tenant"
    show(rows, columns, as_json, charged)
    due = {step.tenant_id for step in steps if step.result in ("due", "lacking")} | {one.tenant_id for one in failed}
    if due:
        if not as_json:
            next_step("minutebook stripe changes --apply" if not apply else "see what is lacking")
        why = "".join(f"; {one.tenant_id}: {one.message}" for one in failed[:5])
        raise CommandFailed(
            f"changes at Stripe are due of {counted(len(due), 'tenant')}: {', '.join(sorted(due)[:5])}{why}"
        )


@command(app, "settle", "minutebook stripe settle acme/2026-11-01/subscription --apply")
def settle(ctx: typer.Context, line: Line, apply: Apply = False, as_json: Json = False) -> None:
    """Bill, or give back, the difference of a statement's line to what Stripe's invoices charge, as an invoice item.

    For what was voided or deleted at Stripe, a fee that Stripe charged otherwise, a credit note that it refused. Stripe
    is read again first; to run it twice adds nothing more.
    """
    current = session(ctx)
    with current.settings.database() as url, billing_desk(current.settings, url) as desk:
        desk.cache.demand_fresh()
        done = desk.settling().settle(line, apply=apply)
    show([asdict(done)], ["line", "amount", "currency", "result", "message"], as_json, "")
    if done.result == "left":
        raise CommandFailed(f"{line} was not settled: {done.message}")
    if not as_json and done.result == "planned":
        next_step(f"minutebook stripe settle {line} --apply")


@command(app, "accept", 'minutebook stripe accept re_1PqX --reason "goodwill, agreed with Acme"')
def accept(
    ctx: typer.Context,
    subject: Annotated[
        str,
        typer.Argument(
            metavar="LINE|ID", help="A line, or what is not ours at Stripe, as `reconcile --final` names it."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why it is right as it is; kept in the audit log.")],
    as_json: Json = False,
) -> None:
    """Leave a difference as it is: it is no finding any more, and nothing is owed for it, until it becomes another."""
    if not reason.strip():
        raise typer.BadParameter("a reason is needed", param_hint="--reason")
    current = session(ctx)
    with current.settings.database() as url, billing_desk(current.settings, url) as desk:
        desk.cache.demand_fresh()
        found = desk.settling().accept(subject, reason.strip(), current.settings.actor)
    row = {**asdict(found), "difference": found.difference}
    show([row], ["tenant_id", "period_start", "line", "ours", "stripe", "difference"], as_json, "")
    if not as_json:
        next_step(f"minutebook reconcile --final {found.period_start:%Y-%m} --tenant {found.tenant_id}")


@command(app, "invoice", "minutebook stripe invoice acme --apply")
def invoice(ctx: typer.Context, tenant: TenantArgument, apply: Apply = False, as_json: Json = False) -> None:
    """Put a tenant's items that no subscription invoices on a one-off invoice, which is final within the hour, and have
    Stripe finalise drafts that somebody holds there.
    """
    current = session(ctx)
    with current.settings.database() as url, billing_desk(current.settings, url) as desk:
        desk.cache.demand_fresh()
        settling = desk.settling()
        found = settling.uninvoiced(tenant)
        made = settling.invoice(tenant) if apply else None
    rows = [
        {"stripe_id": one.stripe_id, "amount_minor": one.amount, "description": one.words, "invoice": made}
        for one in found.waiting
    ] + [
        {"stripe_id": one["id"], "amount_minor": one["total"], "description": "held as a draft", "invoice": one["id"]}
        for one in found.held
    ]
    show(
        rows,
        ["stripe_id", "amount_minor", "description", "invoice"],
        as_json,
        "nothing waits that no subscription invoices, and no draft is held",
    )
    if rows and not as_json:
        next_step(
            "minutebook reconcile --final of its month" if apply else f"minutebook stripe invoice {tenant} --apply"
        )


@command(app, "customer", "minutebook stripe customer acme cus_NffrFeUfNV2Hib")
def customer(
    ctx: typer.Context,
    tenant: TenantArgument,
    customer_id: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Stripe's id of it, cus_….")],
    as_json: Json = False,
) -> None:
    """Set whom Stripe bills for a tenant. What the customer before holds stays there until it is posted again."""
    if not customer_id.startswith("cus_"):
        raise typer.BadParameter(f"'{customer_id}' is no customer of Stripe's; write cus_…")
    with session(ctx).operator() as connection:
        change = put_customer(connection, tenant, customer_id)
    show_changes([change], as_json, f"minutebook stripe check --tenant {tenant}")


@command(app, "adopt", "minutebook stripe adopt acct_1PgafTB7WZ01zgkW --live")
def adopt_account(
    ctx: typer.Context,
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Stripe's id of the key's account, acct_….")],
    is_live: Annotated[bool, typer.Option("--live/--test", help="Its mode.")],
    as_json: Json = False,
) -> None:
    """Bill in another account, or in the other mode, from now on: the key's. Kept in the audit log.

    What the account before holds stays there: nothing of it is posted again before that is asked for.
    """
    current = session(ctx)
    settings, wanted = current.settings, Account(account_id, is_live)
    with (
        current.settings.database() as url,
        connect(url, Role.BILLING, actor=settings.actor, autocommit=True) as connection,
    ):
        ours = account_of(connection, api_of(settings), now)
        if ours != wanted:
            raise CommandFailed(f"MINUTEBOOK_STRIPE_API_KEY is a key of {ours}, not of {wanted}: nothing was changed")
        with posting_lock(connection):
            before = adopted(connection)
            if before != wanted:
                adopt(connection, wanted, now())
        days, items = sent_elsewhere(connection, today() - OLDEST_TIMESTAMP)
    if as_json:
        print_json({"account": str(wanted), "before": before and str(before), "days": days, "items": items})
        return
    say(f"billed in: {wanted}; before: {before or 'none'}")
    say(f"held by others: {counted(days, 'day of usage')} that a meter still takes, {counted(items, 'invoice item')}")
    next_step(
        "minutebook stripe customer TENANT cus_… where customers differ, minutebook stripe sync --apply, minutebook"
        " stripe check, then minutebook post --resend for usage and items that are to be billed here"
    )
