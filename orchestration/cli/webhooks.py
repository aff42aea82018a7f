"""minutebook serve: take Stripe's webhooks until Ctrl-C."""

from typing import Annotated

import typer
import uvicorn

from orchestration.billing.webhooks import webhook_app
from orchestration.cli.options import command
from orchestration.cli.output import next_step, say
from orchestration.cli.session import session
from warehouse.connect import Role, connect

app = typer.Typer()


@command(app, "serve", "minutebook serve --port 8400")
def serve(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="Address; loopback, behind a proxy that ends TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8400,
) -> None:
    """Take Stripe's webhooks at /stripe/webhook: verified, kept once, answered at once; Dagster works them off."""
    settings = session(ctx).settings
    with settings.database() as url:
        service = webhook_app(
            lambda: connect(url, Role.BILLING, actor="stripe webhook", autocommit=True),
            settings.stripe_webhook_secrets,
        )
        say(f"Stripe's webhooks: http://{host}:{port}/stripe/webhook")
        next_step("point an event destination of Stripe's there; Ctrl-C stops it")
        uvicorn.run(service, host=host, port=port, log_level="warning", access_log=False)
