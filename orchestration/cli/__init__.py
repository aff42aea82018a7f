"""The command line `minutebook`: what an operator and finance do, with help, an example and a next step each.

Owns commands, options, tables and messages: a folder is a group of commands, a file a command or a few. Does not own
any rule: each command calls the capability that the pages and Dagster call too.
"""

from importlib.metadata import version
from typing import Annotated, Any

import typer

from orchestration.cli import init, serve, up
from orchestration.cli.access import audit, credential, database, key, login
from orchestration.cli.control import agents, costs, coverage, limits, plans, prices, tenant_credits, tenants
from orchestration.cli.help import put_in_panels
from orchestration.cli.ingestion import doubt, fields, pull, pull_again, pull_history, purge, quarantine, source, status
from orchestration.cli.privacy import personal
from orchestration.cli.session import OneLineErrors, Session, configure_logs
from orchestration.cli.statements import bills, canary, explain, forecast, margin, pack, review
from orchestration.cli.stripe import post, reconcile, stripe
from orchestration.settings import Settings


class Root(OneLineErrors):
    """The root of all commands, listed in panels."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        put_in_panels(self)


app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Metering, billing and margin of voice and chat agents, for many tenants.",
    epilog="Example: minutebook init",
)
app.add_typer(init.app)
app.add_typer(up.app)
app.add_typer(tenants.app, name="tenant")
app.add_typer(agents.agent_app, name="agent")
app.add_typer(credential.app, name="credential")
app.add_typer(agents.project_app, name="project")
app.add_typer(plans.meter_app, name="meter")
app.add_typer(plans.plan_app, name="plan")
app.add_typer(prices.app, name="price")
costs.cost_app.add_typer(coverage.app)
costs.cost_app.add_typer(bills.app)
app.add_typer(costs.cost_app, name="cost")
app.add_typer(costs.rate_app, name="rate")
app.add_typer(tenant_credits.app, name="credit")
app.add_typer(limits.limit_app, name="limit")
app.add_typer(limits.alert_app, name="alert")
app.add_typer(pull.app)
app.add_typer(status.app)
pull.pull_app.add_typer(pull_history.app)
pull.pull_app.add_typer(pull_again.app)
app.add_typer(pull.pull_app, name="pull")
app.add_typer(source.app, name="source")
app.add_typer(fields.app, name="field")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(doubt.app, name="doubt")
app.add_typer(purge.app)
app.add_typer(review.app)
app.add_typer(personal.app)
app.add_typer(post.app)
app.add_typer(reconcile.app)
app.add_typer(stripe.app, name="stripe")
app.add_typer(serve.app)
app.add_typer(pack.app)
app.add_typer(pack.dashboard_app, name="dashboard")
app.add_typer(login.app, name="login")
app.add_typer(database.app, name="access")
app.add_typer(key.app, name="key")
app.add_typer(audit.app, name="audit")
app.add_typer(explain.app)
app.add_typer(canary.app, name="canary")
app.add_typer(forecast.app)
app.add_typer(margin.app)


def show_version(is_asked: bool) -> None:
    """Print the version and end."""
    if is_asked:
        typer.echo(f"minutebook {version('minutebook')}")
        raise typer.Exit


@app.callback()
def start(
    ctx: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and all logs.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Read the environment; every command starts here."""
    configure_logs(debug)
    ctx.obj = Session(Settings.from_environment(), debug)


def main() -> None:
    """The entry of the `minutebook` script."""
    app(prog_name="minutebook")
