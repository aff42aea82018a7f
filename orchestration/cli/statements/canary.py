"""minutebook canary …"""

import typer

from orchestration.cli.options import Json, command, group
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, session
from orchestration.remedies import word
from orchestration.remedies.distrust import RUNBOOK
from warehouse.finding import Finding
from warehouse.marts.freshness import require_built
from warehouse.statements import canary
from warehouse.statements.canary import Distrust
from warehouse.words import counted

app = group(
    "The known-answer tenant: its bill of February 2024 is known in advance, and computed by every build.",
    "minutebook canary check",
)


@command(app, "install", "minutebook canary install")
def install(ctx: typer.Context, as_json: Json = False) -> None:
    """Install the canary: a tenant, plan and two meters of its own, active for 24 days of 2024. Safe to repeat."""
    current = session(ctx)
    with current.settings.database() as url:
        written = canary.install(url, current.settings.actor)
    if as_json:
        print_json({"installed": written})
        return
    say("the canary is installed" if written else "the canary was installed before")
    next_step("minutebook build; then: minutebook canary check")


@command(app, "check", "minutebook canary check")
def check(ctx: typer.Context, as_json: Json = False) -> None:
    """Compare the canary's statement with the known one. Exits 1 when they differ, or there is none."""
    with session(ctx).operator() as connection:
        require_built(connection)
        if not canary.is_installed(connection):
            raise CommandFailed(word(Finding(Distrust.CANARY_MISSING)).in_a_line)
        found = canary.differences(connection)
    columns = ["line_kind", "meter_id", "known_quantity", "computed_quantity", "known_amount", "computed_amount"]
    show(found, columns, as_json, "the canary's statement is as known")
    if found:
        raise CommandFailed(
            f"{counted(len(found), 'line of the canary', 'is', 'are')} wrong: approve nothing; nothing is posted"
            " until all agree."
            f" What to do: {RUNBOOK}"
        )
