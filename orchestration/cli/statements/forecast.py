"""minutebook forecast."""

from dataclasses import asdict

import typer

from orchestration.cli.options import Json, Tenants, command
from orchestration.cli.output import print_json, say, show
from orchestration.cli.session import require_marts, session
from warehouse.clock import today
from warehouse.control.tenants import require_tenant
from warehouse.statements.forecast import METHOD, forecast

app = typer.Typer()


@command(app, "forecast", "minutebook forecast --tenant acme")
def show_forecast(ctx: typer.Context, tenant: Tenants = None, as_json: Json = False) -> None:
    """Forecast the totals of the running periods, and say by what method."""
    with session(ctx).operator() as connection:
        require_marts(connection)
        for slug in tenant or ():
            require_tenant(connection, slug)
        found = forecast(connection, today(), tenant)
    if as_json:
        print_json({"method": METHOD, "forecasts": [asdict(one) for one in found]})
        return
    if not found:
        say("no period runs today: no tenant is active, or the marts are older than the period; see: minutebook status")
        return
    columns = ["tenant_id", "period_start", "period_end", "currency", "total_so_far", "overage", "minimum", "total"]
    columns += ["known_until", "why_not"]
    show([asdict(one) for one in found], columns, False, "", "Forecast")
    meters = [row for one in found for row in one.meters]
    assumed = ["tenant_id", "meter_id", "quantity_so_far", "daily_mean", "days_looked_at", "quantity", "allowance"]
    if meters:
        show(meters, [*assumed, "amount"], False, "", "\nAssumed")
    say(f"method: {METHOD}")
