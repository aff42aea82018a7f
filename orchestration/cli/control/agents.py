"""minutebook agent … and minutebook project …"""

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
project_app = group("Projects of tenants at their chat provider.", "minutebook project list")
AgentArgument = Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.")]
ProjectArgument = Annotated[str, typer.Argument(metavar="PROJECT", help="Id of the Voiceflow project.")]
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
    move: Annotated[bool, typer.Option("--move", help="Move it from another tenant from that day on.")] = False,
    as_json: Json = False,
) -> None:
    """Attach a phone number, an assistant or a usage agent from a day on. Past days are routed again without a pull."""
    with session(ctx).operator() as connection:
        change = agents.attach(connection, Attachment(tenant, agent, kind, value, valid_from), moves=move)
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
    """Detach a phone number, an assistant or a usage agent from a day on; its usage is unattributed from then."""
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
    columns = ["tenant_id", "agent_id", "name", "kind", "value", "valid_from", "valid_to"]
    show(rows, columns, as_json, "no agents yet; next: minutebook agent create --help")


@command(project_app, "create", "minutebook project create acme 66f0a1 --from 2026-01-01 --agent acme-chat")
def create_project(
    ctx: typer.Context,
    tenant: TenantArgument,
    project: ProjectArgument,
    valid_from: From,
    environment: Annotated[str, typer.Option(help="Environment whose interactions are billed.")] = "production",
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="Agent that it is.")] = None,
    as_json: Json = False,
) -> None:
    """Create a Voiceflow project of a tenant, or change it. Safe to repeat."""
    with session(ctx).operator() as connection:
        wanted = agents.Project(project, tenant, valid_from, None, environment, agent)
        change = agents.put_project(connection, wanted)
    show_changes([change], as_json, f"minutebook credential set voiceflow --tenant {tenant}")


@command(project_app, "end", "minutebook project end acme 66f0a1 --on 2026-06-01")
def end_project(
    ctx: typer.Context,
    tenant: TenantArgument,
    project: ProjectArgument,
    on: Annotated[
        date, typer.Option("--on", parser=parse_date, metavar="YYYY-MM-DD", help="First day it is not pulled any more.")
    ],
    as_json: Json = False,
) -> None:
    """Stop pulling a Voiceflow project."""
    with session(ctx).operator() as connection:
        change = agents.end_project(connection, tenant, project, on)
    show_changes([change], as_json, f"minutebook project list --tenant {tenant}")


@command(project_app, "list", "minutebook project list --tenant acme")
def list_projects(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """List Voiceflow projects."""
    with session(ctx).operator() as connection:
        if tenant is not None:
            require_tenant(connection, tenant)
        rows = agents.projects(connection, tenant)
    columns = ["tenant_id", "project_id", "environment", "agent_id", "valid_from", "valid_to"]
    show(rows, columns, as_json, "no Voiceflow projects yet; next: minutebook project create --help")
