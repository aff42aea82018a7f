"""minutebook pull, build and status."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestration.cli.options import Json, Tenants, command, parse_date
from orchestration.cli.output import console, next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, session
from orchestration.ingestion import PullOutcome, PullTrigger, TenantDay
from orchestration.ingestion import pull as pull_days
from orchestration.marts.building import build as build_marts
from sources.registry import all_sources, horizons
from warehouse import clock
from warehouse.clock import today
from warehouse.control import tenants
from warehouse.ingestion import retry_schedule
from warehouse.ingestion.day_status import days_needing_attention

app = typer.Typer()
pull_app = typer.Typer(
    invoke_without_command=True, epilog="Example: minutebook pull --tenant acme --from 2026-10-01 --to 2026-10-31"
)
Sources = Annotated[
    list[str] | None, typer.Option("--source", metavar="SOURCE", help=f"Only this one of {', '.join(all_sources())}.")
]


@pull_app.callback()
def pull(
    ctx: typer.Context,
    first_day: Annotated[
        date | None, typer.Option("--from", parser=parse_date, metavar="YYYY-MM-DD", help="First usage date (UTC).")
    ] = None,
    last_day: Annotated[
        date | None, typer.Option("--to", parser=parse_date, metavar="YYYY-MM-DD", help="Last usage date, included.")
    ] = None,
    tenant: Annotated[
        list[str] | None,
        typer.Option("--tenant", metavar="TENANT", help="Whose usage; may be repeated. Default: all active tenants."),
    ] = None,
    source: Sources = None,
    accept_loss: Annotated[
        bool,
        typer.Option("--accept-loss", help="Publish days without rows the provider forgot, as shown before."),
    ] = False,
    accept_count: Annotated[
        bool,
        typer.Option("--accept-count", help="Publish days although the provider counts other rows, as shown before."),
    ] = False,
    accept_cost: Annotated[
        bool,
        typer.Option("--accept-cost", help="Settle that the provider's total of cost differs, as shown before."),
    ] = False,
    accept_unconfirmed: Annotated[
        bool,
        typer.Option(
            "--accept-unconfirmed",
            help="Publish days although rows are gone that no total of the provider confirms, as shown before.",
        ),
    ] = False,
    is_forced: Annotated[
        bool,
        typer.Option(
            "--again", help="Store days again although nothing billed changed, by the privacy choices of now."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Pull usage from the providers, each day on its own: failures are reported, the rest is kept."""
    if ctx.invoked_subcommand is not None:
        return
    if first_day is None or last_day is None:
        raise typer.BadParameter("say which days: --from YYYY-MM-DD --to YYYY-MM-DD")
    if last_day < first_day:
        raise typer.BadParameter(f"--to {last_day} is before --from {first_day}")
    if last_day >= today():
        raise typer.BadParameter(
            f"{last_day} is not over in UTC; the last day to pull is {today() - timedelta(days=1)}"
        )
    sources = known_sources(source) or list(all_sources())
    current = session(ctx)
    with current.settings.database() as url:
        with current.operator_of(url) as connection:
            chosen = list(dict.fromkeys(tenant or ())) or _active(tenants.tenants_on(connection, last_day))
            for slug in chosen:
                tenants.require_tenant(connection, slug)
        days = [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
        asked = [TenantDay(slug, day) for slug in chosen for day in days]
        with progress("pulling", len(asked) * len(sources)) as advance:
            outcomes = pull_days(
                url,
                current.settings,
                asked,
                sources,
                PullTrigger.CLI,
                accept_loss=accept_loss,
                accept_count=accept_count,
                accept_cost=accept_cost,
                accept_unconfirmed=accept_unconfirmed,
                is_forced=is_forced,
                on_progress=lambda outcome: advance(str(outcome)),
            )
    report(outcomes, as_json)


def known_sources(source: list[str] | None) -> list[str] | None:
    """The sources as given. Raises BadParameter for one that is none."""
    if unknown := set(source or ()) - all_sources().keys():
        raise typer.BadParameter(f"no source '{min(unknown)}'; the sources are {', '.join(all_sources())}")
    return source or None


@command(app, "build", "minutebook build")
def build(
    ctx: typer.Context,
    full_refresh: Annotated[bool, typer.Option(help="Build everything from scratch, not only what changed.")] = False,
    as_json: Json = False,
) -> None:
    """Build the marts from what was pulled and from control data, and test them."""
    current = session(ctx)
    with current.settings.database() as url, progress("building", None) as advance:
        result = build_marts(url, current.settings.home, today(), full_refresh, advance)
    if as_json:
        print_json(
            {
                "as_of": result.as_of,
                "models": result.models,
                "tests": result.tests,
                "warnings": list(result.warnings),
                "seconds": round(result.seconds, 1),
            }
        )
        return
    say(f"built {result.models} models, {result.tests} tests passed, as of {result.as_of}, {result.seconds:.0f} s")
    for warning in result.warnings:
        say(f"warning: {warning}")
    next_step("minutebook review PERIOD, such as " + f"{today():%Y-%m}")


@command(app, "status", "minutebook status --days 60")
def status(
    ctx: typer.Context,
    tenant: Tenants = None,
    days: Annotated[int, typer.Option(min=1, help="How many finished days to look at.")] = 35,
    as_json: Json = False,
) -> None:
    """Show the tenants and days that need attention: not pulled, failed, incomplete; and when each is pulled next."""
    last = today() - timedelta(days=1)
    first = last - timedelta(days=days - 1)
    with session(ctx).operator() as connection:
        for slug in tenant or ():
            tenants.require_tenant(connection, slug)
        rows = days_needing_attention(connection, first, last, tenant)
        coming = retry_schedule.next_pulls(connection, clock.now(), horizons())
    for row in rows:
        at = coming.get((row["source"], row["account"], row["usage_date"]))
        row["next_pull"] = at and f"{at:%Y-%m-%d %H:%M} UTC"
    columns = ["tenant_id", "usage_date", "source", "status", "next_pull", "cause"]
    show(rows, columns, as_json, f"nothing needs attention from {first} to {last}")
    if rows and not as_json:
        one = rows[0]
        command_line = f"minutebook pull --tenant {one['tenant_id']} --source {one['source']}"
        next_step(f"fix the cause, then: {command_line} --from {one['usage_date']} --to {one['usage_date']}")


def _active(rows: list[dict[str, object]]) -> list[str]:
    active = [str(row["tenant_id"]) for row in rows if row["status"] == "active"]
    if not active:
        raise CommandFailed("no tenant is active then; add one: minutebook tenant apply FILE")
    return active


def report(
    outcomes: list[PullOutcome],
    as_json: bool,
    empty: str = "nothing to pull: these tenants use no source on these days; see minutebook agent list",
) -> None:
    """What was pulled, days that ended alike in one line. Raises CommandFailed if any failed."""
    rows = [
        {
            "tenant_id": outcome.tenant_id or "(unattributed)",
            "usage_date": outcome.usage_date,
            "source": outcome.source,
            "account": outcome.account,
            "state": f"{outcome.state}{', incomplete' if outcome.is_incomplete else ''}",
            "rows": outcome.rows,
            "cause_code": outcome.cause_code,
            "cause": outcome.cause if outcome.accepted is None else f"accepted: {outcome.accepted}",
        }
        for outcome in sorted(outcomes, key=lambda one: (one.tenant_id or "~", one.usage_date, one.source))
    ]
    seen = rows if as_json else _folded(row for row in rows if row["state"] != "not used")
    columns = ["tenant_id", "source", "account", "state", "days", "first_day", "last_day", "rows", "cause"]
    show(seen, columns, as_json, empty)
    failed = [outcome for outcome in outcomes if outcome.is_failed]
    if failed:
        first = failed[0]
        raise CommandFailed(
            f"{len(failed)} of {sum(one.is_read for one in outcomes)} tenant-days failed, first {first}; "
            f"the others are kept; fix the cause and pull again, or see: minutebook doctor"
        )
    if not as_json and seen:
        next_step("minutebook build")


def _folded(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Days of one tenant and source that ended alike make one line: a quarter of six tenants is seen at a glance."""
    alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        key = tuple(row[column] for column in ("tenant_id", "source", "account", "state", "cause"))
        alike.setdefault(key, []).append(row)
    return [
        {
            **days[0],
            "days": len(days),
            "first_day": days[0]["usage_date"],
            "last_day": days[-1]["usage_date"],
            "rows": sum(day["rows"] for day in days),
        }
        for days in alike.values()
    ]


@contextmanager
def progress(what: str, total: int | None) -> Iterator["Advance"]:
    """A bar on stderr, where a person watches it."""
    parts = (SpinnerColumn(), TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = console(is_error=True)
    with Progress(
        *parts, TextColumn("[dim]{task.fields[latest]}"), console=shown, disable=not shown.is_terminal
    ) as bar:
        yield Advance(bar, total)


class Advance:
    """Moves the bar by one and names what was finished."""

    def __init__(self, bar: Progress, total: int | None) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total, latest="")

    def __call__(self, latest: str) -> None:
        self._bar.update(self._task, advance=1, latest=latest[:80].replace("[", "("))
