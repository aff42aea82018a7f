"""What a person does about their own access: set up or give a second factor, see their sessions and end them."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.web.access.auth import (
    SESSION,
    Visitor,
    client_of,
    for_roles,
    form_for_roles,
    readers,
    require_own_form,
    to_sign_in,
    turns,
    visitor_of,
)
from orchestration.web.forms import Form, form_of
from orchestration.web.rendering import render
from orchestration.web.server import tries
from orchestration.web.server.tries import Trying
from orchestration.web.server.turns import DOOR, PAGE
from warehouse.security import second_factors, web_logins
from warehouse.security.vault import Vault
from warehouse.security.web_logins import LoginError


async def show_second_factor(request: Request) -> Response:
    """The form for a one-time code; for who has no second factor yet, the secret to make it of."""
    visitor = await visitor_of(request)
    if visitor is None:
        return to_sign_in(request)
    if visitor.person.standing == "open":
        return RedirectResponse("/", 303)
    return await _form(request, visitor, "")


async def take_second_factor(request: Request) -> Response:
    """Let the session in by a one-time code or a recovery code; a first code confirms the second factor."""
    form, visitor = await form_of(request), await visitor_of(request)
    if visitor is None:
        return to_sign_in(request)
    require_own_form(request, form, visitor.form_token)
    person = visitor.person
    if person.standing == "open":
        return RedirectResponse("/", 303)
    # Only who knows the password comes here, so tries are counted for the login, wherever they come from.
    trying = Trying("second factor", person.login_id, device="second factor")
    async with turns(request).turn(DOOR, client_of(request)):
        passed, recovery_codes = await run_in_threadpool(_pass, request, visitor, trying, form.get("code", ""))
    if not passed:
        return await _form(request, visitor, "That code does not fit, or was used already.")
    if recovery_codes:
        return render("recovery_codes.html", title="Recovery codes", codes=recovery_codes)
    return RedirectResponse("/", 303)


@for_roles("finance", "operator", "tenant")
def show_sessions(request: Request, visitor: Visitor) -> Response:
    """The sessions of who is looking."""
    with readers(request).door() as connection:
        found = web_logins.sessions(connection, visitor.person.login_id, request.cookies[SESSION])
    return render("sessions.html", title="Your sessions", visitor=visitor, sessions=found)


@form_for_roles("finance", "operator", "tenant", kind=PAGE)
def take_revocation(request: Request, visitor: Visitor, form: Form) -> Response:
    """End one of one's own sessions."""
    try:
        with readers(request).door(visitor.person.login_id) as connection:
            web_logins.revoke_session(connection, visitor.person.login_id, form.get("session", "")[:64])
    except LoginError:
        raise HTTPException(404, "You have no such session; it may have ended by itself.") from None
    return RedirectResponse("/sessions", 303)


async def _form(request: Request, visitor: Visitor, fault: str) -> Response:
    secret = ""
    if visitor.person.standing == "enrolment":
        async with turns(request).turn(DOOR, client_of(request)):
            secret = await run_in_threadpool(_proposed, request, visitor)
    return render(
        "second_factor.html",
        status=401 if fault else 200,
        title="Second factor",
        fault=fault,
        form_token=visitor.form_token,
        login=visitor.person.login_id,
        secret=secret,
        address=second_factors.address_for_authenticator(secret, visitor.person.login_id) if secret else "",
    )


def _proposed(request: Request, visitor: Visitor) -> str:
    vault, login_id = _vault(request), visitor.person.login_id
    with readers(request).door(login_id) as connection:
        return second_factors.proposed(vault, connection, login_id)


def _pass(request: Request, visitor: Visitor, trying: Trying, code: str) -> tuple[bool, list[str]]:
    vault, login_id = _vault(request), visitor.person.login_id
    with readers(request).door() as connection:
        tries.begin(connection, trying)
    with readers(request).door(login_id) as connection:
        if visitor.person.standing == "enrolment":
            made = second_factors.confirm(vault, connection, login_id, code) or []
            is_good = bool(made)
        else:
            made, is_good = [], second_factors.is_good(vault, connection, login_id, code)
        if is_good:
            second_factors.pass_session(connection, request.cookies[SESSION])
            tries.succeeded(connection, trying)
    return is_good, made


def _vault(request: Request) -> Vault:
    opened: Callable[[], Vault] = request.app.state.vault
    return opened()
