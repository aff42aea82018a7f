"""minutebook purge."""

import sys
from datetime import timedelta
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestration.cli.options import Json, command
from orchestration.cli.output import console, next_step, show
from orchestration.cli.session import session
from warehouse import clock
from warehouse.automations import runs
from warehouse.database.connect import Role, connect
from warehouse.intake.events import tidy
from warehouse.outgoing import outbox
from warehouse.sources import retention
from warehouse.words import moment

app = typer.Typer()


@command(app, "purge", "minutebook purge --dry-run")
def purge(
    ctx: typer.Context,
    days: Annotated[
        int | None,
        typer.Option(
            "--days", min=1, help="Keep those of the last so many days; default MINUTEBOOK_SUPERSEDED_DAYS (35)."
        ),
    ] = None,
    is_dry: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be deleted, and what is kept.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete raw rows that nobody reads: of superseded pulls, and what failed ones landed.

    Never those of current pulls, nor of pulls that explain a frozen line. In small batches; safe to repeat. Pushed
    events that no key may push again are dropped besides, and outgoing ones of more than 90 days ago.
    """
    settings = session(ctx).settings
    closed_before = clock.now() - timedelta(days=days or settings.superseded_days)
    before = f"before {moment(closed_before)}"
    with settings.database() as url:
        if is_dry:
            with connect(url, Role.TRANSFORMER, actor=settings.actor) as connection:
                found = retention.waiting(connection, closed_before)
            columns = ["source", "pulls", "raw_rows", "kept_pulls", "kept_rows"]
            show(found, columns, as_json, f"nothing to purge: no unread pull was closed {before}")
            if not as_json and any(row["pulls"] for row in found):
                next_step("minutebook purge")
            return
        parts = (SpinnerColumn(), TextColumn("purging"), TextColumn("{task.completed:,.0f} rows"), TimeElapsedColumn())
        shown = console(is_error=True)
        with (
            connect(url, Role.OPERATOR, actor=settings.actor, autocommit=True) as connection,
            Progress(*parts, console=shown, disable=not sys.stderr.isatty()) as bar,
        ):
            task = bar.add_task("", total=None)
            purged = retention.purge(connection, closed_before, on_batch=lambda gone: bar.advance(task, gone))
            tidy(connection, clock.today())
            outbox.forget(connection, clock.today())
            runs.forget(connection, clock.today())
    rows = [{"source": one.source, "pulls": one.pulls, "raw_rows": one.raw_rows} for one in purged if one.pulls]
    show(rows, ["source", "pulls", "raw_rows"], as_json, f"nothing to purge: no unread pull was closed {before}")
