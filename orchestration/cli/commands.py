"""The root's commands in the order of help: where each stands, and the line that help has of it.

Owns the list alone: only the command that is asked for is imported, and none for help of the root.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
import typer.main
from typer.exceptions import TyperException

from orchestration.cli.help import Command, Group

PACKAGE = "orchestration.cli"


class Listed:
    """A command or group that is not imported yet: what help says, and where it stands, as module:application. Commands
    of the later places join the first one's group."""

    def __init__(self, help_text: str, *places: str) -> None:
        self.help = help_text
        self.places = places

    def imported(self, name: str) -> Any:
        """The command or group of this name. Raises ImportError."""
        first, *more = (typer.main.get_group(_application(place)) for place in self.places)
        for group in more:
            first.commands.update(group.commands)
        command = first.commands.get(name, first)
        command.name = name
        return command


def _application(place: str) -> typer.Typer:
    module, name = place.split(":")
    found: typer.Typer = getattr(import_module(f"{PACKAGE}.{module}"), name)
    return found


PANELS: dict[str, dict[str, Listed]] = {
    "Start": {
        "init": Listed("Create the home folder and the database, or bring them up to this release.", "init:app"),
        "up": Listed("Serve the Dagster UI with its schedules and sensors, until Ctrl-C.", "up:app"),
        "worker": Listed("Take runs on this host that minutebook up on another one launches.", "worker:app"),
        "serve": Listed(
            "Serve the pages, take events that are pushed and Stripe's webhooks, and give metrics.", "serve:app"
        ),
        "doctor": Listed("Examine the whole installation. Exits 1 when something is wrong.", "init:app"),
        "backup": Listed("Copy the embedded server while it runs, and check the copy.", "backups:app"),
        "restore": Listed("Put the embedded server back to a moment.", "backups:app"),
    },
    "Tenants and what is read of them": {
        "tenant": Listed(
            "Tenants: whom we bill.",
            "control.tenants:app",
            "privacy.personal:tenant_app",
            "control.call_results:tenant_app",
        ),
        "agent": Listed("Agents and what is attached to them.", "control.agents:agent_app", "control.call_results:app"),
        "credential": Listed("Credentials: keys of providers' accounts.", "access.credential:app"),
        "discover": Listed("List what an account holds, and propose what is missing.", "control.discover:app"),
        "source": Listed("Sources: what is read of each provider.", "ingestion.source:app"),
    },
    "Plans, prices and limits": {
        "meter": Listed("Meters: what is counted.", "control.plans:meter_app"),
        "plan": Listed("Plans: fees, minimum and allowances.", "control.plans:plan_app"),
        "price": Listed("Prices: what the tenant pays per unit of overage.", "control.prices:app"),
        "credit": Listed("Credits: what a tenant is owed; its statements use it up.", "control.tenant_credits:app"),
        "limit": Listed("Spend limits: amounts that raise an alert.", "control.limits:app"),
    },
    "Usage": {
        "pull": Listed(
            "Pull usage from the providers.",
            "ingestion.pull:pull_app",
            "ingestion.pull_history:app",
            "ingestion.pull_again:app",
        ),
        "build": Listed("Build the marts from what was pulled, and test them.", "ingestion.pull:app"),
        "status": Listed("Show the tenants and days that need attention.", "ingestion.status:app"),
        "quarantine": Listed("Rows that break their provider's contract.", "ingestion.quarantine:app"),
        "doubt": Listed("Calls whose own fields contradict each other.", "ingestion.doubt:app"),
        "field": Listed("Fields that providers send and that are not stored.", "ingestion.fields:app"),
        "purge": Listed("Delete raw rows that nobody reads.", "ingestion.purge:app"),
        "expire": Listed("Remove what is older than tenants chose to keep.", "privacy.personal:app"),
    },
    "Statements": {
        "review": Listed("Show statements and margins, and what blocks approval.", "statements.review:app"),
        "approve": Listed("Approve statements: their lines are frozen.", "statements.review:app"),
        "close": Listed("Close approved periods.", "statements.review:app"),
        "reopen": Listed("Reopen an approved or closed period.", "statements.review:app"),
        "explain": Listed("Explain a statement line down to the provider's calls.", "statements.explain:app"),
        "forecast": Listed("Forecast the totals of the running periods.", "statements.forecast:app"),
        "pack": Listed("Write the finance pack of a period.", "statements.pack:app"),
        "brand": Listed("In whose name statements are handed to clients.", "statements.brand:app"),
        "export": Listed("Write a table of the marts as CSV or JSON.", "statements.pack:app"),
        "canary": Listed("The known-answer tenant, computed by every build.", "statements.canary:app"),
    },
    "Costs and margins": {
        "cost": Listed(
            "Costs: what the providers charge us.",
            "control.costs:cost_app",
            "control.coverage:app",
            "statements.bills:app",
        ),
        "rate": Listed("Exchange rates, used on costs only.", "control.costs:rate_app"),
        "margin": Listed("Show the margin of a month's periods.", "statements.margin:app"),
    },
    "Stripe": {
        "post": Listed("Post overage to Stripe.", "stripe.post:app"),
        "reconcile": Listed("Compare what Stripe has with the marts and postings.", "stripe.reconcile:app"),
        "stripe": Listed("Stripe's meters, prices and subscriptions.", "stripe.stripe:app"),
    },
    "Who may read, push and sign in, and who is told": {
        "login": Listed("Logins: who may sign in to the pages.", "access.login:app"),
        "access": Listed("Logins of the database.", "access.database:app"),
        "key": Listed("API keys: tenants push their usage with them.", "access.key:app"),
        "hook": Listed("Hooks: addresses at which providers report calls as they end.", "access.hook:app"),
        "alert": Listed("Alerts: what is wrong, and who is told of it.", "outgoing.alert:app"),
        "endpoint": Listed("Endpoints: others that are sent what happened.", "outgoing.endpoint:app"),
        "automation": Listed("Automations: workflows that follow calls, run here.", "automations.automation:app"),
        "audit": Listed("The audit log: every change, approval and access.", "access.audit:app"),
        "dashboard": Listed("Dashboards in Metabase.", "statements.pack:dashboard_app"),
    },
}
COMMANDS = {name: listed for listed_in in PANELS.values() for name, listed in listed_in.items()}


