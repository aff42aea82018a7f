"""minutebook tenant …"""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from orchestration import onboarding
from orchestration.cli.control.tenant_apply import apply
from orchestration.cli.control.tenant_file import read
from orchestration.cli.options import From, Json, On, TenantArgument, asked, command, group, parse_date
from orchestration.cli.output import print_json, say, show, show_changes
from orchestration.cli.session import session
from warehouse.clock import today
from warehouse.control import agents, shards, tenants
from warehouse.control.changes import Action
from warehouse.control.plans import on_offer
from warehouse.ingestion import today as todays

app = group("Tenants: whom we bill.", "minutebook tenant list")
THEN = "minutebook build, so that the marts follow"
StatusDay = Annotated[
    date, typer.Option("--on", parser=parse_date, metavar="YYYY-MM-DD", help="First day on which it holds.")
]


@command(app, "create", 'minutebook tenant create acme --name "Acme Dental" --currency USD --activated-on 2026-01-01')
def create(
    ctx: typer.Context,
    tenant: Annotated[
        str | None, typer.Argument(metavar="TENANT", help="Slug of a-z, 0-9 and '-'; it never changes.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name on statements.")] = None,
    activated_on: Annotated[
        date | None, typer.Option(parser=parse_date, metavar="YYYY-MM-DD", help="Activation day, which is billed.")
    ] = None,
    currency: Annotated[str, typer.Option(metavar="CODE", help="Three capital letters.")] = "USD",
    anchor_day: Annotated[int, typer.Option(metavar="DAY", help="Day of the month its periods start on, 1 to 28.")] = 1,
    stripe_customer: Annotated[str | None, typer.Option(metavar="ID", help="Stripe customer, cus_….")] = None,
    as_json: Json = False,
) -> None:
    """Create a tenant, or change what may still change. Safe to repeat. On a terminal what is missing is asked for, and
    what is left until its first bill is listed."""
    plan_id = "-"
    if is_asked := tenant is None and sys.stdin.isatty():
        tenant = asked("Slug of a-z, 0-9 and '-', which never changes")
        name = name or asked("Name on statements")
        currency = asked("Currency", currency)
        activated_on = activated_on or asked("First day that is billed", today(), parse_date)
        with session(ctx).operator() as connection:
            plans, _ = on_offer(connection, activated_on)
            plan_ids = [row["plan_id"] for row in plans if row["currency"] == currency]
        if plan_ids:
            plan_id = str(asked(f"Plan ({', '.join(plan_ids)}; - for none yet)", plan_ids[0]))
    if tenant is None or name is None or activated_on is None:
        raise typer.BadParameter("a tenant needs TENANT, --name and --activated-on; on a terminal, type none of them")
    wanted = tenants.Tenant(tenant, name, currency, anchor_day, stripe_customer)
    with session(ctx).operator() as connection, connection.transaction():
        changes = [tenants.put_tenant(connection, wanted), tenants.activate(connection, tenant, activated_on)]
        if plan_id != "-":
            changes.append(tenants.put_tenant_plan(connection, tenant, plan_id, activated_on))
        steps = onboarding.steps(connection, tenant, activated_on, today())
    left = [{"step": step.words, "with": step.command} for step in steps if not step.is_done]
    show_changes(changes, as_json, left[0]["with"] if left else THEN)
    if is_asked and not as_json:
        show(left, ["step", "with"], False, "", "\nWhat is left until its first bill")


@command(app, "list", "minutebook tenant list --json")
def list_tenants(ctx: typer.Context, on: On = None, as_json: Json = False) -> None:
    """List tenants with their status and plan as of a day."""
    with session(ctx).operator() as connection:
        rows = tenants.tenants_on(connection, on or today())
    columns = ["tenant_id", "name", "status", "plan_id", "currency", "anchor_day", "activated_on", "closed_on"]
    show(
        rows, columns, as_json, "no tenants yet; next: minutebook tenant apply FILE, or minutebook tenant create --help"
    )


@command(app, "show", "minutebook tenant show acme")
def show_tenant(ctx: typer.Context, tenant: TenantArgument, as_json: Json = False) -> None:
    """Show all that is known about a tenant: timelines, agents, credentials (never a secret)."""
    with session(ctx).operator() as connection:
        tenants.require_tenant(connection, tenant)
        (row,) = tenants.tenants_on(connection, today(), tenant)
        statuses, plans = tenants.history(connection, tenant)
        owned = agents.agents(connection, tenant)
        credentials = tenants.credentials(connection, tenant)
    if as_json:
        parts = {"statuses": statuses, "plans": plans, "agents": owned}
        print_json({**row, **parts, "credentials": credentials})
        return
    show([{"what": key, "value": value} for key, value in row.items()], ["what", "value"], False, "")
    show(statuses, ["valid_from", "status"], False, "it was never activated", "\nStatuses")
    show(plans, ["valid_from", "plan_id"], False, f"no plan; next: minutebook tenant plan {tenant} --help", "\nPlans")
    columns = ["agent_id", "name", "kind", "value", "environment", "valid_from", "valid_to"]
    show(owned, columns, False, f"no agents; next: minutebook agent create {tenant} --help", "\nAgents")
    columns = ["provider", "fingerprint", "used_from", "created_at", "verified_at"]
    show(credentials, columns, False, "no credentials of its own: shared accounts are used", "\nCredentials")


