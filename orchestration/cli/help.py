"""Help: an example of each command, on a line that is copied whole."""

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


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
