"""minutebook pull again."""

from typing import Annotated

import typer

from orchestration.cli.ingestion.pull import progress, report
from orchestration.cli.options import Json, command
from orchestration.cli.output import next_step, show
from orchestration.cli.session import session
from orchestration.ingestion import pull_again
from sources.registry import horizons
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.ingestion import retry_schedule

app = typer.Typer()


@command(app, "again", "minutebook pull again --dry-run")
def again(
    ctx: typer.Context,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Only show which days come back, why and when.")] = False,
    as_json: Json = False,
) -> None:
    """Pull the days that another pull alone may fix and their provider remembers: incomplete, failed, never pulled.

    Each waits longer than the time before, from 15 minutes to 12 hours. `minutebook up` does this by itself.
    """
    settings = session(ctx).settings
    now = clock.now()
    with settings.database() as url:
        with connect(url, Role.LOADER, actor=settings.actor) as connection:
            days = retry_schedule.account_days(connection, now, horizons())
        if is_dry:
            rows = [
                {
                    "source": day.key.source,
                    "account": day.key.account,
                    "usage_date": day.key.usage_date,
                    "status": day.status,
                    "tries": day.tries,
                    "due_at": "now" if day.due_at <= now else f"{day.due_at:%Y-%m-%d %H:%M}",
                    "cause": day.cause,
                }
                for day in days
            ]
            columns = ["source", "account", "usage_date", "status", "tries", "due_at", "cause"]
            show(
                rows,
                columns,
                as_json,
                "no day is pulled again by itself: see minutebook status for those that need you",
            )
            if rows and not as_json:
                next_step("minutebook pull again")
            return
        with progress("pulling", sum(day.due_at <= now for day in days)) as advance:
            outcomes = pull_again(url, settings, now=now, on_progress=lambda outcome: advance(str(outcome)))
    report(outcomes, as_json, "no day is due; see: minutebook pull again --dry-run")