@contextmanager
def _stopped_in_order() -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM end a command by an exception: nothing is left half, and locks are given back. Yields the
    signals that came. A command that serves has ways of its own."""
    came: list[int] = []

    def stop(number: int, _: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM) if is_main}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _told(error: BaseException) -> int:
    """Say what was typed wrong, and return the exit code."""
    from orchestration.cli.output import complain  # which help does not need

    if not isinstance(error, TyperException):
        complain("stopped")
        return 1
    message = error.format_message().replace("Value error, ", "").removeprefix("Invalid value: ")
    complain(f"error: {message}")
    context = getattr(error, "ctx", None)
    complain(f"see: {context.command_path if context else 'minutebook'} --help")
    return int(error.exit_code)


def _stopped_by(number: int) -> int:
    """Say what stands, and end by the signal, as whoever sent it expects. Returns in a container's first process, which
    no signal of its own ends."""
    from orchestration.cli.output import complain  # which help does not need

    complain("stopped: what was done stands; run the same command again for the rest")
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
    return 128 + number


class Root(Group):
    """The root of all commands: each is imported when it is asked for."""

    def list_commands(self, _: Any) -> list[str]:
        """The names, in the order of help."""
        return list(COMMANDS)

    def get_command(self, _: Any, cmd_name: str) -> Any:
        """The command or group of this name, None where there is none."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.commands[cmd_name] = COMMANDS[cmd_name].imported(cmd_name)
        return self.commands.get(cmd_name)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run it. As a program, what was typed wrong is told in plain lines, which no box breaks, and exits 2."""
        if not extra.pop("standalone_mode", True):
            return super().main(*args, **{**extra, "standalone_mode": False})
        with _stopped_in_order() as came:
            try:
                status = super().main(*args, **{**extra, "standalone_mode": False})
            except (typer.Abort, TyperException) as error:
                status = _told(error)
            except KeyboardInterrupt:
                status = 1
        if came:
            status = _stopped_by(came[0])
        sys.exit(status or 0)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write help from the list above."""
        listing = Group(name=self.name, help=self.help, epilog=self.epilog, params=self.params)
        for panel, listed_in in PANELS.items():
            for name, listed in listed_in.items():
                listing.add_command(Command(name, help=listed.help, rich_help_panel=panel))
        listing.format_help(ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what goes wrong is told in one line."""
        from orchestration.cli.session import errors_in_one_line  # with all that commands need, which help does not

        with errors_in_one_line(ctx):
            return super().invoke(ctx)
