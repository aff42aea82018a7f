"""minutebook serve: the pages, the API and Stripe's webhooks, until Ctrl-C."""

import gc
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from orchestration.cli.options import command
from orchestration.cli.output import next_step, say
from orchestration.cli.session import session
from warehouse.database.connect import Role, connect
from warehouse.install import require_release
from warehouse.security.isolation import require_isolation

app = typer.Typer()


@command(app, "serve", "minutebook serve --port 8400")
def serve(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="Address; loopback, behind a proxy that ends TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8400,
    pages: Annotated[
        bool, typer.Option("--pages/--no-pages", help="The pages too, or the API and webhooks alone.")
    ] = True,
) -> None:
    """Serve the pages of finance, operators and tenants, take events that are pushed to /v1/events, receive Stripe's
    webhooks at /stripe/webhook, and give a monitoring system its figures at /metrics.

    An event is answered once it is committed; see minutebook key create. A webhook is verified, kept once and answered
    at once; Dagster works it off. Without a signing secret none is.
    """
    # The charts of the pages take a while to import, which no other command pays for.
    from orchestration import intake, web
    from orchestration.operations import tracing
    from orchestration.operations.metrics import Metrics
    from orchestration.stripe_billing.webhooks import webhook_app
    from orchestration.web.server.readers import Readers
    from orchestration.web.server.serving import server_of

    settings = session(ctx).settings
    settings = replace(settings, hosts=(*settings.hosts, host))
    # The embedded server stays up while we do; each new connection looks it up again, should it come back elsewhere.
    with settings.database() as url:
        with connect(url, Role.OPERATOR) as operator:
            require_release(operator)
        with connect(url, Role.TENANT) as reader:
            require_isolation(reader)
    readers = Readers(settings)
    if pages:
        say(f"Pages: http://{host}:{port}/")
    say(f"Events: http://{host}:{port}/v1/events, described by /v1/openapi.json")
    if settings.stripe_webhook_secrets:
        say(f"Stripe's webhooks: http://{host}:{port}/stripe/webhook")
    else:
        say("Stripe's webhooks: refused, until MINUTEBOOK_STRIPE_WEBHOOK_SECRET is set (whsec_…, newest first)")
    if settings.metrics_tokens:
        say(f"Metrics: http://{host}:{port}/metrics, to who sends the token")
    next_step("minutebook login create, then sign in; Ctrl-C stops it")
    backups = settings.backup_folder if settings.is_embedded else None
    metrics = Metrics(partial(readers.operator, "metrics"), settings.metrics_tokens, backups=backups)
    beside = [*webhook_app(readers.webhook, settings.stripe_webhook_secrets).routes, metrics.route]
    application = web.application(settings, beside=beside, readers=readers, has_pages=pages)
    everything = tracing.Requests(intake.Beside(intake.application(settings, readers), application))
    # To look through all that was imported for garbage takes 0.1 s, during which nobody is answered.
    gc.freeze()
    server_of(everything, host, port).run()
    say("stopped")
