"""minutebook price …"""

from datetime import date
from decimal import Decimal
from typing import Annotated

import typer

from orchestration.cli.options import From, Json, On, Period, amount_option, command, group, parse_date
from orchestration.cli.output import show, show_changes
from orchestration.cli.session import require_marts, session
from warehouse.clock import today
from warehouse.control import prices
from warehouse.control.prices import Model, Price, Tier, typed_tier
from warehouse.statements.forecast import simulate

app = group("Prices: what the tenant pays per unit of overage.", "minutebook price show --plan growth")
Plan = Annotated[str | None, typer.Option("--plan", metavar="PLAN", help="The price of a plan.")]
Tenant = Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="A tenant's own price; it wins.")]
Meter = Annotated[str, typer.Option("--meter", metavar="METER", help="Id of the meter.")]
COLUMNS = ["meter_id", "valid_from", "model", "unit_amount", "package_size", "tiers"]


def parse_tier(text: str) -> Tier:
    """UP_TO:AMOUNT, such as 1000:0.10; `inf` is without end."""
    try:
        return typed_tier(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@command(app, "set", "minutebook price set --plan growth --meter voice_minutes --from 2026-01-01 --amount 0.10")
def set_price(
    ctx: typer.Context,
    meter: Meter,
    valid_from: From,
    plan: Plan = None,
    tenant: Tenant = None,
    amount: Annotated[Decimal | None, amount_option("Per unit, or per package; 0 makes the meter free.")] = None,
    package_size: Annotated[int | None, typer.Option(min=1, metavar="UNITS", help="Units of a package.")] = None,
    tier: Annotated[
        list[Tier] | None,
        typer.Option(parser=parse_tier, metavar="UP_TO:AMOUNT", help="A tier, inclusive; inf for the last. Repeat it."),
    ] = None,
    model: Annotated[
        Model | None, typer.Option(help="Default: per_unit, package with --package-size, graduated with --tier.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Set a price from a day on: it holds from the first period whose first billed day is that day or later."""
    guessed = Model.GRADUATED if tier else Model.PACKAGE if package_size else Model.PER_UNIT
    version = Price(meter, valid_from, model or guessed, plan, tenant, amount, package_size, tuple(tier or ()))
    with session(ctx).operator() as connection:
        change = prices.put_price(connection, version)
    owner = f"--plan {plan}" if plan else f"--tenant {tenant}"
    show_changes([change], as_json, f"minutebook price show {owner} --on {valid_from}; minutebook build to rate usage")


@command(app, "end", "minutebook price end --tenant acme --meter voice_minutes --on 2026-07-01")
def end_price(
    ctx: typer.Context,
    meter: Meter,
    tenant: Annotated[str, typer.Option("--tenant", metavar="TENANT", help="Whose own price ends.")],
    on: Annotated[
        date, typer.Option("--on", parser=parse_date, metavar="YYYY-MM-DD", help="First day the plan's price holds.")
    ],
    as_json: Json = False,
) -> None:
    """End a tenant's own price: from that day on its plan's price holds again."""
    with session(ctx).operator() as connection:
        change = prices.put_price(connection, Price(meter, on, Model.PLAN, tenant_id=tenant))
    show_changes([change], as_json, f"minutebook price show --tenant {tenant} --on {on}")


@command(app, "simulate", "minutebook price simulate 2026-10 --plan growth --meter voice_minutes --amount 0.08")
def simulate_price(
    ctx: typer.Context,
    period: Period,
    meter: Meter,
    plan: Plan = None,
    tenant: Tenant = None,
    amount: Annotated[Decimal | None, amount_option("Per unit, or per package.")] = None,
    package_size: Annotated[int | None, typer.Option(min=1, metavar="UNITS", help="Units of a package.")] = None,
    tier: Annotated[
        list[Tier] | None,
        typer.Option(parser=parse_tier, metavar="UP_TO:AMOUNT", help="A tier, inclusive; inf for the last. Repeat it."),
    ] = None,
    model: Annotated[Model | None, typer.Option(help="As for price set.")] = None,
    as_json: Json = False,
) -> None:
    """Rate the overage of a period under another price and show the difference; nothing is changed."""
    guessed = Model.GRADUATED if tier else Model.PACKAGE if package_size else Model.PER_UNIT
    proposed = Price(meter, period.start, model or guessed, plan, tenant, amount, package_size, tuple(tier or ()))
    with session(ctx).operator() as connection:
        require_marts(connection)
        rows = simulate(connection, proposed, period)
    columns = ["tenant_id", "period_start", "currency", "quantity", "allowance", "overage_quantity", "billed_amount"]
    empty = f"no priced usage of {meter} in periods that start in {period}"
    show(rows, [*columns, "simulated_amount", "difference"], as_json, empty)


@command(app, "list", "minutebook price list --meter voice_minutes")
def list_prices(
    ctx: typer.Context,
    plan: Plan = None,
    tenant: Tenant = None,
    meter: Annotated[str | None, typer.Option("--meter", metavar="METER", help="Only this meter.")] = None,
    as_json: Json = False,
) -> None:
    """List all versions of prices."""
    with session(ctx).operator() as connection:
        rows = prices.prices(connection, plan, tenant, meter)
    empty = "no prices; next: minutebook price set --help"
    show(rows, ["plan_id", "tenant_id", *COLUMNS[:2], "valid_to", *COLUMNS[2:]], as_json, empty)


@command(app, "show", "minutebook price show --tenant acme --on 2026-03-01")
def show_prices(
    ctx: typer.Context, plan: Plan = None, tenant: Tenant = None, on: On = None, as_json: Json = False
) -> None:
    """Show the price of each meter in force on a day, and who set it: the tenant or its plan."""
    if (plan is None) == (tenant is None):
        raise typer.BadParameter("name exactly one of --plan and --tenant")
    with session(ctx).operator() as connection:
        rows = prices.prices_on(connection, on or today(), plan, tenant)
    empty = f"no price in force on {on or today()}; next: minutebook price set --help"
    show(rows, ["meter_id", "unit", "set_by", *COLUMNS[1:]], as_json, empty)
