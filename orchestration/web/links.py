"""A link that sets a password once: what an invitation or a reset leads to. Nothing of it is used up by looking."""

import secrets
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.web.auth import (
    VISIT,
    client_of,
    form_token_of,
    keep_session,
    readers,
    require_own_form,
    set_cookie,
    turns,
)
from orchestration.web.forms import form_of
from orchestration.web.rendering import render
from orchestration.web.server import hashing
from orchestration.web.server.turns import DOOR, HASHING
from sources.text import clean
from warehouse.database.queries import Row
from warehouse.security import web_logins
from warehouse.security.web_logins import SHORTEST_PASSWORD, Linked, LoginError
from warehouse.statements import issuing


async def show_password(request: Request) -> Response:
    """The form for a password of one's own choice."""
    return await _form(request)


async def take_password(request: Request) -> Response:
    """Set the password, end the login's sessions, and start one of who followed the link."""
    form = await form_of(request)
    require_own_form(request, form, form_token_of(request.cookies.get(VISIT) or secrets.token_urlsafe()))
    async with turns(request).turn(DOOR, client_of(request)):
        linked, _ = await run_in_threadpool(_linked, request)
    if linked is None:
        return await _form(request)
    if form.get("password") != form.get("again"):
        return await _form(request, "The two are not the same.")
    try:
        async with turns(request).turn(HASHING, client_of(request)):
            password_hash = await hashing.hashed(form.get("password", ""))
    except LoginError as error:
        return await _form(request, str(error))
    device = secrets.token_urlsafe()
    async with turns(request).turn(DOOR, client_of(request)):
        session = await run_in_threadpool(_use, request, linked, password_hash, device)
    if session is None:
        return await _form(request)
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    keep_session(response, request, session, device)
    return response


async def _form(request: Request, fault: str = "") -> Response:
    visit = request.cookies.get(VISIT) or secrets.token_urlsafe()
    async with turns(request).turn(DOOR, client_of(request)):
        linked, brand = await run_in_threadpool(_linked, request)
    response = render(
        "password.html",
        status=HTTPStatus.NOT_FOUND if linked is None else HTTPStatus.BAD_REQUEST if fault else HTTPStatus.OK,
        title="Set your password",
        fault=fault,
        linked=linked,
        brand=brand,
        shortest=SHORTEST_PASSWORD,
        form_token=form_token_of(visit),
    )
    set_cookie(response, request, VISIT, visit, 3600)
    return response


def _linked(request: Request) -> tuple[Linked | None, Row | None]:
    with readers(request).door() as connection:
        return web_logins.link_of(connection, request.path_params["token"]), issuing.brand_of(connection, None)


def _use(request: Request, linked: Linked, password_hash: str, device: str) -> str | None:
    browser = clean(request.headers.get("user-agent", ""))
    with readers(request).door(linked.login_id) as connection:
        if web_logins.use_link(connection, request.path_params["token"], password_hash) is None:
            return None
        return web_logins.start_session(
            connection, linked.login_id, password_hash, device=device, client=client_of(request), browser=browser
        )
