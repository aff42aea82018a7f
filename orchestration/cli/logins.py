"""minutebook login …: who may sign in to the pages. Passwords go in by standard input or a hidden prompt."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from orchestration.cli.options import Json, command
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import session
from warehouse import logins

app = typer.Typer(
    no_args_is_help=True, help="Logins: who may sign in to the pages.", epilog="Example: minutebook login list"
)
COLUMNS = ["login_id", "role", "tenant_id", "password_set_at", "disabled_at"]


class LoginRole(StrEnum):
    """What a person may see and do."""

    OPERATOR = "operator"
    FINANCE = "finance"
    TENANT = "tenant"


Login = Annotated[str, typer.Argument(metavar="LOGIN", help="Name of the login, such as ana@example.com.")]


@command(app, "add", "minutebook login add ana@example.com --role finance")
def add(
    ctx: typer.Context,
    login: Login,
    role: Annotated[LoginRole, typer.Option(help="operator: days; finance: days, periods, approval; tenant: its own.")],
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="Whose, for role tenant.")] = None,
    as_json: Json = False,
) -> None:
    """Make a login and set its password."""
    password = _password()
    with session(ctx).operator() as connection:
        logins.add_login(connection, login, role.value, tenant)
        logins.set_password(connection, login, password)
    _tell(f"{login} may sign in as {role}", {"login_id": login, "role": role, "tenant_id": tenant}, as_json)


@command(app, "password", "minutebook login password ana@example.com")
def password(ctx: typer.Context, login: Login, as_json: Json = False) -> None:
    """Set another password; the login is enabled, and all its sessions end."""
    chosen = _password()
    with session(ctx).operator() as connection:
        logins.set_password(connection, login, chosen)
    _tell(f"set the password of {login}; its sessions ended", {"login_id": login}, as_json)


@command(app, "disable", "minutebook login disable ana@example.com")
def disable(ctx: typer.Context, login: Login, as_json: Json = False) -> None:
    """Let a login sign in no more, and end its sessions."""
    with session(ctx).operator() as connection:
        logins.disable(connection, login)
    _tell(f"disabled {login}", {"login_id": login}, as_json)


@command(app, "list", "minutebook login list")
def list_logins(ctx: typer.Context, as_json: Json = False) -> None:
    """List the logins."""
    with session(ctx).operator() as connection:
        found = logins.list_logins(connection)
    show(found, COLUMNS, as_json, "no logins; add one: minutebook login add --help")


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _tell(text: str, value: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(value)
        return
    say(text)
    next_step("minutebook serve")
