"""minutebook cost … and minutebook rate …"""

from datetime import date
from decimal import Decimal
from typing import Annotated

import typer

from orchestration.cli.options import (
    Currency,
    From,
    Json,
    TenantArgument,
    amount_argument,
    command,
    day_option,
    group,
    parse_amount,
)
from orchestration.cli.output import show, show_changes
from orchestration.cli.session import require_marts, session
from warehouse.control import costs
from warehouse.control.costs import Allocation, FixedCost
from warehouse.costs import unknown_costs

cost_app = group("Costs: what the providers charge us.", "minutebook cost list")
rate_app = group("Exchange rates, used on costs only.", "minutebook rate list")
THEN = "minutebook build, so that the margins follow"


@command(cost_app, "unit", "minutebook cost unit ocr_scans 0.05 --from 2026-01-01 --currency USD")
def unit(
    ctx: typer.Context,
    meter: Annotated[str, typer.Argument(metavar="METER", help="Id of the meter.")],
    amount: Annotated[Decimal, amount_argument("Cost of one unit.")],
    valid_from: From,
    currency: Currency = "USD",
    is_rest: Annotated[
        bool, typer.Option("--rest", help="Of calls of which a part is on another bill: of the rest of a unit.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Set what a unit costs us where its provider reports nothing, from a day on.

    A call of which the carrier's price or a part of a bill is known is never estimated as a whole: what its voice
    provider charges besides is set with --rest.
    """
    with session(ctx).operator() as connection:
        change = costs.put_unit_cost(connection, meter, valid_from, amount, currency, is_rest=is_rest)
    show_changes([change], as_json, THEN)


@command(cost_app, "fixed", 'minutebook cost fixed platform 25 --name "Platform" --from 2026-01-01')
def fixed(
    ctx: typer.Context,
    cost: Annotated[str, typer.Argument(metavar="COST", help="Id of a-z, 0-9 and '-'.")],
    amount: Annotated[Decimal, amount_argument("Per calendar month; 0 ends it.")],
    name: Annotated[str, typer.Option(help="Name in reports.")],
    valid_from: From,
    currency: Currency = "USD",
    allocation: Annotated[Allocation, typer.Option(help="How active tenants share it.")] = Allocation.EQUAL,
    as_json: Json = False,
) -> None:
    """Set a monthly cost that the tenants active on each day share, from a day on."""
    with session(ctx).operator() as connection:
        version = FixedCost(cost, valid_from, name, amount, currency, allocation)
        change = costs.put_fixed_cost(connection, version)
    show_changes([change], as_json, THEN)


@command(
    cost_app,
    "elsewhere",
    'minutebook cost elsewhere acme model --from 2026-10-01 --to 2026-10-31 --reason "key of their own at OpenAI"',
)
def elsewhere(
    ctx: typer.Context,
    tenant: TenantArgument,
    component: Annotated[str, typer.Argument(metavar="COMPONENT", help="As the provider names it, such as model.")],
    first_day: Annotated[date, day_option("--from", "First usage date (UTC).")],
    last_day: Annotated[date, day_option("--to", "Last usage date, included.")],
    reason: Annotated[str, typer.Option("--reason", help="How it is known; it is kept in the audit log.")],
    as_json: Json = False,
) -> None:
    """Settle that what was used and is on no bill that is read here was billed to another account: the tenant's own.

    Reported as 0 although it was used, missing on a bill, never rated or without a number: it is shown as billed
    elsewhere, and is in no margin. A bill that has it after all counts again.
    """
    with session(ctx).operator() as connection:
        require_marts(connection)
        change = unknown_costs.billed_elsewhere(connection, tenant, component, first_day, last_day, reason)
    show_changes([change], as_json, THEN)


@command(cost_app, "payment", "minutebook cost payment 2.9 --fixed 0.30 --from 2026-01-01 --currency USD")
def payment(
    ctx: typer.Context,
    percent: Annotated[Decimal, amount_argument("Of a statement's total.", "PERCENT")],
    valid_from: From,
    fixed_amount: Annotated[
        Decimal, typer.Option("--fixed", parser=parse_amount, metavar="AMOUNT", help="Of each statement, besides.")
    ] = Decimal(0),
    currency: Currency = "USD",
    as_json: Json = False,
) -> None:
    """Set what being paid costs us, for statements of a currency, from a day on; 0 ends it. Margins estimate it."""
    with session(ctx).operator() as connection:
        change = costs.put_payment_fee(connection, currency, valid_from, percent, fixed_amount)
    show_changes([change], as_json, THEN)


@command(cost_app, "list", "minutebook cost list")
def list_costs(ctx: typer.Context, as_json: Json = False) -> None:
    """List all versions of unit costs, fixed costs and payment fees."""
    with session(ctx).operator() as connection:
        rows = costs.costs(connection)
    columns = ["kind", "cost_of", "valid_from", "valid_to", "amount", "currency", "allocation"]
    show(rows, columns, as_json, "no costs yet; next: minutebook cost unit --help, minutebook cost fixed --help")


@command(rate_app, "set", "minutebook rate set EUR USD 1.08 --from 2026-01-01")
def set_rate(
    ctx: typer.Context,
    from_currency: Annotated[str, typer.Argument(metavar="FROM", help="Currency of the cost.")],
    to_currency: Annotated[str, typer.Argument(metavar="TO", help="Currency of the statement.")],
    rate: Annotated[Decimal, amount_argument("TO for one FROM.", "RATE")],
    valid_from: From,
    as_json: Json = False,
) -> None:
    """Set an exchange rate from a day on. It converts costs; what a tenant pays is never converted."""
    with session(ctx).operator() as connection:
        change = costs.put_rate(connection, from_currency, to_currency, valid_from, rate)
    show_changes([change], as_json, THEN)


@command(rate_app, "list", "minutebook rate list")
def list_rates(ctx: typer.Context, as_json: Json = False) -> None:
    """List all versions of exchange rates."""
    with session(ctx).operator() as connection:
        rows = costs.rates(connection)
    columns = ["from_currency", "to_currency", "valid_from", "rate"]
    show(rows, columns, as_json, "no exchange rates; one currency needs none; next: minutebook rate set --help")
