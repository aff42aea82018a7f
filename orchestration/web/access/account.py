"""What a person does about their own access: give a second factor, change the password, see sessions and end them."""

import secrets
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
    keep_session,
    readers,
    require_own_form,
    set_cookie,
    to_sign_in,
    turns,
    visitor_of,
)
from orchestration.web.forms import Form, form_of
from orchestration.web.rendering import render
from orchestration.web.server import hashing, tries
from orchestration.web.server.tries import Trying
from orchestration.web.server.turns import DOOR, HASHING_KNOWN, PAGE
from sources.text import clean
from warehouse.security import second_factors, web_logins
from warehouse.security.vault import Vault
from warehouse.security.web_logins import SESSION_SECONDS, SHORTEST_PASSWORD, LoginError


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
        token, recovery_codes = await run_in_threadpool(_pass, request, visitor, trying, form.get("code", ""))
    if token is None:
        return await _form(request, visitor, "That code does not fit, or was used already.")
    response: Response = RedirectResponse("/", 303)
    if recovery_codes:
        response = render("recovery_codes.html", title="Recovery codes", codes=recovery_codes)
    set_cookie(response, request, SESSION, token, SESSION_SECONDS)
    return response


@for_roles("finance", "operator", "tenant")
def show_sessions(request: Request, visitor: Visitor) -> Response:
    """The sessions of who is looking, and the form that changes the password."""
    return _sessions(request, visitor)


@form_for_roles("finance", "operator", "tenant", kind=PAGE)
def take_revocation(request: Request, visitor: Visitor, form: Form) -> Response:
    """End one of one's own sessions."""
    try:
        with readers(request).door(visitor.person.login_id) as connection:
            web_logins.revoke_session(connection, visitor.person.login_id, form.get("session", "")[:64])
    except LoginError:
        raise HTTPException(404, "You have no such session; it may have ended by itself.") from None
    return RedirectResponse("/sessions", 303)


async def take_password(request: Request) -> Response:
    """Replace one's own password, for who types the present one. Every session ends but this one, under a new token."""
    form, visitor = await form_of(request), await visitor_of(request)
    if visitor is None:
        return to_sign_in(request)
    require_own_form(request, form, visitor.form_token)
    if visitor.person.standing != "open":
        return RedirectResponse("/second-factor", 303)
    login_id = visitor.person.login_id
    # Whoever found a session open is held to as few tries as at the second factor.
    trying = Trying("own password", login_id, device="own password")
    async with turns(request).turn(DOOR, client_of(request)):
        former = await run_in_threadpool(_begin, request, trying)
    async with turns(request).turn(HASHING_KNOWN, login_id):
        is_right = await hashing.is_password(form.get("present", ""), former)
    if not is_right or former is None:
        return await run_in_threadpool(_sessions, request, visitor, "That is not your present password.")
    if form.get("password") != form.get("again"):
        return await run_in_threadpool(_sessions, request, visitor, "The two new ones are not the same.")
    try:
        async with turns(request).turn(HASHING_KNOWN, login_id):
            changed = await hashing.hashed(form.get("password", ""))
    except LoginError as error:
        return await run_in_threadpool(_sessions, request, visitor, str(error))
    device = secrets.token_urlsafe()
    async with turns(request).turn(DOOR, client_of(request)):
        session = await run_in_threadpool(_change, request, trying, former, changed, device)
    if session is None:
        return to_sign_in(request)
    response = RedirectResponse("/sessions?changed=1", 303)
    keep_session(response, request, session, device)
    return response


def _sessions(request: Request, visitor: Visitor, fault: str = "") -> Response:
    with readers(request).door() as connection:
        found = web_logins.sessions(connection, visitor.person.login_id, request.cookies[SESSION])
    return render(
        "sessions.html",
        status=409 if fault else 200,
        title="Your access",
        visitor=visitor,
        sessions=found,
        fault=fault,
        is_changed=not fault and "changed" in request.query_params,
        shortest=SHORTEST_PASSWORD,
    )


def _begin(request: Request, trying: Trying) -> str | None:
    with readers(request).door() as connection:
        tries.begin(connection, trying)
        return web_logins.password_of(connection, trying.login_id, "")[0]


def _change(request: Request, trying: Trying, former: str, changed: str, device: str) -> str | None:
    """The token of the session that goes on; it has given its second factor."""
    browser = clean(request.headers.get("user-agent", ""))
    with readers(request).door(trying.login_id) as connection:
        if not web_logins.change_password(connection, trying.login_id, former, changed):
            return None
        tries.succeeded(connection, trying)
        token = web_logins.start_session(
            connection, trying.login_id, changed, device=device, client=client_of(request), browser=browser
        )
        return second_factors.pass_session(connection, token) if token else None


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
        return second_factors.proposed(vault, connection, login_id, request.cookies[SESSION])


def _pass(request: Request, visitor: Visitor, trying: Trying, code: str) -> tuple[str | None, list[str]]:
    """The session's token from now on, None for a code that does not fit; the recovery codes of a first one."""
    vault, login_id = _vault(request), visitor.person.login_id
    with readers(request).door() as connection:
        tries.begin(connection, trying)
    with readers(request).door(login_id) as connection:
        if visitor.person.standing == "enrolment":
            made = second_factors.confirm(vault, connection, login_id, code) or []
            is_good = bool(made)
        else:
            made, is_good = [], second_factors.is_good(vault, connection, login_id, code)
        if not is_good:
            return None, []
        tries.succeeded(connection, trying)
        return second_factors.pass_session(connection, request.cookies[SESSION]), made


def _vault(request: Request) -> Vault:
    opened: Callable[[], Vault] = request.app.state.vault
    return opened()
