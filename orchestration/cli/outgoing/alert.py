"""minutebook alert …: what is wrong, and who is told of it: by Slack, Teams, mail, or a signed event."""

from datetime import timedelta
from typing import Annotated

import typer

from orchestration.alerts.looking import look
from orchestration.cli.options import Json, TenantFilter, command, group
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, session
from orchestration.outgoing.delivering import Sending, deliver
from orchestration.outgoing.forms import ALERTS
from orchestration.outgoing.opening import CHOSEN_FORMS, AddressRefused, channels_of, open_channel, send_tests
from warehouse import clock
from warehouse.operations import alerts
from warehouse.outgoing import endpoints
from warehouse.words import counted

app = group(
    "Alerts: what is wrong, said once and once again when it is over (docs/alerts.md).",
    "minutebook alert create ops@example.com",
)
COLUMNS = ["alert_id", "tenant_id", "rule", "title", "fix", "opened_at", "resolved_at"]
CHANNELS = ["endpoint_id", "tenant_id", "host", "form", "state", "waiting", "dead", "delivered"]
RECENT = timedelta(days=7)
SENT_FOR = 60.0


def parse_form(text: str) -> str:
    """How alerts are shown."""
    if text not in CHOSEN_FORMS:
        raise typer.BadParameter(f"there is {', '.join(CHOSEN_FORMS)}; mail goes to who has an address")
    return text


@command(app, "list", "minutebook alert list --tenant acme")
def list_alerts(
    ctx: typer.Context,
    tenant: TenantFilter = None,
    recent: Annotated[bool, typer.Option("--recent", help="Those that ended in the last 7 days too.")] = False,
    as_json: Json = False,
) -> None:
    """List what is wrong, the worst first, with what resolves it; and who is told of it."""
    now = clock.now()
    with session(ctx).operator() as connection:
        found = alerts.listed(connection, now - (RECENT if recent else timedelta()), tenant)
        channels = endpoints.hearing(connection, ALERTS[0], tenant)
    if as_json:
        print_json({"alerts": found, "channels": channels})
        return
    show(found, COLUMNS, False, "nothing is wrong, as far as was looked: minutebook alert send")
    show(channels, CHANNELS, False, "nobody is told: minutebook alert create --help", "Channels")


@command(app, "create", "minutebook alert create https://hooks.slack.com/services/T0/B0/x --form slack")
def create(
    ctx: typer.Context,
    to: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="A person's mail address, or https://… of a webhook, which is stored sealed."
        ),
    ],
    form: Annotated[
        str,
        typer.Option(parser=parse_form, metavar="FORM", help="slack, teams, or event: signed JSON (docs/events.md)."),
    ] = "event",
    tenant: Annotated[
        str | None,
        typer.Option(metavar="TENANT", help="Whose alerts alone; without, all tenants' and the platform's."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell somebody of alerts that are open now, and of those that open or end from now on."""
    settings = session(ctx).settings
    try:
        with session(ctx).operator() as connection:
            made = open_channel(settings, connection, to, form, tenant, clock.now())
    except AddressRefused as error:
        raise typer.BadParameter(str(error), param_hint="TO") from None
    if as_json:
        print_json({**made.row, **({"secret": made.secret.reveal()} if made.secret else {})})
        return
    first = f"; first of {made.waiting} open now" if made.waiting else ""
    say(f"{made.endpoint_id} is told of alerts, as {made.form}{first}")
    if made.secret:
        say(made.secret.reveal())
        say("give the secret to whoever verifies the signatures: it is not shown again (docs/events.md)")
    next_step(f"minutebook alert test {made.endpoint_id}")


@command(app, "end", "minutebook alert end ep_3kQ9vT2mZ7aB")
def end(
    ctx: typer.Context,
    endpoint_id: Annotated[str, typer.Argument(metavar="CHANNEL", help="Its id, ep_…; see: minutebook alert list.")],
    as_json: Json = False,
) -> None:
    """Tell a channel nothing any more; what waits for it is dropped."""
    with session(ctx).operator() as connection:
        is_new = endpoints.revoke(connection, endpoint_id, clock.now())
    if as_json:
        print_json({"endpoint_id": endpoint_id, "is_revoked_now": is_new})
        return
    say(f"{endpoint_id} is told nothing any more" if is_new else f"{endpoint_id} was ended before")


@command(app, "test", "minutebook alert test ep_3kQ9vT2mZ7aB")
def send_test(
    ctx: typer.Context,
    endpoint_id: Annotated[
        str | None, typer.Argument(metavar="[CHANNEL]", help="Its id, ep_…; without, all of them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a message that says it is a test, now, and say what each channel answered."""
    settings = session(ctx).settings
    with session(ctx).operator() as connection:
        channels = channels_of(settings, connection, endpoint_id)
    if not channels:
        raise CommandFailed("nobody is told of alerts: minutebook alert create --help")
    tested = send_tests(settings, channels, clock.now())
    results = [
        {"endpoint_id": one.endpoint_id, "host": one.host, "form": one.form, "result": one.fault or "taken"}
        for one in tested
    ]
    show(results, ["endpoint_id", "host", "form", "result"], as_json, "")
    if any(result["result"] != "taken" for result in results):
        raise CommandFailed("not every channel took it")


@command(app, "send", "minutebook alert send")
def send(ctx: typer.Context, as_json: Json = False) -> None:
    """Look now at what is wrong, and send what is due. `minutebook up` does so by itself, every two minutes."""
    settings = session(ctx).settings
    with settings.database() as url:
        seen = look(url, settings, clock.now())
        sent = deliver(url, Sending.of(settings), clock.now, seconds=SENT_FOR)
    changes = {change: seen.count(change) for change in ("opened", "worse", "resolved")}
    if as_json:
        print_json({**changes, "changes": seen.changes, "unknown": seen.unknown, "delivered": sent.delivered,
                    "failed": sent.failed + sent.dead})  # fmt: skip
    else:
        for change in seen.changes:
            say(f"{change.change}: {change.title}")
        say(f"{changes['opened']} opened, {changes['worse']} worse, {changes['resolved']} ended;"
            f" {counted(sent.delivered, 'message')} delivered")  # fmt: skip
    if seen.unknown:
        raise CommandFailed(f"could not look at {'; '.join(seen.unknown)}")
    if sent.failed or sent.dead:
        raise CommandFailed(
            f"{counted(sent.failed + sent.dead, 'message')} not delivered; see: minutebook endpoint list"
        )
    if not as_json:
        next_step("minutebook alert list")
