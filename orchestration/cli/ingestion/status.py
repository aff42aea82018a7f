"""minutebook status."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from orchestration.cli.ingestion.pull import alike, span_of
from orchestration.cli.options import Json, Tenants, command
from orchestration.cli.output import next_step, show
from orchestration.cli.session import session
from orchestration.remedies.days import fix
from sources.registry import all_sources, horizons
from warehouse import clock
from warehouse.control import tenants
from warehouse.ingestion import retry_schedule
from warehouse.ingestion.day_status import days_needing_attention
from warehouse.words import day

app = typer.Typer()
COLUMNS = ["tenant_id", "source", "status", "days", "first_day", "last_day", "next_pull", "cause", "fix"]


@command(app, "status", "minutebook status --days 60")
def status(
    ctx: typer.Context,
    tenant: Tenants = None,
    days: Annotated[int, typer.Option(min=1, help="How many finished days to look at.")] = 35,
    as_json: Json = False,
) -> None:
    """Show the tenants and days that need attention: not pulled, failed, incomplete; and when each is pulled next.

    Days of a tenant and source that are alike make one line, with the commands that resolve it; JSON has each day.
    """
    last = clock.today() - timedelta(days=1)
    first = last - timedelta(days=days - 1)
    with session(ctx).operator() as connection:
        for slug in tenant or ():
            tenants.require_tenant(connection, slug)
        rows = days_needing_attention(connection, first, last, tenant)
        coming = retry_schedule.next_pulls(connection, clock.now(), horizons())
    for row in rows:
        at = coming.get((row["source"], row["account"], row["usage_date"]))
        row["next_pull"] = at and f"{at:%Y-%m-%d %H:%M} UTC"
    empty = f"nothing needs attention from {day(first)} to {day(last)}"
    if as_json or not rows:
        show(rows, [], as_json, empty)
        return
    folded = [
        _line(found) for found in alike(rows, ("tenant_id", "source", "account", "status", "cause_code", "cause"))
    ]
    show(folded, COLUMNS, False, empty)
    if any(row["fix"] for row in folded):
        next_step("fix each cause, pull as said with it, then: minutebook build")


def _line(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Days that are alike, the first of their next pulls, and what resolves them; days being read need nothing."""
    line = {**span_of(rows), "next_pull": min((row["next_pull"] for row in rows if row["next_pull"]), default=None)}
    provider = all_sources()[line["source"]].provider
    fault = {**line, "provider": provider, "a_tenant": line["tenant_id"], "tenants": 1}
    return {**line, "fix": "" if line["status"] == "reading" else fix(fault)}
