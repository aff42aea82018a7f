"""A link that sets a password once: what an invitation or a reset leads to. Nothing of it is used up by looking."""

import secrets
from http import HTTPStatus

import structlog
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration import inviting
from orchestration.web.access.auth import (
    VISIT,
    brand_of_strangers,
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
from orchestration.web.server import hashing, tries
from orchestration.web.server.tries import Trying
from orchestration.web.server.turns import DOOR, HASHING, Crowded
from sources.text import clean
from warehouse.security import web_logins
from warehouse.security.web_logins import SHORTEST_PASSWORD, Link, Linked, LoginError
from warehouse.statements import issuing
from warehouse.statements.issuing import Sender

_LOG = structlog.get_logger(__name__)


async def show_password(request: Request) -> Response:
    """The form for a password of one's own choice."""
    return await _form(request)


async def take_password(request: Request) -> Response:
    """Set the password, end the login's sessions, and start one of who followed the link."""
    form = await form_of(request)
    require_own_form(request, form, form_token_of(request.cookies.get(VISIT) or secrets.token_urlsafe()))
    async with turns(request).turn(DOOR, client_of(request)):
        linked = await run_in_threadpool(_linked, request)
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


async def show_forgotten(request: Request) -> Response:
    """The form of who forgot a password."""
    return await _forgotten(request)


async def take_forgotten(request: Request) -> Response:
    """Mail a link to the login, if there is one. Nobody is told whether there is, by the words or by the time."""
    form = await form_of(request)
    require_own_form(request, form, form_token_of(request.cookies.get(VISIT) or secrets.token_urlsafe()))
    login_id = form.get("login", "").strip().lower()
    async with turns(request).turn(DOOR, client_of(request)):
        await run_in_threadpool(_count_try, request, login_id)
    response = await _forgotten(request, is_taken=True)
    if _is_mailed(request):
        response.background = BackgroundTask(_mail, request, login_id)
    return response


async def _forgotten(request: Request, *, is_taken: bool = False) -> Response:
    visit = request.cookies.get(VISIT) or secrets.token_urlsafe()
    async with turns(request).turn(DOOR, client_of(request)):
        brand = await run_in_threadpool(brand_of_strangers, request)
    response = render(
        "forgotten.html",
        title="Forgotten password",
        brand=brand,
        is_taken=is_taken,
        is_mailed=_is_mailed(request),
        form_token=form_token_of(visit),
    )
    set_cookie(response, request, VISIT, visit, 3600)
    return response


def _count_try(request: Request, login_id: str) -> None:
    """As many as wrong passwords, so that nobody is sent mail without end."""
    with readers(request).door() as connection:
        tries.begin(connection, Trying(client_of(request), login_id[:254]))


def _is_mailed(request: Request) -> bool:
    """Whether a link is mailed on a stranger's word: its address is ours to say, and not what the stranger sent."""
    settings = request.app.state.settings
    return settings.mailer is not None and settings.public_url is not None


async def _mail(request: Request, login_id: str) -> None:
    if not web_logins.is_login_id(login_id):
        return
    try:
        async with turns(request).turn(DOOR, client_of(request)):
            link, sender = await run_in_threadpool(_link_for, request, login_id)
    except Crowded:
        _LOG.warning("no link was made for a forgotten password: too many connections", login=login_id)
        return
    if link is not None:
        found = address(request, sender, link.path)
        not_sent = await run_in_threadpool(
            inviting.send, request.app.state.settings.mailer, sender, login_id, link, found
        )
        if not_sent:
            _LOG.warning("no link was mailed for a forgotten password", login=login_id, why=not_sent)


def _link_for(request: Request, login_id: str) -> tuple[Link | None, Sender]:
    with readers(request).door(login_id) as connection:
        return web_logins.forgotten(connection, login_id), issuing.sender_for(connection, login_id)


def address(request: Request, sender: Sender, path: str) -> str:
    """A page's address as people reach it: at their brand's host, as it is said, else as whoever asks did."""
    base = request.app.state.settings.public_url or f"{request.url.scheme}://{request.headers['host']}"
    return inviting.address_of(sender, str(base), path)


async def _form(request: Request, fault: str = "") -> Response:
    visit = request.cookies.get(VISIT) or secrets.token_urlsafe()
    async with turns(request).turn(DOOR, client_of(request)):
        linked = await run_in_threadpool(_linked, request)
        brand = await run_in_threadpool(brand_of_strangers, request)
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


def _linked(request: Request) -> Linked | None:
    with readers(request).door() as connection:
        return web_logins.link_of(connection, request.path_params["token"])


def _use(request: Request, linked: Linked, password_hash: str, device: str) -> str | None:
    browser = clean(request.headers.get("user-agent", ""))
    with readers(request).door(linked.login_id) as connection:
        if web_logins.use_link(connection, request.path_params["token"], password_hash) is None:
            return None
        return web_logins.start_session(
            connection, linked.login_id, password_hash, device=device, client=client_of(request), browser=browser
        )
