"""minutebook endpoint …: where outgoing events are sent. A signing secret is shown once, when it is made."""

from datetime import UTC, date, datetime, time
from typing import Annotated

import typer

from orchestration.cli.options import Json, TenantFilter, command, day_option, group
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, session
from orchestration.outgoing.contract import EVENTS
from orchestration.outgoing.delivering import Sending, deliver
from orchestration.outgoing.opening import AddressRefused, open_endpoint
from warehouse import clock
from warehouse.outgoing import deliveries, endpoints
from warehouse.words import counted

app = group(
    "Endpoints: others that are sent what happened, as signed events (docs/events.md).",
    "minutebook endpoint create https://hooks.example.com/hook --events call.completed,statement.approved",
)
COLUMNS = [
    "endpoint_id",
    "tenant_id",
    "host",
    "form",
    "state",
    "waiting",
    "delivered",
    "dead",
    "event_types",
    "created_at",
]
LATEST = [
    "event_id", "type", "subject", "state", "attempts", "last_status", "fault", "happened_at", "attempted_at",
    "next_attempt_at",
]  # fmt: skip
ENDPOINT = typer.Argument(metavar="ENDPOINT", help="Its id, ep_…; see: minutebook endpoint list.")


def parse_events(text: str | list[str]) -> list[str]:
    """Types of events, comma-separated. Typer passes what was parsed through here too."""
    named = text if isinstance(text, list) else [part.strip() for part in text.split(",") if part.strip()]
    if unknown := [name for name in named if name not in EVENTS]:
        raise typer.BadParameter(f"there is no event '{unknown[0]}'; there is {', '.join(EVENTS)}")
    if not named:
        raise typer.BadParameter(f"name one at least of {', '.join(EVENTS)}")
    return named


