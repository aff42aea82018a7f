"""The command line `minutebook`: what an operator and finance do, with help, an example and a next step each.

Owns commands, options, tables and messages: a folder is a group of commands, a file a command or a few. Does not own
any rule: each command calls the capability that the pages and Dagster call too.
"""

from importlib.metadata import version
from typing import Annotated

import typer

from orchestration.cli.commands import Root

app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Metering, billing and margin of voice and chat agents, for many tenants.",
    epilog="Example: minutebook init",
)


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
    """Read the environment; every command starts here. A task of the pages brings a session of its own."""
    from orchestration.cli.session import Session  # with all that commands need, which help does not
    from orchestration.operations import logs, tracing
    from orchestration.settings import Settings

    if ctx.obj is None:
        ctx.obj = Session(Settings.from_environment(), debug)
        logs.configure(ctx.obj.settings.secrets, is_debug=debug)
        tracing.begin(ctx.obj.settings.traces_url)


def main() -> None:
    """The entry of the `minutebook` script."""
    app(prog_name="minutebook")
