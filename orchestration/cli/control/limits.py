"""minutebook limit …"""

from datetime import date
from decimal import Decimal
from typing import Annotated

import typer

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
from orchestration.cli.output import show, show_changes
from orchestration.cli.session import session
from warehouse.clock import today
from warehouse.statements import quotas

app = group(
    "Spend limits: amounts that raise an alert; nothing is cut off.",
    "minutebook limit set acme --from 2026-11-01 --amount 500",
)


@command(app, "set", "minutebook limit set acme --from 2026-11-01 --amount 500")
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


@command(app, "end", "minutebook limit end acme --on 2026-12-01")
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


@command(app, "list", "minutebook limit list --tenant acme")
def list_limits(ctx: typer.Context, tenant: TenantFilter = None, on: On = None, as_json: Json = False) -> None:
    """List spend limits as of a day, and whether they raise alerts; `valid_to` is the first day without it."""
    with session(ctx).operator() as connection:
        found = quotas.spend_limits(connection, on or today(), tenant)
    columns = ["tenant_id", "valid_from", "valid_to", "amount", "currency", "alerts"]
    show(found, columns, as_json, "no spend limits; next: minutebook limit set --help")
