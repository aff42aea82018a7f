"""minutebook tenant privacy, retain, export and erase; minutebook expire."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import Json, TenantArgument, command
from orchestration.cli.output import next_step, print_json, say
from orchestration.cli.session import session
from orchestration.privacy.minimising import apply_choices
from sources.personal import Keep
from sources.registry import all_sources
from warehouse.clock import today
from warehouse.control import tenants
from warehouse.database.connect import Role, connect
from warehouse.privacy import personal
from warehouse.security import database_logins
from warehouse.words import counted

app = typer.Typer()
tenant_app = typer.Typer()


@command(tenant_app, "retain", "minutebook tenant retain acme --days 90")
def retain(
    ctx: typer.Context,
    tenant: TenantArgument,
    days: Annotated[int | None, typer.Option(min=1, help="Days after the usage date; without, until erased.")] = None,
    as_json: Json = False,
) -> None:
    """Set how long callers' numbers and conversations are kept; costs and times stay in any case."""
    with session(ctx).operator() as connection:
        tenants.require_tenant(connection, tenant)
        personal.retain(connection, tenant, days)
    if as_json:
        print_json({"tenant_id": tenant, "personal_days": days})
        return
    say(f"personal data of {tenant} is kept " + (counted(days, "day") if days else "until it is erased"))
    next_step("minutebook expire")


@command(tenant_app, "privacy", "minutebook tenant privacy acme --phone-numbers redacted --recordings never")
def privacy(
    ctx: typer.Context,
    tenant: TenantArgument,
    phone_numbers: Annotated[
        Keep | None, typer.Option(help="Who was on the line: number, name, address. Redacted: the last two digits.")
    ] = None,
    transcripts: Annotated[
        Keep | None, typer.Option(help="Transcripts, messages, summaries. Redacted: without spoken numbers.")
    ] = None,
    recordings: Annotated[Keep | None, typer.Option(help="Recordings. Redacted: only that there is one.")] = None,
    as_json: Json = False,
) -> None:
    """Choose what is stored of a tenant's calls; what is not named stays as it was. Bills do not depend on it."""
    with session(ctx).operator() as connection:
        tenants.require_tenant(connection, tenant)
        said = {"phone_numbers": phone_numbers, "transcripts": transcripts, "recordings": recordings}
        if any(said.values()):
            personal.choose(connection, tenant, {kind: str(keep) for kind, keep in said.items() if keep is not None})
        named = asdict(personal.kept(connection, tenant))
    if as_json:
        print_json({"tenant_id": tenant, **named})
        return
    say(f"of {tenant}: " + ", ".join(f"{kind.replace('_', ' ')} {keep}" for kind, keep in named.items()))
    next_step("minutebook expire applies it to stored rows (Dagster does, daily); it applies to new calls at once")


@command(app, "expire", "minutebook expire")
def expire(ctx: typer.Context, as_json: Json = False) -> None:
    """Remove what tenants chose not to keep, and what is older than their retention period. Safe to repeat.

    Dagster does it daily.
    """
    current = session(ctx)
    with current.settings.database() as url:
        applied = apply_choices(url, current.settings.actor, None if as_json else _reported)
        with current.operator_of(url) as connection:
            forgotten = personal.expire(connection, today())
    if as_json:
        chosen = {tenant: asdict(done) for tenant, done in applied.items()}
        print_json({"choices_applied": chosen, "rows_forgotten": forgotten})
        return
    for tenant, done in applied.items():
        later = "" if done.is_final else "; an earlier pull is under way: run it again when that has ended"
        say(f"{tenant}: {counted(done.rows_changed, 'call')} brought to its choice{later}")
    for tenant, count in forgotten.items():
        say(f"{tenant}: {counted(count, 'row')} without personal data now")
    next_step("minutebook audit list" if applied or any(forgotten.values()) else "nothing was due")


def _reported(tenant: str, count: int) -> None:
    say(f"{tenant}: {counted(count, 'call')} so far")


@command(tenant_app, "export", "minutebook tenant export acme --to acme-export")
def export(
    ctx: typer.Context,
    tenant: TenantArgument,
    folder: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Made if it is missing.")],
    as_json: Json = False,
) -> None:
    """Write all that is known about a tenant as JSON lines, a file per table."""
    current = session(ctx)
    with current.settings.database() as url:
        with current.operator_of(url) as connection:
            tenants.require_tenant(connection, tenant)
        counts = personal.export(url, all_sources().values(), tenant, folder)
    if as_json:
        print_json(counts)
        return
    say(f"{counted(sum(counts.values()), 'row')} in {counted(len(counts), 'file')} under {folder}")
    next_step("send it by a way that only the tenant can read")


@command(tenant_app, "erase", "minutebook tenant erase acme --yes")
def erase(
    ctx: typer.Context,
    tenant: TenantArgument,
    is_sure: Annotated[bool, typer.Option("--yes", help="It cannot be undone.")] = False,
    as_json: Json = False,
) -> None:
    """Erase a closed tenant's personal data, keys and logins; statements and the ledger stay whole."""
    if not is_sure:
        raise typer.BadParameter(f"this cannot be undone; export first, then: minutebook tenant erase {tenant} --yes")
    current = session(ctx)
    with current.settings.database() as url:
        with current.operator_of(url) as connection:
            tenants.require_tenant(connection, tenant)
            forgotten = personal.erase(connection, tenant, today())
        with connect(url, Role.OWNER, actor=current.settings.actor) as owner:
            for row in database_logins.logins(owner):
                if row["tenant_id"] == tenant and row["revoked_at"] is None:
                    database_logins.revoke(owner, row["login"])
    if as_json:
        print_json({"tenant_id": tenant, "rows_forgotten": forgotten})
        return
    say(f"{tenant} is erased: {counted(forgotten, 'row')} without personal data now, its keys and logins are gone")
    next_step("minutebook build, so that the marts follow")
