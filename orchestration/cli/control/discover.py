"""minutebook discover: what an account holds, and which attachments are missing."""

from shlex import join
from typing import Annotated

import typer

from orchestration.cli.options import Json, command
from orchestration.cli.output import next_step, print_json, say, show, show_changes
from orchestration.cli.session import CommandFailed, session
from orchestration.ingestion import discovering
from orchestration.ingestion.discovering import Account, Proposal
from sources.registry import registry
from warehouse.clock import today
from warehouse.control import agents, tenants
from warehouse.control.agents import Attachment
from warehouse.control.changes import Change
from warehouse.database.queries import Connection

app = typer.Typer()
COUNTED = ["id", "name", "calls_by_provider", "calls", "connected_by_provider", "connected"]
COLUMNS = ["what", "id", "name", "label", "tenant_id", "agent_id", "unattached_since", "unattached_calls"]


def known_provider(name: str) -> str:
    """A provider whose accounts can be looked into. Raises BadParameter for another."""
    if discovering.source_of(name) is None:
        can = [one for one in registry().providers if discovering.source_of(one) is not None]
        raise typer.BadParameter(f"'{name}' cannot say what its account holds; there is {', '.join(can)}")
    return name


@command(app, "discover", "minutebook discover vapi --tenant acme --apply")
def discover(
    ctx: typer.Context,
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", callback=known_provider, help="Whose account.")],
    tenant: Annotated[
        str | None,
        typer.Option(metavar="TENANT", help="Whose attachments are proposed; its own account, if it has one."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Propose this id, whatever its name is. May be repeated."),
    ] = None,
    agent: Annotated[
        str | None, typer.Option(metavar="AGENT", help="Attach to this agent; default the tenant's, or a new one each.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Attach what is proposed, asking about each.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --apply: do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """List the numbers, assistants and campaigns of an account with whose they are, and propose what is missing.

    An attachment is proposed from the first call on that was seen; of the platform's account for what begins with the
    tenant's name. Beside what was read of a campaign stands what its provider counts: one that leaves voicemail out
    counts fewer connected.

    Only ids and names are read, and nothing of it is stored but what is attached.
    """
    source = discovering.source_of(provider)
    if source is None:
        raise RuntimeError("a provider was not looked at")
    if (only or agent or apply) and tenant is None:
        raise typer.BadParameter("say whose: --tenant TENANT")
    current = session(ctx)
    with current.settings.database() as url, current.operator_of(url) as connection:
        own = False
        if tenant is not None:
            tenants.require_tenant(connection, tenant)
            own = any(row["provider"] == provider for row in tenants.credentials(connection, tenant))
            if agent is not None:
                agents.require_agent(connection, tenant, agent)
        account = discovering.look(url, current.settings, source, tenant, has_own=own)
        proposals = [] if tenant is None else _proposals(connection, account, tenant, agent, only or [])
        if apply and tenant is not None:
            changes = [change for one in proposals for change in _attach(connection, tenant, one, is_sure=yes)]
            show_changes(changes, as_json, "minutebook build, so that its calls find their tenant")
            return
    _show(account, tenant, proposals, as_json)


def _proposals(
    connection: Connection, account: Account, tenant: str, agent: str | None, only: list[str]
) -> list[Proposal]:
    if unknown := [one for one in only if one not in {found.held.value for found in account.found}]:
        raise CommandFailed(f"the account holds no {unknown[0]}: see minutebook discover {account.source.provider}")
    known = list(dict.fromkeys(row["agent_id"] for row in agents.agents(connection, tenant)))
    name = tenants.require_tenant(connection, tenant).name
    return discovering.missing(account, tenant, name, [agent] if agent else known, only, today())


def _attach(connection: Connection, tenant: str, one: Proposal, *, is_sure: bool) -> list[Change]:
    held = one.found.held
    named = f"{held.what} {held.value} {held.name or held.label}".rstrip()
    whose = f"new agent {one.agent_id}" if one.name else f"agent {one.agent_id}"
    if not is_sure and not typer.confirm(f"attach {named} to {whose} from {one.valid_from}?", err=True):
        return []
    made = [agents.put_agent(connection, tenant, one.agent_id, one.name)] if one.name else []
    attachment = Attachment(tenant, one.agent_id, held.kind, held.value, one.valid_from)
    return [*made, agents.attach(connection, attachment)]


def _show(account: Account, tenant: str | None, proposals: list[Proposal], as_json: bool) -> None:
    rows = [
        {
            "what": one.held.what,
            "id": one.held.value,
            "name": one.held.name,
            "label": one.held.label,
            "tenant_id": one.owner[0] if one.owner else None,
            "agent_id": one.owner[1] if one.owner else None,
            "unattached_since": one.first_day,
            "unattached_calls": one.calls,
        }
        for one in account.found
    ]
    campaigns = [
        {
            "id": one.campaign_id,
            "name": one.name,
            "calls_by_provider": one.calls,
            "calls": calls,
            "connected_by_provider": one.connected,
            "connected": connected,
        }
        for one in account.campaigns
        for calls, connected in [account.made.get(one.campaign_id, (0, 0))]
    ]
    commands = [_command(str(tenant), one) for one in proposals]
    if as_json:
        print_json({"account": account.account, "found": rows, "campaigns": campaigns, "proposals": commands})
        return
    show(rows, COLUMNS, as_json, f"the account of {account.account} holds nothing that usage routes by")
    if campaigns:
        show(campaigns, COUNTED, as_json, "", "Its campaigns, as the provider counts them and as they were read")
    provider = account.source.provider
    if tenant is None:
        next_step(f"minutebook discover {provider} --tenant TENANT, for what is missing of a tenant")
    elif not commands:
        say(f"nothing is missing of {tenant}")
    else:
        say(f"missing of {tenant}:")
        for line in commands:
            say(line)
        next_step(join(["minutebook", "discover", provider, "--tenant", tenant, "--apply"]))


def _command(tenant: str, one: Proposal) -> str:
    held = one.found.held
    made = ["minutebook", "agent", "create", tenant, one.agent_id, "--name", one.name]
    attached = ["minutebook", "agent", "attach", tenant, one.agent_id, held.kind, held.value]
    line = join([*attached, "--from", str(one.valid_from)])
    return f"{join(made)} && {line}" if one.name else line
