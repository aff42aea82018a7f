"""Help: root commands in panels by what they are for, and an example of each on a line that is copied whole."""

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

PANELS = {
    "Start": ("init", "up", "serve", "doctor"),
    "Tenants and what is read of them": ("tenant", "agent", "project", "credential", "source"),
    "Plans, prices and limits": ("meter", "plan", "price", "credit", "limit", "alert"),
    "Usage": ("pull", "build", "status", "quarantine", "doubt", "field", "purge", "expire"),
    "Statements": ("review", "approve", "close", "reopen", "explain", "forecast", "pack", "export", "canary"),
    "Costs and margins": ("cost", "rate", "margin"),
    "Stripe": ("post", "reconcile", "stripe"),
    "Who may read, push and sign in": ("login", "access", "key", "audit", "dashboard"),
}
"""The root's commands, in the order in which help lists them."""


class _Example:
    """Help whose example stands below it, never wrapped."""

    epilog: str | None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, then the example."""
        example, self.epilog = self.epilog, None
        super().format_help(ctx, formatter)  # type: ignore[misc]  # of the class that this is mixed into
        self.epilog = example
        if example:
            title, command = example.split(": ", 1)
            typer.echo(f" {title}:\n   {command}")


class Command(_Example, TyperCommand):
    """A command with its example."""


class Group(_Example, TyperGroup):
    """A group of commands with an example of one."""


def put_in_panels(root: TyperGroup) -> None:
    """Order the root's commands by `PANELS`, each under its heading. Raises KeyError for one that does not exist."""
    panels = {name: panel for panel, names in PANELS.items() for name in names}
    for name, panel in panels.items():
        setattr(root.commands[name], "rich_help_panel", panel)  # noqa: B010  both kinds of Typer's have it
    root.commands = {name: root.commands[name] for name in [*panels, *(root.commands.keys() - panels.keys())]}
