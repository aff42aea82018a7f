"""minutebook login …: who may sign in to the pages. Passwords go in by standard input or a hidden prompt."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from orchestration import inviting
from orchestration.cli.options import Json, command, group
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import session
from warehouse.security import second_factors, web_logins
from warehouse.security.web_logins import Link
from warehouse.statements import issuing
from warehouse.statements.issuing import Sender
from warehouse.words import counted, moment

app = group("Logins: who may sign in to the pages.", "minutebook login list")
COLUMNS = [
    "login_id", "role", "tenant_id", "password_set_at", "link_expires_at", "second_factor_at", "recovery_codes_left",
    "disabled_at",
]  # fmt: skip
SESSION_COLUMNS = ["session_id", "login_id", "started_at", "expires_at", "client", "browser", "second_factor_at"]


class LoginRole(StrEnum):
    """What a person may see and do."""

    OPERATOR = "operator"
    FINANCE = "finance"
    TENANT = "tenant"


Role = Annotated[LoginRole, typer.Option(help="operator: days; finance: days, periods, approval; tenant: its own.")]
Whose = Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="Whose, for role tenant.")]
Login = Annotated[str, typer.Argument(metavar="LOGIN", help="Name of the login, such as ana@example.com.")]


@command(app, "create", "minutebook login create ana@example.com --role finance")
def create(
    ctx: typer.Context,
    login: Login,
    role: Role,
    tenant: Whose = None,
    as_json: Json = False,
) -> None:
    """Create a login and set its password."""
    password = _password()
    with session(ctx).door() as connection:
        web_logins.add_login(connection, login, role.value, tenant)
        web_logins.set_password(connection, login, password)
    _tell(f"{login} may sign in as {role}", {"login_id": login, "role": role, "tenant_id": tenant}, as_json)


@command(app, "invite", "minutebook login invite bo@acme.example --role tenant --tenant acme")
def invite(
    ctx: typer.Context,
    login: Login,
    role: Role,
    tenant: Whose = None,
    as_json: Json = False,
) -> None:
    """Create a login without a password, and mail a link that sets one, or print it. Run again for another."""
    with session(ctx).door() as connection:
        link, sender = web_logins.invite(connection, login, role.value, tenant), issuing.sender_for(connection, login)
    _hand_over(ctx, sender, login, link, as_json)


@command(app, "reset-password", "minutebook login reset-password ana@example.com")
def reset_password(ctx: typer.Context, login: Login, as_json: Json = False) -> None:
    """Mail a person a link that sets another password, or print it; until it is used, the present one holds."""
    with session(ctx).door() as connection:
        link, sender = web_logins.reset_by_link(connection, login), issuing.sender_for(connection, login)
    _hand_over(ctx, sender, login, link, as_json)


@command(app, "password", "minutebook login password ana@example.com")
def password(ctx: typer.Context, login: Login, as_json: Json = False) -> None:
    """Set another password; the login is enabled, and all its sessions end."""
    chosen = _password()
    with session(ctx).door() as connection:
        web_logins.set_password(connection, login, chosen)
    _tell(f"set the password of {login}; its sessions ended", {"login_id": login}, as_json)


@command(app, "disable", "minutebook login disable ana@example.com")
def disable(ctx: typer.Context, login: Login, as_json: Json = False) -> None:
    """Disable a login, and end its sessions."""
    with session(ctx).door() as connection:
        web_logins.disable(connection, login)
    _tell(f"disabled {login}", {"login_id": login}, as_json)


@command(app, "list", "minutebook login list")
def list_logins(ctx: typer.Context, as_json: Json = False) -> None:
    """List the logins."""
    with session(ctx).door() as connection:
        found = web_logins.list_logins(connection)
    show(found, COLUMNS, as_json, "no logins; next: minutebook login create --help")


@command(app, "reset-factor", "minutebook login reset-factor ana@example.com")
def reset_factor(ctx: typer.Context, login: Login, as_json: Json = False) -> None:
    """Reset a lost second factor: its sessions end, the next sign-in sets up another. Audited."""
    with session(ctx).door() as connection:
        second_factors.reset(connection, login)
    _tell(f"reset the second factor of {login}; its sessions ended", {"login_id": login}, as_json)


@command(app, "sessions", "minutebook login sessions ana@example.com")
def list_sessions(
    ctx: typer.Context,
    login: Annotated[str | None, typer.Argument(metavar="[LOGIN]", help="Only this login's.")] = None,
    as_json: Json = False,
) -> None:
    """List who is signed in now, from where and since when."""
    with session(ctx).door() as connection:
        found = web_logins.sessions(connection, login)
    show([{name: row[name] for name in SESSION_COLUMNS} for row in found], SESSION_COLUMNS, as_json, "nobody is")


@command(app, "sign-out", "minutebook login sign-out ana@example.com")
def sign_out(
    ctx: typer.Context,
    login: Login,
    session_id: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="Only this session; default: all of the login.")
    ] = None,
    as_json: Json = False,
) -> None:
    """End sessions of a login, which may sign in again."""
    with session(ctx).door() as connection:
        if session_id is None:
            ended = web_logins.sign_out_everywhere(connection, login)
        else:
            web_logins.revoke_session(connection, login, session_id)
            ended = 1
    _tell(f"ended {counted(ended, 'session')} of {login}", {"login_id": login, "ended": ended}, as_json)


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _hand_over(ctx: typer.Context, sender: Sender, login: str, link: Link, as_json: bool) -> None:
    """The link is mailed; where it cannot be, it is printed here and kept nowhere."""
    settings = session(ctx).settings
    address = inviting.address_of(sender, settings.page(""), link.path)
    not_sent = inviting.send(settings.mailer, sender, login, link, address)
    found = address if not_sent else None
    if as_json:
        print_json({"login_id": login, "link": found, "expires_at": link.expires_at, "not_sent": not_sent})
        return
    if found is None:
        say(f"sent {login} a link that sets a password once, until {moment(link.expires_at)}")
        next_step("it opens while minutebook serve runs")
        return
    say(f"{login} sets a password with this link, once, until {moment(link.expires_at)}:")
    say(found)
    next_step(f"send it to {login}, since {not_sent}; it opens while minutebook serve runs")


def _tell(text: str, value: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(value)
        return
    say(text)
    next_step("minutebook serve")
