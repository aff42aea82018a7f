"""minutebook access …: logins of the database for people, Metabase, tenants and processes."""

from typing import Annotated

import typer

from orchestration.cli.options import Json, command, group
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, session
from orchestration.remedies import word
from warehouse.database.connect import Role, connect
from warehouse.security import database_logins
from warehouse.security.database_logins import Access
from warehouse.security.isolation import flaws

app = group(
    "Logins of the database: one purpose each, bound to it by PostgreSQL itself.",
    "minutebook access grant --role tenant --tenant acme",
)
COLUMNS = ["login", "role", "tenant_id", "granted_at", "revoked_at", "can_log_in"]


@command(app, "grant", "minutebook access grant --role tenant --tenant acme")
def grant(
    ctx: typer.Context,
    role: Annotated[
        Access,
        typer.Option(
            help="analyst: the marts of all tenants; tenant: its own rows; operator: onboarding and review; server: the"
            " pages; loader, transformer, billing: processes."
        ),
    ],
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="TENANT", help="Whose rows, for role tenant.")
    ] = None,
    login: Annotated[
        str | None, typer.Option("--login", metavar="LOGIN", help="Its name; default a random one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a login and show its password once; for one that exists, a new password."""
    with session(ctx).settings.database() as url, connect(url, Role.OWNER, actor=session(ctx).settings.actor) as owner:
        if found := flaws(owner):
            raise CommandFailed(f"nothing is granted while {word(found[0]).what}; fix: {word(found[0]).fix}")
        granted = database_logins.grant(owner, role, tenant_id=tenant, login=login)
        place = {"host": owner.info.host, "port": owner.info.port, "database": owner.info.dbname}
    if as_json:
        print_json({"login": granted.login, "password": granted.password.reveal(), **place})
        return
    say(f"login     {granted.login}")
    say(f"password  {granted.password.reveal()}")
    say(f"server    {place['host']}:{place['port']}, database {place['database']}")
    next_step(f"keep the password now, it is stored nowhere; to end it: minutebook access revoke {granted.login}")


@command(app, "revoke", "minutebook access revoke mb_tenant_1f0c22d9")
def revoke(
    ctx: typer.Context,
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="As minutebook access list names it.")],
    as_json: Json = False,
) -> None:
    """Lock a login out, end its sessions and drop it."""
    with session(ctx).settings.database() as url, connect(url, Role.OWNER, actor=session(ctx).settings.actor) as owner:
        database_logins.revoke(owner, login)
    if as_json:
        print_json({"login": login, "is_revoked": True})
        return
    say(f"{login} is gone, and its sessions with it")
    next_step("minutebook access list")


@command(app, "list", "minutebook access list")
def list_access(ctx: typer.Context, as_json: Json = False) -> None:
    """List every login that was granted, those revoked last."""
    with session(ctx).operator() as connection:
        rows = database_logins.logins(connection)
    show(rows, COLUMNS, as_json, "no logins yet; next: minutebook access grant --help")
