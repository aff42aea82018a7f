"""minutebook field list, seen and clean."""

import sys
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestration.cli.options import Json, command, group
from orchestration.cli.output import console, next_step, print_json, say, show
from orchestration.cli.session import session
from orchestration.privacy.cleaning import clean as clean_rows
from sources.registry import all_sources
from warehouse.sources import fields
from warehouse.words import counted

app = group("Fields that providers send and that are not stored.", "minutebook field list --all")


@command(app, "list", "minutebook field list --all")
def list_fields(
    ctx: typer.Context,
    is_all: Annotated[bool, typer.Option("--all", help="Also those that somebody has seen.")] = False,
    as_json: Json = False,
) -> None:
    """List fields that are in no contract and were left out, and where each came first; never their values."""
    with session(ctx).operator() as connection:
        found = fields.new_fields(connection, with_acknowledged=is_all)
    columns = ["source", "field", "account", "usage_date", "acknowledged_by"]
    show(found, columns, as_json, "every field that came is stored or marked as seen")
    if found and not as_json:
        next_step("minutebook field seen SOURCE FIELD; what is to be stored goes into the source's contract.py")


@command(app, "seen", "minutebook field seen vapi phoneNumber.twilioAuthToken")
def seen(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="Of which source.")],
    field: Annotated[str | None, typer.Argument(help="As listed; without, all of the source.")] = None,
    as_json: Json = False,
) -> None:
    """Mark a field that is not stored as seen; it is not reported again."""
    if source not in all_sources():
        raise typer.BadParameter(f"there is no source '{source}'; there is {', '.join(all_sources())}")
    current = session(ctx)
    with current.operator() as connection:
        count = fields.acknowledge(connection, source, field, current.settings.actor)
    if as_json:
        print_json({"source": source, "fields": count})
        return
    say(f"not reported again: {counted(count, 'field')} of {source}")
    next_step("minutebook doctor")


@command(app, "clean", "minutebook field clean")
def clean(ctx: typer.Context, as_json: Json = False) -> None:
    """Remove fields that are in no contract from stored raw rows. Audited; safe to interrupt and to repeat."""
    settings = session(ctx).settings
    parts = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with (
        settings.database() as url,
        Progress(*parts, console=console(is_error=True), disable=not sys.stderr.isatty()) as bar,
    ):
        task = bar.add_task("cleaning", total=None)
        done = clean_rows(
            url,
            settings.actor,
            lambda source, rows, changed: bar.update(
                task, description=f"{source}: {changed:,} of {counted(rows, 'row')}"
            ),
        )
    if as_json:
        print_json(done)
        return
    for source, count in done.items():
        say(f"{source}: {counted(count, 'row')} cleaned")
    next_step("let backups from before expire: they hold what was removed")
