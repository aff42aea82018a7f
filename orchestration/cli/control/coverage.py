"""minutebook cost cover, uncover, covered and credit: on whose bill a component of calls is."""

from decimal import Decimal
from typing import Annotated

import typer

from orchestration.cli.control.costs import THEN
from orchestration.cli.options import Currency, From, Json, TenantFilter, amount_argument, command
from orchestration.cli.output import show, show_changes
from orchestration.cli.session import session
from warehouse.control import coverage
from warehouse.control.coverage import Coverage

app = typer.Typer()
Calls = Annotated[str, typer.Argument(metavar="SOURCE", help="The source of the calls, such as vapi.")]
Component = Annotated[
    str, typer.Argument(metavar="COMPONENT", help="As the source names it: model, voice, transcriber, transport.")
]
Agent = Annotated[
    str | None, typer.Option("--agent", metavar="AGENT", help="Only calls of this agent; --tenant says whose it is.")
]


@command(app, "cover", "minutebook cost cover vapi model --by openai_costs --from 2026-10-01")
def cover(
    ctx: typer.Context,
    source: Calls,
    component: Component,
    cost_source: Annotated[str, typer.Option("--by", metavar="SOURCE", help="The source of costs that has the bill.")],
    valid_from: From,
    tenant: TenantFilter = None,
    agent: Agent = None,
    is_own: Annotated[bool, typer.Option("--own", help="The bill is of the tenant's own account.")] = False,
    as_json: Json = False,
) -> None:
    """Declare on whose bill a component of calls is, from a day on. What the voice provider says of it is off then."""
    version = Coverage(source, component, valid_from, cost_source, tenant, _whose(tenant, agent), is_own)
    _put(ctx, version, as_json)


@command(app, "uncover", "minutebook cost uncover vapi model --from 2026-11-01")
def uncover(
    ctx: typer.Context,
    source: Calls,
    component: Component,
    valid_from: From,
    tenant: TenantFilter = None,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Declare that a component is on no other bill from a day on: the voice provider's number counts again."""
    _put(ctx, Coverage(source, component, valid_from, None, tenant, _whose(tenant, agent)), as_json)


@command(app, "covered", "minutebook cost covered")
def covered(ctx: typer.Context, as_json: Json = False) -> None:
    """List on whose bill which component of which calls is, and from when to when."""
    with session(ctx).operator() as connection:
        rows = coverage.coverage(connection)
    columns = ["source", "whose_calls", "component", "cost_source", "cost_account", "valid_from", "valid_to"]
    show(rows, columns, as_json, "nothing is on another bill; next: minutebook cost cover --help")


@command(app, "credit", "minutebook cost credit elevenlabs credits 0.00003 --from 2026-10-01")
def credit(
    ctx: typer.Context,
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Whose bill counts the unit.")],
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="As the provider names it, such as credits.")],
    amount: Annotated[Decimal, amount_argument("Cost of one unit.")],
    valid_from: From,
    currency: Currency = "USD",
    as_json: Json = False,
) -> None:
    """Set what a unit costs us that a provider's bill counts without naming money, from a day on. It is estimated."""
    with session(ctx).operator() as connection:
        change = coverage.put_provider_unit_cost(connection, provider, unit, valid_from, amount, currency)
    show_changes([change], as_json, THEN)


def _whose(tenant: str | None, agent: str | None) -> str | None:
    if agent is not None and tenant is None:
        raise typer.BadParameter("name the agent's tenant too: --tenant")
    return agent


def _put(ctx: typer.Context, version: Coverage, as_json: bool) -> None:
    with session(ctx).operator() as connection:
        change = coverage.put_coverage(connection, version)
    show_changes([change], as_json, THEN)