@command(
    app,
    "create",
    "minutebook endpoint create https://hooks.example.com/hook --events call.completed --tenant acme",
)
def create(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="https://…; it is stored sealed, and never shown again.")],
    events: Annotated[
        list[str],
        typer.Option("--events", parser=parse_events, metavar="TYPE,…", help=f"Of {', '.join(EVENTS)}."),
    ],
    tenant: Annotated[
        str | None,
        typer.Option(metavar="TENANT", help="Whose events it hears; without, all tenants' and the platform's."),
    ] = None,
    content: Annotated[
        bool, typer.Option("--content", help="Send a call's facts with its ids: outcome, reason, direction, times.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make an endpoint and print its signing secret, this one time. It hears what happens from now on."""
    types, settings = [name for part in events for name in part], session(ctx).settings
    try:
        with session(ctx).operator() as connection:
            made = open_endpoint(settings, connection, url, types, tenant, clock.now(), has_content=content)
    except AddressRefused as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    secret = made.secret.reveal() if made.secret else ""
    if as_json:
        print_json({**made.row, "secret": secret})
        return
    say(f"{made.endpoint_id} hears {', '.join(made.row['event_types'])}")
    say(secret)
    next_step("give the secret to whoever verifies the signatures: it is not shown again (docs/events.md)")


@command(app, "list", "minutebook endpoint list --tenant acme")
def list_endpoints(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """List endpoints, and how many deliveries of each wait, were taken, or were given up."""
    with session(ctx).operator() as connection:
        found = endpoints.listed(connection, tenant)
    show(found, COLUMNS, as_json, "no endpoint: minutebook endpoint create --help")


@command(app, "show", "minutebook endpoint show ep_3kQ9vT2mZ7aB")
def show_endpoint(ctx: typer.Context, endpoint_id: Annotated[str, ENDPOINT], as_json: Json = False) -> None:
    """Show an endpoint, and its deliveries that wait or were given up, newest first."""
    with session(ctx).operator() as connection:
        found = endpoints.found(connection, endpoint_id)
        open_ones = deliveries.listed(connection, ("waiting", "dead"), endpoint_id)
    if as_json:
        print_json({**found, "deliveries": open_ones})
        return
    show([found], COLUMNS, False, "")
    show(open_ones, LATEST, False, "nothing waits, and nothing was given up", "Deliveries")
    if found["dead"] and found["state"] != "revoked":
        next_step(f"once it answers again: minutebook endpoint replay {endpoint_id}")


@command(app, "rotate", "minutebook endpoint rotate ep_3kQ9vT2mZ7aB")
def rotate(ctx: typer.Context, endpoint_id: Annotated[str, ENDPOINT], as_json: Json = False) -> None:
    """Make another signing secret and print it, this one time. The former one signs beside it for 24 hours."""
    with session(ctx).operator() as connection:
        secret = endpoints.rotate(session(ctx).settings.vault(), connection, endpoint_id, clock.now())
    if as_json:
        print_json({"endpoint_id": endpoint_id, "secret": secret.reveal()})
        return
    say(secret.reveal())
    next_step("give the secret to whoever verifies the signatures within 24 hours: it is not shown again")


@command(app, "revoke", "minutebook endpoint revoke ep_3kQ9vT2mZ7aB")
def revoke(ctx: typer.Context, endpoint_id: Annotated[str, ENDPOINT], as_json: Json = False) -> None:
    """Send nothing to it any more; what waits for it is dropped."""
    with session(ctx).operator() as connection:
        is_new = endpoints.revoke(connection, endpoint_id, clock.now())
    if as_json:
        print_json({"endpoint_id": endpoint_id, "is_revoked_now": is_new})
        return
    say(f"{endpoint_id} is revoked" if is_new else f"{endpoint_id} was revoked before")


@command(app, "replay", "minutebook endpoint replay ep_3kQ9vT2mZ7aB --from 2026-11-01")
def replay(
    ctx: typer.Context,
    endpoint_id: Annotated[str, ENDPOINT],
    since: Annotated[date | None, day_option("--from", "All events since this UTC day, taken or not.")] = None,
    event: Annotated[str | None, typer.Option(metavar="EVENT", help="This one alone, evt_….")] = None,
    as_json: Json = False,
) -> None:
    """Send again what was given up; or one event, or all since a day. Each keeps its id, so receivers know it."""
    if since is not None and event is not None:
        raise typer.BadParameter("give --from or --event, not both")
    with session(ctx).operator() as connection:
        if endpoints.found(connection, endpoint_id)["state"] == "revoked":
            raise endpoints.EndpointRefused(f"{endpoint_id} is revoked: create another endpoint.")
        start = None if since is None else datetime.combine(since, time(), UTC)
        count = deliveries.replay(connection, endpoint_id, clock.now(), since=start, event_id=event)
    if as_json:
        print_json({"endpoint_id": endpoint_id, "replayed": count})
        return
    say(f"{counted(count, 'event')} will be sent again" if count else "nothing to send again")


@command(app, "deliver", "minutebook endpoint deliver")
def deliver_now(
    ctx: typer.Context,
    seconds: Annotated[int, typer.Option("--seconds", min=1, max=86_400, help="Begin no attempt after so long.")] = 300,
    as_json: Json = False,
) -> None:
    """Send what is due now. `minutebook up` does it by itself, twice a minute; several at once do no harm."""
    settings = session(ctx).settings
    with settings.database() as url:
        result = deliver(url, Sending.of(settings), clock.now, seconds=seconds)
    counted = {"delivered": result.delivered, "failed": result.failed, "dead": result.dead}
    if as_json:
        print_json({**counted, "faults": dict(result.faults)})
    else:
        say(f"{result.delivered} delivered, {result.failed} to be tried again, {result.dead} given up")
        for fault, count in result.faults.most_common(20):
            say(f"{fault} ({count})")
    if result.failed or result.dead:
        raise CommandFailed("not everything was taken; see: minutebook endpoint list")
