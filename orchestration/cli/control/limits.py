"""minutebook limit … and minutebook alert …"""

from datetime import date
from decimal import Decimal
from typing import Annotated

import typer

from orchestration.alerts.delivery import deliver, delivery
from orchestration.cli.options import (
    From,
    Json,
    On,
    TenantArgument,
    TenantFilter,
    amount_option,
    command,
    group,
    parse_date,
)
from orchestration.cli.output import next_step, print_json, say, show, show_changes
from orchestration.cli.session import CommandFailed, session
from warehouse.clock import today
from warehouse.statements import quotas
from warehouse.statements.freshness import require_built

limit_app = group(
    "Spend limits: amounts that raise an alert; nothing is cut off.",
    "minutebook limit set acme --from 2026-11-01 --amount 500",
)
alert_app = group("Quota alerts, for tenants whose feature flag quota_alerts is on.", "minutebook alert list")


@command(limit_app, "set", "minutebook limit set acme --from 2026-11-01 --amount 500")
def set_limit(
    ctx: typer.Context,
    tenant: TenantArgument,
    valid_from: From,
    amount: Annotated[Decimal, amount_option("Per period, in the tenant's currency.")],
    as_json: Json = False,
) -> None:
    """Set what a tenant may spend in a period before it is warned."""
    if amount == 0:
        raise typer.BadParameter("a limit is above 0; to end one: minutebook limit end")
    with session(ctx).operator() as connection:
        change = quotas.put_spend_limit(connection, tenant, valid_from, amount)
    show_changes([change], as_json, f"minutebook tenant flag {tenant} quota_alerts true; then: minutebook alert list")


@command(limit_app, "end", "minutebook limit end acme --on 2026-12-01")
def end_limit(
    ctx: typer.Context,
    tenant: TenantArgument,
    on: Annotated[date, typer.Option("--on", parser=parse_date, metavar="YYYY-MM-DD", help="First day without it.")],
    as_json: Json = False,
) -> None:
    """End a tenant's spend limit."""
    with session(ctx).operator() as connection:
        change = quotas.put_spend_limit(connection, tenant, on, None)
    show_changes([change], as_json, "minutebook alert list")


@command(limit_app, "list", "minutebook limit list --tenant acme")
def list_limits(ctx: typer.Context, tenant: TenantFilter = None, on: On = None, as_json: Json = False) -> None:
    """List spend limits as of a day, and whether they raise alerts; `valid_to` is the first day without it."""
    with session(ctx).operator() as connection:
        found = quotas.spend_limits(connection, on or today(), tenant)
    columns = ["tenant_id", "valid_from", "valid_to", "amount", "currency", "alerts"]
    show(found, columns, as_json, "no spend limits; next: minutebook limit set --help")


@command(alert_app, "list", "minutebook alert list --tenant acme")
def list_alerts(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """List the latest alerts, newest first."""
    with session(ctx).operator() as connection:
        found = quotas.alerts(connection, tenant)
    columns = ["alert_id", "tenant_id", "period_start", "quota", "threshold", "event", "used", "allowed", "unit"]
    show(found, [*columns, "happened_at", "delivered_at"], as_json, "no alerts")


@command(alert_app, "send", "minutebook alert send")
def send_alerts(ctx: typer.Context, as_json: Json = False) -> None:
    """Look for crossings now, and send what was not sent; the Dagster sensor does so every five minutes."""
    current = session(ctx)
    with current.operator() as connection:
        require_built(connection)
        found = quotas.record(connection, today())
        connection.commit()
        done, failed = deliver(connection, delivery(current.settings.alert_webhook_url))
    if as_json:
        print_json({"recorded": found, "delivered": [str(alert) for alert in done], "failed": failed})
    else:
        for alert in done:
            say(str(alert))
        say(f"{found} crossings recorded, {len(done)} alerts delivered")
    if failed:
        raise CommandFailed(f"{len(failed)} not delivered, to be tried again: {failed[0]}")
    if not as_json:
        next_step("minutebook alert list")
