"""minutebook key …: API keys by which usage is pushed. A key is shown once, when it is made."""

from datetime import date
from typing import Annotated

import typer

from orchestration.cli.options import Json, TenantFilter, command, group, parse_date
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import session
from warehouse import clock
from warehouse.control import tenants
from warehouse.intake import keys

app = group(
    "API keys: tenants push their usage with them (POST /v1/events).",
    "minutebook key create --tenant acme --scope events",
)
COLUMNS = ["key_id", "tenant_id", "scopes", "created_at", "created_by", "expires_at", "revoked_at", "used_at"]


def parse_scope(text: str) -> str:
    """One of the scopes there are."""
    if text not in keys.SCOPES:
        raise typer.BadParameter(f"there is no scope '{text}'; there is {', '.join(keys.SCOPES)}")
    return text


@command(app, "create", "minutebook key create --tenant acme --scope events --expires 2027-12-31")
def create(
    ctx: typer.Context,
    tenant: Annotated[
        str | None,
        typer.Option(metavar="TENANT", help="Whose usage it pushes; without, each event names its tenant."),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            parser=parse_scope,
            metavar="SCOPE",
            help="events: of the last 35 days. backfill: of the last 400. May be repeated; default events.",
        ),
    ] = None,
    expires: Annotated[
        date | None, typer.Option(parser=parse_date, metavar="YYYY-MM-DD", help="Last UTC day; default: until revoked.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make an API key and print it, this one time. A tenant has two valid keys at most, so that one can be replaced."""
    now = clock.now()
    expires_at = None if expires is None else keys.end_of(expires)
    with session(ctx).operator() as connection:
        if tenant is not None:
            tenants.require_tenant(connection, tenant)
        token, made = keys.create(connection, tenant, scope or ["events"], now, expires_at)
    if as_json:
        print_json({**made, "key": token.reveal()})
        return
    say(token.reveal())
    next_step(
        "keep it where your program reads its secrets: it is not shown again. Then: POST /v1/events"
        " (docs/push-usage.md)"
    )


@command(app, "list", "minutebook key list --tenant acme")
def list_keys(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """List keys by their public part, revoked and expired ones too, and when each was last used."""
    with session(ctx).operator() as connection:
        found = keys.listed(connection, tenant)
    show(found, COLUMNS, as_json, "no key: minutebook key create --tenant TENANT --scope events")


@command(app, "revoke", "minutebook key revoke k7Q2mZ9a")
def revoke(
    ctx: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="Its public part; see: minutebook key list.")],
    as_json: Json = False,
) -> None:
    """End a key: within ten seconds nothing is taken under it any more. What it pushed stays."""
    with session(ctx).operator() as connection:
        is_new = keys.revoke(connection, key_id, clock.now())
    if as_json:
        print_json({"key_id": key_id, "is_revoked_now": is_new})
        return
    say(f"key {key_id} is revoked" if is_new else f"key {key_id} was revoked before")
