"""minutebook agent …"""

from datetime import date
from typing import Annotated

import typer

from orchestration.cli.options import From, Json, TenantArgument, TenantFilter, command, group, parse_date
from orchestration.cli.output import show, show_changes
from orchestration.cli.session import session
from warehouse.control import agents
from warehouse.control.agents import Attachment
from warehouse.control.tenants import require_tenant

agent_app = group("Agents and what is attached to them.", "minutebook agent list")
AgentArgument = Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.")]
Value = Annotated[str, typer.Argument(metavar="VALUE", help="The provider's id or number.")]
KindArgument = Annotated[
    str, typer.Argument(metavar="KIND", help="Kind of the provider's object, as vapi_phone_number; see: source list.")
]


@command(agent_app, "create", 'minutebook agent create acme acme-reception --name "Reception"')
def create(
    ctx: typer.Context,
    tenant: TenantArgument,
    agent: AgentArgument,
    name: Annotated[str | None, typer.Option(help="Name; default the id.")] = None,
    as_json: Json = False,
) -> None:
    """Create an agent of a tenant, or rename it. Safe to repeat."""
    with session(ctx).operator() as connection:
        change = agents.put_agent(connection, tenant, agent, name or agent)
    show_changes([change], as_json, f"minutebook agent attach {tenant} {agent} vapi_phone_number ID --from DATE")


@command(agent_app, "attach", "minutebook agent attach acme acme-reception vapi_phone_number pn_17 --from 2026-01-01")
def attach(
    ctx: typer.Context,
    tenant: TenantArgument,
    agent: AgentArgument,
    kind: KindArgument,
    value: Value,
    valid_from: From,
    environment: Annotated[
        str | None, typer.Option(help="Of what has several, the one that is read; default the live one.")
    ] = None,
    move: Annotated[bool, typer.Option("--move", help="Move it from another tenant from that day on.")] = False,
    as_json: Json = False,
) -> None:
    """Attach what a provider knows by an id (a number, an assistant, a project) from a day on. Past days are routed
    again without a pull."""
    with session(ctx).operator() as connection:
        attachment = Attachment(tenant, agent, kind, value, valid_from, environment)
        change = agents.attach(connection, attachment, moves=move)
    show_changes([change], as_json, "minutebook build, so that its calls find their tenant")


@command(agent_app, "detach", "minutebook agent detach acme acme-reception vapi_phone_number pn_17 --from 2026-04-01")
def detach(
    ctx: typer.Context,
    tenant: TenantArgument,
    agent: AgentArgument,
    kind: KindArgument,
    value: Value,
    valid_from: Annotated[
        date,
        typer.Option("--from", parser=parse_date, metavar="YYYY-MM-DD", help="First day it is no longer the agent's."),
    ],
    as_json: Json = False,
) -> None:
    """Detach what a provider knows by an id from a day on; its usage is unattributed from then."""
    with session(ctx).operator() as connection:
        change = agents.detach(connection, Attachment(tenant, agent, kind, value, valid_from))
    show_changes([change], as_json, "minutebook build, so that its calls are routed again")


@command(agent_app, "list", "minutebook agent list --tenant acme")
def list_agents(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """List agents and what is attached to them, from when to when (the end is the first day it is not)."""
    with session(ctx).operator() as connection:
        if tenant is not None:
            require_tenant(connection, tenant)
        rows = agents.agents(connection, tenant)
    columns = ["tenant_id", "agent_id", "name", "kind", "value", "environment", "valid_from", "valid_to"]
    show(rows, columns, as_json, "no agents yet; next: minutebook agent create --help")