@command(app, "pause", "minutebook tenant pause acme --on 2026-03-01")
def pause(ctx: typer.Context, tenant: TenantArgument, on: StatusDay, as_json: Json = False) -> None:
    """Pause: not pulled by the night, usage reported and not billed; the subscription fee runs on."""
    with session(ctx).operator() as connection:
        change = tenants.pause(connection, tenant, on)
    show_changes([change], as_json, f"minutebook tenant resume {tenant} --on DATE ends the pause")


@command(app, "resume", "minutebook tenant resume acme --on 2026-04-01")
def resume(ctx: typer.Context, tenant: TenantArgument, on: StatusDay, as_json: Json = False) -> None:
    """End a pause."""
    with session(ctx).operator() as connection:
        change = tenants.resume(connection, tenant, on)
    show_changes([change], as_json, THEN)


@command(app, "close", "minutebook tenant close acme --on 2026-06-30")
def close(ctx: typer.Context, tenant: TenantArgument, on: StatusDay, as_json: Json = False) -> None:
    """Close for good: the closing date is the first day that is not billed. A closed tenant stays closed."""
    with session(ctx).operator() as connection:
        change = tenants.close(connection, tenant, on)
    show_changes([change], as_json, f"minutebook review {on:%Y-%m} --tenant {tenant}, once the days before are pulled")


@command(app, "plan", "minutebook tenant plan acme growth --from 2026-01-01")
def plan(
    ctx: typer.Context,
    tenant: TenantArgument,
    plan_id: Annotated[str, typer.Argument(metavar="PLAN", help="Id of the plan.")],
    valid_from: From,
    as_json: Json = False,
) -> None:
    """Put a tenant on a plan: it holds from the first period whose first billed day is that day or later."""
    with session(ctx).operator() as connection:
        change = tenants.put_tenant_plan(connection, tenant, plan_id, valid_from)
    show_changes([change], as_json, f"minutebook price show --tenant {tenant} --on {valid_from}")


@command(app, "flag", "minutebook tenant flag acme quota_alerts true")
def flag(
    ctx: typer.Context,
    tenant: TenantArgument,
    name: Annotated[str, typer.Argument(help=f"Of {', '.join(tenants.FLAGS)}.")],
    value: Annotated[str, typer.Argument(help='JSON: true, false, or {"follow-up": "2026-11-01"}.')],
    as_json: Json = False,
) -> None:
    """Set a feature flag of a tenant."""
    try:
        parsed = json.loads(value)
    except json.JSONDecodeError:
        parsed = value
    with session(ctx).operator() as connection:
        change = tenants.set_flag(connection, tenant, name, parsed)
    show_changes([change], as_json, f"minutebook tenant show {tenant}")


@command(app, "shard", "minutebook tenant shard acme acme")
def shard(
    ctx: typer.Context,
    tenant: TenantArgument,
    name: Annotated[str, typer.Argument(metavar="SHARD", help="Name; `shared`: with all others.")],
    as_json: Json = False,
) -> None:
    """Have a tenant's days read by a run of its shard, from the next night on.

    MINUTEBOOK_SHARD_TAGS says where runs of a shard go, MINUTEBOOK_SHARDS into how many the shared one is split.
    """
    with session(ctx).operator() as connection:
        change = shards.put_shard(connection, tenant, name)
    show_changes([change], as_json, f"minutebook tenant show {tenant}")


@command(app, "today", "minutebook tenant today acme 15min")
def read_today(
    ctx: typer.Context,
    tenant: TenantArgument,
    every: Annotated[str, typer.Argument(metavar="EVERY", help=f"{', '.join(todays.EVERY)}, or off.")],
    as_json: Json = False,
) -> None:
    """Have a tenant's day in progress read hourly or every 15 minutes, or not at all; the night replaces it."""
    if every not in todays.EVERY and every != "off":
        raise typer.BadParameter(f"'{every}' is none of {', '.join(todays.EVERY)} and off")
    with session(ctx).operator() as connection:
        change = todays.choose(connection, tenant, todays.EVERY.get(every))
    show_changes([change], as_json, "minutebook up, whose schedules read it; then see /days on the pages")


@command(app, "apply", "minutebook tenant apply docs/examples/onboard-a-tenant.yaml")
def apply_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="YAML file of one tenant.")],
    as_json: Json = False,
) -> None:
    """Bring a tenant to what a YAML file says, all or nothing. Safe to repeat; what the file does not name stays."""
    wanted = read(file)
    with session(ctx).operator() as connection, connection.transaction():
        changes = apply(connection, wanted)
    tenant = wanted.tenant.id
    show_changes(changes, as_json, f"minutebook credential set PROVIDER --tenant {tenant}, or pull shared accounts")
    if not as_json:
        counts = [f"{sum(change.action == action for change in changes)} {action}" for action in Action]
        say(f"tenant {tenant}: {', '.join(counts)}")
