"""The options that commands share, and how dates, periods and amounts are read."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import typer

from orchestration.cli.help import Command, Group
from warehouse.currency import typed_amount
from warehouse.statements.periods import Month

Function = TypeVar("Function", bound=Callable[..., Any])


def command(group: typer.Typer, name: str, example: str) -> Callable[[Function], Function]:
    """Add a command to a group; its help ends with an example."""
    return group.command(name, cls=Command, epilog=f"Example: {example}")


def group(help_text: str, example: str) -> typer.Typer:
    """A group of commands; its help ends with an example of one of them."""
    return typer.Typer(cls=Group, no_args_is_help=True, help=help_text, epilog=f"Example: {example}")


def parse_date(text: str) -> date:
    """YYYY-MM-DD, nothing else."""
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise typer.BadParameter(f"'{text}' is no date; write YYYY-MM-DD")


def asked(what: str, default: object = None, parse: Callable[[str], Any] = str) -> Any:
    """Ask a person at a terminal, again until the answer can be meant."""
    return typer.prompt(what, default=None if default is None else str(default), value_proc=parse, err=True)


def day_option(name: str, what: str) -> Any:
    """An option that is a UTC day."""
    return typer.Option(name, parser=parse_date, metavar="YYYY-MM-DD", help=what)


def parse_month(text: str) -> Month:
    """YYYY-MM."""
    try:
        return Month.parse(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no period; write YYYY-MM") from None


def parse_amount(text: str | Decimal) -> Decimal:
    """A number from 0 on, with a point and without a currency. Typer passes an option's default through here too."""
    try:
        return typed_amount(f"{text:f}" if isinstance(text, Decimal) else text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def amount_option(help_text: str) -> Any:
    """An option that takes an amount."""
    return typer.Option(parser=parse_amount, metavar="AMOUNT", help=help_text)


def amount_argument(help_text: str, metavar: str = "AMOUNT") -> Any:
    """An argument that takes an amount."""
    return typer.Argument(parser=parse_amount, metavar=metavar, help=help_text)


Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
TenantArgument = Annotated[str, typer.Argument(metavar="TENANT", help="Slug of the tenant.")]
TenantFilter = Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="Only this tenant.")]
Tenants = Annotated[
    list[str] | None, typer.Option("--tenant", metavar="TENANT", help="Only this tenant; may be repeated.")
]
Period = Annotated[
    Month,
    typer.Argument(
        parser=parse_month,
        metavar="PERIOD",
        help="YYYY-MM: the periods that start in that month, each tenant's own window by its anchor day.",
    ),
]
CalendarMonth = Annotated[
    Month, typer.Argument(parser=parse_month, metavar="MONTH", help="YYYY-MM, from its first day.")
]
From = Annotated[
    date, typer.Option("--from", parser=parse_date, metavar="YYYY-MM-DD", help="First day on which it holds.")
]
On = Annotated[
    date | None,
    typer.Option("--on", parser=parse_date, metavar="YYYY-MM-DD", help="As of this day; default today (UTC)."),
]
Currency = Annotated[str, typer.Option("--currency", metavar="CODE", help="Three capital letters, such as USD.")]
