"""minutebook init and doctor."""

from typing import Annotated

import typer

from orchestration.cli.doctor.examination import examine
from orchestration.cli.doctor.findings import Level
from orchestration.cli.options import Json, command
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, session
from orchestration.installing import install
from warehouse.control.errors import Refused
from warehouse.database.binaries import make_private
from warehouse.statements import canary
from warehouse.words import counted

app = typer.Typer()


@command(app, "init", "minutebook init")
def init(ctx: typer.Context, as_json: Json = False) -> None:
    """Create the home folder, start the embedded database if it is used, migrate it, install the known-answer tenant.

    Safe to repeat.
    """
    settings = session(ctx).settings
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    make_private(settings.home)
    with settings.database() as url:
        applied = install(url)
        settings.vault()
        knows_answer = _install_canary(url, settings.actor)
    server = "the embedded PostgreSQL" if settings.is_embedded else "the PostgreSQL of MINUTEBOOK_DATABASE_URL"
    if as_json:
        print_json(
            {
                "home": settings.home,
                "is_embedded": settings.is_embedded,
                "migrations_applied": applied,
                "canary": knows_answer,
            }
        )
        return
    say(f"{server} is ready, state is kept in {settings.home}")
    say(f"applied {', '.join(applied)}" if applied else "no migration was missing")
    if not knows_answer:
        say("a tenant is called 'canary', so there is no known-answer tenant to check the marts by")
    next_step("minutebook tenant apply FILE (an example: docs/examples/onboard-a-tenant.yaml)")


def _install_canary(url: str, actor: str) -> bool:
    """From the first day on, every build is compared with a known bill; it is in no total and in no list of bills."""
    try:
        canary.install(url, actor)
    except Refused:
        return False
    return True


@command(app, "doctor", "minutebook doctor --days 14")
def doctor(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=1, help="How many finished days to look at for missing pulls.")] = 35,
    as_json: Json = False,
) -> None:
    """Examine database, master key, credentials, missing days, isolation and seals. Exits 1 when something is wrong."""
    settings = session(ctx).settings
    with settings.database() as url:
        findings = list(examine(url, settings, days))
    rows = [{"level": one.level, "what": one.what, "fix": one.fix} for one in findings]
    show(rows, ["level", "what", "fix"], as_json, "")
    wrong = [one for one in findings if one.level is Level.WRONG]
    if wrong:
        first = wrong[0].what.rstrip(".")
        raise CommandFailed(f"{counted(len(wrong), 'finding', 'is', 'are')} wrong; first: {first}; fix: {wrong[0].fix}")
    if not as_json:
        next_step("minutebook status" if any(one.fix for one in findings) else "nothing to fix")
