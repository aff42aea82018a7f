"""minutebook pull list and diff: what was pulled, and what a re-pull changed."""

import json
from datetime import date, timedelta
from typing import Annotated

import typer

from orchestration.cli.ingestion.pull import Sources, known_sources
from orchestration.cli.options import Json, Tenants, command, parse_date
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import session
from sources.registry import all_sources
from warehouse.clock import today
from warehouse.database.connect import Role, connect
from warehouse.database.queries import Connection
from warehouse.finding import Hint, Step
from warehouse.ingestion import history
from warehouse.words import day, moment

app = typer.Typer()
STATES = ("reading", "published", "superseded", "unchanged", "failed")
LISTED = [
    *("pull_id", "source", "account", "usage_date", "state", "number", "row_count", "requests", "windows"),
    *("totals", "provider_totals", "cause_code", "closed_at"),
]


@command(app, "list", "minutebook pull list --tenant acme --from 2026-10-01 --to 2026-10-31 --state failed")
def list_pulls(
    ctx: typer.Context,
    tenant: Tenants = None,
    first_day: Annotated[
        date | None,
        typer.Option("--from", parser=parse_date, metavar="YYYY-MM-DD", help="First usage date; default 7 days ago."),
    ] = None,
    last_day: Annotated[
        date | None, typer.Option("--to", parser=parse_date, metavar="YYYY-MM-DD", help="Last usage date, included.")
    ] = None,
    source: Sources = None,
    state: Annotated[
        list[str] | None, typer.Option("--state", metavar="STATE", help=f"Only this one of {', '.join(STATES)}.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest usage date first.")] = 200,
    as_json: Json = False,
) -> None:
    """List pulls: how each ended and why, its requests and counts, and the provider's own total.

    Number counts the pulls of that account-day. JSON adds the attempt, its run, the cause, and when rows were purged.
    """
    if unknown := set(state or ()) - set(STATES):
        raise typer.BadParameter(f"no state '{min(unknown)}'; the states are {', '.join(STATES)}")
    last = last_day or today() - timedelta(days=1)
    first = first_day or min(last, today() - timedelta(days=7))
    settings = session(ctx).settings
    with settings.database() as url, connect(url, Role.TRANSFORMER, actor=settings.actor) as connection:
        found = history.pulls(connection, first, last, tenant, known_sources(source), state, limit)
    if as_json:
        totals = ("totals", "provider_totals")
        print_json([row | {name: _totals(row[name]) for name in totals} for row in found])
        return
    rows = [
        row
        | {
            "closed_at": row["closed_at"] and f"{row['closed_at']:%Y-%m-%d %H:%M}",
            "totals": _short(row["totals"]),
            "provider_totals": _short(row["provider_totals"]),
        }
        for row in found
    ]
    show(rows, LISTED, False, f"no pull of {day(first)} to {day(last)} fits")
    if any(row["state"] == "superseded" for row in found):
        next_step("minutebook pull diff --tenant TENANT --on DAY, or: minutebook pull diff BEFORE AFTER")


@command(app, "diff", "minutebook pull diff --tenant acme --on 2026-10-03")
def diff(
    ctx: typer.Context,
    pull_ids: Annotated[
        list[int] | None, typer.Argument(metavar="[BEFORE AFTER]", help="Two pulls of one day; see: pull list.")
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="Whose day, instead.")] = None,
    on: Annotated[
        date | None, typer.Option("--on", parser=parse_date, metavar="YYYY-MM-DD", help="Which usage date of it.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="SOURCE", help="Of which source; default: that of calls."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a re-pull changed, call by call: added, gone, and each field that differs; never a conversation.

    By a tenant's day: its current pull against the one before. A shared account is shown whole.
    """
    by_day = tenant is not None and on is not None
    if bool(pull_ids) == by_day or (pull_ids and len(pull_ids) != 2):
        raise typer.BadParameter("give two pulls (minutebook pull diff 12 15), or --tenant with --on")
    known_sources([source] if source else None)
    settings = session(ctx).settings
    with settings.database() as url, connect(url, Role.TRANSFORMER, actor=settings.actor) as connection:
        if tenant is not None and on is not None:
            source = source or _of_calls(connection, tenant, on)
            found = history.last_change(connection, all_sources(), tenant, source, on)
        else:
            found = history.difference(connection, all_sources(), *(pull_ids or ()))
    if as_json:
        print_json(
            {
                name: pull | {"totals": _totals(pull["totals"])}
                for name, pull in (("before", found.before), ("after", found.after))
            }
            | {"changes": found.changes}
        )
        return
    of = found.after
    said = " and ".join(
        f"pull {pull['pull_id']} ({moment(pull['closed_at'])}; {_short(pull['totals'])})"
        for pull in (found.before, found.after)
    )
    say(f"{of['source']} of {of['account']} on {day(of['usage_date'])}: {said}")
    columns = ["item", "change", "field", "before", "after"]
    show(found.changes, columns, False, "nothing that money, time or routing depend on")
    if found.changes:
        say(", ".join(f"{found.items(change)} {change}" for change in ("added", "gone", "changed")))


def _of_calls(connection: Connection, tenant: str, on: date) -> str:
    """The source of calls that a tenant used on a day. Raises BadParameter for several, NothingToCompare for none."""
    of_calls = [source.name for source in all_sources().values() if source.contract == "calls"]
    used = [name for name in of_calls if history.is_used(connection, tenant, name, on)]
    if not used:
        raise history.NothingToCompare(f"tenant {tenant} used no source of calls on {on}", Hint(Step.LIST_AGENTS))
    if len(used) > 1:
        raise typer.BadParameter(f"say which source: --source {' or '.join(used)}")
    return used[0]


def _totals(text: str | None) -> dict[str, str] | None:
    """Totals as they were reported, digit for digit: no number of them becomes a float."""
    return None if text is None else json.loads(text, parse_float=str, parse_int=str)


def _short(text: str | None) -> str | None:
    return ", ".join(f"{value} {name}" for name, value in (_totals(text) or {}).items()) or None
