"""minutebook pull and build."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestration.cli.help import Group
from orchestration.cli.options import Json, command, parse_date
from orchestration.cli.output import console, next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, session
from orchestration.ingestion import PullOutcome, PullTrigger, TenantDay
from orchestration.ingestion import pull as pull_days
from orchestration.marts.building import build as build_marts
from sources.registry import all_sources
from warehouse.clock import today
from warehouse.control import tenants
from warehouse.words import counted, day

app = typer.Typer()
pull_app = typer.Typer(
    cls=Group,
    invoke_without_command=True,
    epilog="Example: minutebook pull --tenant acme --from 2026-10-01 --to 2026-10-31",
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
    built = f"built {counted(result.models, 'model')}, {counted(result.tests, 'test')} passed"
    say(f"{built}, as of {day(result.as_of)}, {result.seconds:.0f} s")
    for warning in result.warnings:
        say(f"warning: {warning}")
    next_step("minutebook review PERIOD, such as " + f"{today():%Y-%m}")


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
    used = [row for row in rows if row["state"] != "not used"]
    groups = alike(used, ("tenant_id", "source", "account", "state", "cause"))
    seen = rows if as_json else [{**span_of(days), "rows": sum(day["rows"] for day in days)} for days in groups]
    columns = ["tenant_id", "source", "account", "state", "days", "first_day", "last_day", "rows", "cause"]
    show(seen, columns, as_json, empty)
    failed = [outcome for outcome in outcomes if outcome.is_failed]
    if failed:
        first = failed[0]
        raise CommandFailed(
            f"{len(failed)} of {counted(sum(one.is_read for one in outcomes), 'tenant-day')} failed, first {first}; "
            f"the others are kept; fix the cause and pull again, or see: minutebook doctor"
        )
    if not as_json and seen:
        next_step("minutebook build")


def alike(rows: Iterable[dict[str, Any]], columns: Iterable[str]) -> list[list[dict[str, Any]]]:
    """Rows of days, in groups that have these columns in common."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in columns), []).append(row)
    return list(groups.values())


def span_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Days that are alike in one line: a quarter of six tenants is seen at a glance. days: how many they are."""
    dates = [row["usage_date"] for row in rows]
    return {**rows[0], "days": len(rows), "first_day": min(dates), "last_day": max(dates)}


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
