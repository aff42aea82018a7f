"""minutebook hook …: addresses at which providers report calls as they end. A hook's secret is shown once."""

from datetime import timedelta
from typing import Annotated

import typer

from orchestration import hooking
from orchestration.cli.access.credential import given_secret
from orchestration.cli.options import Json, TenantFilter, command, group
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import session
from orchestration.ingestion import adopt
from sources.hooks import Method
from sources.registry import registry
from warehouse import clock
from warehouse.intake import hooks
from warehouse.intake.hooks import HookRefused
from warehouse.security.vault import Secret
from warehouse.words import counted

app = group(
    "Hooks: addresses at which providers report calls as they end; a report is a hint, what is pulled is the record.",
    "minutebook hook create vapi --tenant acme",
)
COLUMNS = [
    "hook_id", "provider", "tenant_id", "method", "created_at", "revoked_at", "heard_at", "refused_at", "heard",
    "never_pulled", "pulled", "never_heard",
]  # fmt: skip
DAYS = 7
"""Days, ending yesterday, of which `hook list` compares what was heard with what was pulled."""


def known_provider(name: str) -> str:
    """A provider that reports rows. Raises BadParameter for another."""
    if name not in registry().hooks:
        raise typer.BadParameter(f"'{name}' reports nothing to a hook; there is {', '.join(registry().hooks)}")
    return name


HookArgument = Annotated[str, typer.Argument(metavar="HOOK", help="Its id; see: minutebook hook list.")]


@command(app, "create", "minutebook hook create vapi --tenant acme --url https://billing.example")
def create(
    ctx: typer.Context,
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", callback=known_provider, help="Who reports.")],
    tenant: Annotated[
        str | None, typer.Option(metavar="TENANT", help="Whose account it is; without, the platform's shared one.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(metavar="METHOD", help="How a delivery is proven; default the safest of the provider's."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="How it is signed, where that is not as usual. May be repeated."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where minutebook serve is reached; default by MINUTEBOOK_HOSTS.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a hook of an account and print what to enter at the provider, this one time. An account has two at most, so
    that one can be replaced. Where the provider signs with a secret of its own, it is read from standard input.
    """
    try:
        wanted = hooking.wanted(provider, tenant, method, setting or [])
    except HookRefused as error:
        raise typer.BadParameter(str(error)) from None
    current = session(ctx)
    given = Secret(given_secret(provider)) if wanted.secret_is_given else None
    host = current.settings.hosts[0] if current.settings.hosts else "YOUR-HOST"
    with current.operator() as connection:
        made = hooking.make(current.settings.vault(), connection, wanted, given, url or f"https://{host}")
    if as_json:
        shown = {"secret": made.secret.reveal()} if made.secret else {}
        print_json({"hook_id": made.hook_id, "url": made.url, "method": made.method, **shown})
        return
    say(f"url     {made.url}")
    if made.secret and made.method is not Method.ADDRESS:
        say(f"secret  {made.secret.reveal()}")
    say(made.steps)
    next_step("enter this at the provider now: the secret is not shown again. After a call: minutebook hook list")


@command(app, "list", "minutebook hook list --tenant acme")
def list_hooks(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """List hooks, revoked ones too: when each was last heard and refused, and of the last seven days, how many calls of
    its account were heard of and never pulled, and pulled and never heard of."""
    today = clock.today()
    with session(ctx).operator() as connection:
        found = hooks.health(connection, tenant, today - timedelta(days=DAYS), today - timedelta(days=1))
    show(found, COLUMNS, as_json, "no hook: minutebook hook create PROVIDER --tenant TENANT")


@command(app, "adopt", "minutebook hook adopt vapi 7b0e4c1a --tenant acme --reason 'Vapi keeps 14 days'")
def adopt_reports(
    ctx: typer.Context,
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", callback=known_provider, help="Who reported.")],
    calls: Annotated[list[str], typer.Argument(metavar="CALL…", help="Ids of calls, as minutebook doctor shows them.")],
    reason: Annotated[str, typer.Option(metavar="REASON", help="Why we bill what is not listed; it is kept.")],
    tenant: Annotated[
        str | None, typer.Option(metavar="TENANT", help="Whose account it is; without, the platform's shared one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bill calls that were reported and that their provider has forgotten, as they were reported. Each becomes a row of
    its day, is in every later pull of it, and gives way to what the provider may list after all. Safe to repeat.
    """
    source, hook = registry().hooks[provider]
    if hook.rows is None:
        raise typer.BadParameter(f"{provider} does not report calls whole, so there is nothing to adopt")
    if not reason.strip():
        raise typer.BadParameter("a reason is a sentence of your own; it is kept")
    current = session(ctx)
    with current.settings.database() as url:
        outcomes, new = adopt(url, current.settings, source, tenant, calls, reason)
    failed = [outcome for outcome in outcomes if outcome.is_failed]
    if as_json:
        days = [{"usage_date": one.usage_date, "state": one.state, "cause": one.cause} for one in outcomes]
        print_json({"adopted": new, "adopted_before": len(set(calls)) - new, "days": days})
    else:
        for outcome in outcomes:
            say(str(outcome))
        say(f"{counted(new, 'call')} adopted, {len(set(calls)) - new} before")
        if not failed:
            next_step("minutebook build")
    if failed:
        raise typer.Exit(1)


@command(app, "revoke", "minutebook hook revoke yMQh5pT0aVbW2cXk3LmN4A")
def revoke(ctx: typer.Context, hook_id: HookArgument, as_json: Json = False) -> None:
    """End a hook: within ten seconds nothing is taken at its address any more. What was heard at it stays."""
    with session(ctx).operator() as connection:
        is_new = hooks.revoke(connection, hook_id, clock.now())
    if as_json:
        print_json({"hook_id": hook_id, "is_revoked_now": is_new})
        return
    say(f"hook {hook_id} is revoked" if is_new else f"hook {hook_id} was revoked before")


@command(app, "seen", "minutebook hook seen yMQh5pT0aVbW2cXk3LmN4A")
def seen(ctx: typer.Context, hook_id: HookArgument, as_json: Json = False) -> None:
    """Take what minutebook doctor says of a hook's messages as seen, until such a message comes again."""
    with session(ctx).operator() as connection:
        count = hooks.note_seen(connection, hook_id, clock.now())
    if as_json:
        print_json({"hook_id": hook_id, "seen": count})
        return
    say(
        f"seen now: {counted(count, 'notice')} of hook {hook_id}"
        if count
        else f"hook {hook_id} has no notice that is not seen"
    )
