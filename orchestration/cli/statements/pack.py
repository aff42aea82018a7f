"""minutebook pack, export and dashboard link: what leaves the warehouse for people."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.progress import Progress

from orchestration.cli.options import Json, Period, TenantArgument, TenantFilter, Tenants, command, group, parse_date
from orchestration.cli.output import console, next_step, print_json, say, show
from orchestration.cli.session import session
from orchestration.metabase import descriptions
from orchestration.metabase.client import opened
from orchestration.metabase.documentation import documented
from orchestration.metabase.embed_links import tenant_link
from orchestration.reports import tables
from warehouse import clock
from warehouse.control import tenants
from warehouse.security.isolation import reading
from warehouse.words import counted

app = typer.Typer()
dashboard_app = group("Dashboards in Metabase.", "minutebook dashboard link acme --dashboard 7")


@command(app, "pack", "minutebook pack 2026-10 --output packs/2026-10")
def pack(
    ctx: typer.Context,
    period: Period,
    output: Annotated[Path, typer.Option(metavar="DIR", help="A folder that is empty or not there yet.")],
    tenant: Tenants = None,
    as_json: Json = False,
) -> None:
    """Write the finance pack of a period: HTML, CSV and workbooks, one statement for each tenant and a summary.

    It needs no server. The pack of a closed period is the same, byte for byte, whenever it is written.
    """
    from orchestration.reports import writing  # the charts take a second to import, which no other command pays

    with session(ctx).operator() as connection:
        for slug in tenant or ():
            tenants.require_tenant(connection, slug)
        with Progress(console=console(is_error=True), transient=True, disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task("statements")
            written = writing.write(
                connection,
                period,
                output,
                tenant_ids=tenant,
                on_progress=lambda done, of: progress.update(task, completed=done, total=of),
            )
    if as_json:
        print_json(
            {
                "folder": str(written.folder),
                "statements": written.statements,
                "closed": written.closed,
                "files": written.files,
            }
        )
        return
    statements, files = counted(written.statements, "statement"), counted(written.files, "file")
    say(f"wrote {statements} in {files}, {written.closed} of closed periods")
    next_step(f"open {written.folder / 'index.html'}")


@command(app, "export", "minutebook export fct_statements --from 2026-10-01 --json > statements.json")
def export(
    ctx: typer.Context,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table of the marts, such as fct_statements.")],
    first: Annotated[
        date | None,
        typer.Option("--from", parser=parse_date, metavar="YYYY-MM-DD", help="First day, where it has days."),
    ] = None,
    last: Annotated[
        date | None, typer.Option("--to", parser=parse_date, metavar="YYYY-MM-DD", help="Last day, included.")
    ] = None,
    tenant: TenantFilter = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of CSV.")] = False,
) -> None:
    """Write a table of the marts to standard output as CSV or JSON, read as an analyst, or as the tenant given."""
    with _reader(ctx, tenant) as connection:
        found = tables.find_table(connection, table)
        for piece in tables.rendered(connection, found, "json" if as_json else "csv", first, last):
            typer.echo(piece, nl=False)


@command(dashboard_app, "link", "minutebook dashboard link acme --dashboard 7 --minutes 60")
def link(
    ctx: typer.Context,
    tenant: TenantArgument,
    dashboard: Annotated[int, typer.Option(min=1, help="Metabase's number of the dashboard Tenant view.")],
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="How long the link can be opened.")] = 60,
    as_json: Json = False,
) -> None:
    """Print a link that shows a tenant its own dashboard in Metabase; the tenant is locked into the signed token."""
    current = session(ctx)
    with current.operator() as connection:
        tenants.require_tenant(connection, tenant)
    settings, now, lasts = current.settings, clock.now(), timedelta(minutes=minutes)
    url = tenant_link(settings.metabase_url, settings.metabase_secret_key, dashboard, tenant, now, lasts)
    if as_json:
        print_json({"tenant_id": tenant, "url": url, "expires_at": now + lasts})
    else:
        say(url)


@command(dashboard_app, "describe", "minutebook dashboard describe --dry-run")
def describe(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Set Metabase's descriptions, semantic types and foreign keys those of dbt's documentation of the marts.

    Metabase is asked to look at the schema again first, where it does not know a table or column yet.
    """
    with opened(session(ctx).settings) as metabase:
        if dry_run:
            changes = descriptions.plan(metabase, documented())
        else:
            with Progress(console=console(is_error=True), transient=True, disable=not sys.stderr.isatty()) as progress:
                task = progress.add_task("columns")
                changes = descriptions.apply(
                    metabase, documented(), on_progress=lambda done, of: progress.update(task, completed=done, total=of)
                )
    show(
        [asdict(change) for change in changes],
        ["table", "column", "what", "now", "then"],
        as_json,
        "Metabase agrees with dbt's documentation.",
        None if as_json else "Would change" if dry_run else "Changed",
    )
    if dry_run and changes and not as_json:
        next_step("minutebook dashboard describe")


@contextmanager
def _reader(ctx: typer.Context, tenant: str | None) -> Iterator[psycopg.Connection[Any]]:
    current = session(ctx)
    with current.settings.database() as url:
        if tenant is not None:
            with current.operator_of(url) as connection:
                tenants.require_tenant(connection, tenant)
        with reading(url, tenant) as connection:
            yield connection
