"""minutebook automation …: workflows that are run here, and what they ask of people."""

from typing import Annotated

import typer

from orchestration.automations.running import run_due
from orchestration.cli.options import Json, TenantArgument, TenantFilter, command, group
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, session
from warehouse import clock
from warehouse.automations import runs
from warehouse.words import counted

app = group(
    "Automations: workflows that follow calls, run here for tenants with that flag (docs/automations.md).",
    "minutebook automation list --tenant acme",
)
COLUMNS = [
    "thread_id", "state", "due_at", "attempts", "fault", "question", "version", "usage_date", "begun_at", "ended_at",
]  # fmt: skip
RUN = typer.Argument(metavar="RUN", help="Its thread_id; see: minutebook automation list.")


@command(app, "list", "minutebook automation list --tenant acme")
def list_runs(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """List runs, those first that failed or ask a person."""
    with session(ctx).operator() as connection:
        found = runs.listed(connection, tenant)
    show(found, COLUMNS, as_json, "no run yet: a call begins one where a tenant's flag names an automation")
    if (asking := next((row for row in found if row["state"] == "asks"), None)) and not as_json:
        next_step(f"answer: minutebook automation answer {asking['thread_id']} yes")


@command(app, "answer", "minutebook automation answer acme/follow-up/platform/vapi/019a1c yes")
def answer(
    ctx: typer.Context,
    run: Annotated[str, RUN],
    said: Annotated[str, typer.Argument(metavar="ANSWER", help="What the workflow is told, such as yes or no.")],
    as_json: Json = False,
) -> None:
    """Answer what a run asks; it goes on within a minute or two."""
    with session(ctx).operator() as connection:
        runs.answer(connection, run, said, clock.now())
    if as_json:
        print_json({"thread_id": run, "answer": said})
        return
    say(f"{run} goes on with: {said}")


@command(app, "retry", "minutebook automation retry acme follow-up")
def retry(
    ctx: typer.Context,
    tenant: TenantArgument,
    automation: Annotated[str, typer.Argument(metavar="AUTOMATION", help="Its name in the module.")],
    as_json: Json = False,
) -> None:
    """Take on again a tenant's runs that failed, each after the last step that it had ended."""
    with session(ctx).operator() as connection:
        count = runs.retry(connection, tenant, automation, clock.now())
    if as_json:
        print_json({"tenant_id": tenant, "automation": automation, "taken_on": count})
        return
    say(f"to be taken on again: {counted(count, 'run')}" if count else "no run of it failed")


@command(app, "end", "minutebook automation end acme/follow-up/platform/vapi/019a1c")
def end(ctx: typer.Context, run: Annotated[str, RUN], as_json: Json = False) -> None:
    """End a run where it stands: it is taken on no more."""
    with session(ctx).operator() as connection:
        runs.end(connection, run, clock.now())
    if as_json:
        print_json({"thread_id": run, "state": "ended"})
        return
    say(f"{run} is ended")


@command(app, "run", "minutebook automation run")
def run_now(ctx: typer.Context, as_json: Json = False) -> None:
    """Take on what is due now. `minutebook up` does it by itself, but for the night; several at once do no harm."""
    settings = session(ctx).settings
    with settings.database() as url:
        result = run_due(url, settings)
    if as_json:
        print_json({"tenants": result.states, "faults": result.faults})
    else:
        for tenant, states in sorted(result.states.items()):
            say(f"{tenant}: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items())))
        for tenant, fault in sorted(result.faults.items()):
            say(f"{tenant}: {fault}")
        if not result.states:
            say("nothing is due")
    if result.faults or any("failed" in states for states in result.states.values()):
        raise CommandFailed("not every run went on; see: minutebook automation list")
