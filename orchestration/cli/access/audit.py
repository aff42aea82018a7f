"""minutebook audit …: who changed or used what, and whether that record is whole."""

from datetime import date
from typing import Annotated

import typer

from orchestration.cli.options import Json, TenantFilter, command, group, parse_date
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, session
from warehouse.security import audit_log
from warehouse.words import counted

app = group(
    "The audit log: every change of control data, approval, access, and use of a credential.",
    "minutebook audit list --tenant acme",
)
COLUMNS = ["happened_at", "actor", "login", "client", "action", "object_table", "tenant_id", "before", "after"]


@command(app, "list", "minutebook audit list --tenant acme --since 2026-10-01")
def list_entries(
    ctx: typer.Context,
    tenant: TenantFilter = None,
    since: Annotated[
        date | None, typer.Option(parser=parse_date, metavar="YYYY-MM-DD", help="First UTC day; default all.")
    ] = None,
    action: Annotated[str | None, typer.Option(help="Only insert, update, delete or use.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 200,
    as_json: Json = False,
) -> None:
    """List entries, newest first; values of secrets are in none of them."""
    with session(ctx).operator() as connection:
        rows = audit_log.entries(connection, tenant, since, action, limit)
    show(rows, COLUMNS, as_json, "no entry fits")


@command(app, "verify", "minutebook audit verify")
def verify(
    ctx: typer.Context,
    anchor: Annotated[str | None, typer.Option(help="What an earlier verification printed, kept elsewhere.")] = None,
    as_json: Json = False,
) -> None:
    """Compute the chain of hashes again. Exits 1 when an entry was changed, removed or inserted."""
    with session(ctx).operator() as connection:
        found = audit_log.verify(connection, anchor)
    if as_json:
        print_json({"entries": found.entries, "anchor": found.anchor, "faults": list(found.faults)})
    else:
        say(f"{counted(found.entries, 'entry')}, anchor {found.anchor}")
    if found.faults:
        raise CommandFailed(f"the audit log was tampered with: {found.faults[0]} ({len(found.faults)} in all)")
    if not as_json:
        next_step("keep the anchor outside this database; then: minutebook audit verify --anchor ANCHOR")
