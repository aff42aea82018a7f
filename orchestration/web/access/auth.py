"""Who is looking: sign-in, sessions, and the token that every form carries.

A session is a random token in a cookie that no script can read; a form's token is derived from it, so a page of another
site can neither read nor guess it. Signing in has no session yet: its form is bound to a cookie of the visit alike.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.operations import tracing
from orchestration.web.forms import Form, form_of, own_path
from orchestration.web.rendering import render
from orchestration.web.server import hashing, tries
from orchestration.web.server.brands import Brands
from orchestration.web.server.readers import Connection, Readers
from orchestration.web.server.spooling import Spools
from orchestration.web.server.tries import Trying
from orchestration.web.server.turns import DECISION, DOOR, HASHING, HASHING_KNOWN, PAGE, Crowded, Kind, Turns
from sources.text import clean
from warehouse.database.queries import Row
from warehouse.security import web_logins
from warehouse.security.web_logins import DEVICE_DAYS, SESSION_SECONDS, LoginRole, SignedIn
from warehouse.statements import issuing

SESSION = "minutebook_session"
VISIT = "minutebook_visit"
DEVICE = "minutebook_device"
HOMES: dict[LoginRole, str] = {"finance": "/periods", "operator": "/days", "tenant": "/usage"}


@dataclass(frozen=True)
class Visitor:
    """A signed-in person, the token of the forms shown to them, and in whose name a tenant's pages are."""

    person: SignedIn
    form_token: str
    brand: Row | None = None


Page = Callable[[Request, Visitor], Response]
Step = Callable[[Request, Visitor, Form], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def readers(request: Request) -> Readers:
    """The application's connections."""
    found: Readers = request.app.state.readers
    return found


def marts(request: Request, visitor: Visitor, kind: Kind = PAGE) -> AbstractContextManager[Connection]:
    """The marts as this person may read them: a tenant's rows for a tenant, all for staff."""
    tenant = visitor.person.tenant_id
    return readers(request).tenant(tenant, kind) if tenant else readers(request).analyst(kind)


def spools(request: Request) -> Spools:
    """The application's files that are being sent."""
    found: Spools = request.app.state.spools
    return found


def turns(request: Request) -> Turns:
    """The application's turns."""
    found: Turns = request.app.state.turns
    return found


def for_roles(*roles: LoginRole, kind: Kind = PAGE) -> Callable[[Page], Endpoint]:
    """A page for people of these roles: others are told so, strangers are asked to sign in first."""

    def guard(page: Page) -> Endpoint:
        @wraps(page)
        async def guarded(request: Request) -> Response:
            visitor = await visitor_of(request)
            if visitor is None:
                return to_sign_in(request)
            if visitor.person.standing != "open":
                return RedirectResponse("/second-factor", 303)
            _require(visitor, roles)
            async with turns(request).turn(kind, visitor.person.login_id):
                return await run_in_threadpool(page, request, visitor)

        return guarded

    return guard


def form_for_roles(*roles: LoginRole, kind: Kind = DECISION) -> Callable[[Step], Endpoint]:
    """A form's target for people of these roles; refused unless the form was shown to this very session."""

    def guard(step: Step) -> Endpoint:
        @wraps(step)
        async def guarded(request: Request) -> Response:
            form = await form_of(request)
            visitor = await visitor_of(request)
            if visitor is None:
                return to_sign_in(request)
            require_own_form(request, form, visitor.form_token)
            if visitor.person.standing != "open":
                return RedirectResponse("/second-factor", 303)
            _require(visitor, roles)
            async with turns(request).turn(kind, visitor.person.login_id):
                return await run_in_threadpool(step, request, visitor, form)

        return guarded

    return guard


async def visitor_of(request: Request) -> Visitor | None:
    """Who the session's cookie says is looking, while the session lasts."""
    token = request.cookies.get(SESSION)
    if not token:
        return None
    async with turns(request).turn(DOOR, client_of(request)):
        visitor = await run_in_threadpool(_visitor_of, request, token)
    if visitor is not None:
        request.app.state.paces.know(token, visitor.person.login_id)
        tracing.tell(tenant=visitor.person.tenant_id)
    return visitor


def _visitor_of(request: Request, token: str) -> Visitor | None:
    with readers(request).door() as connection:
        person = web_logins.session_of(connection, token)
        if person is None:
            return None
        brand = issuing.brand_of(connection, person.tenant_id) if person.tenant_id else None
    return Visitor(person, form_token_of(token), brand)


def client_of(request: Request) -> str:
    """The address that asks: the proxy's word for it where a proxy on this machine stands before us."""
    return request.client.host if request.client else ""


def require_own_form(request: Request, form: Form, token: str) -> None:
    """Raise HTTPException 403 unless the form carries the token and the browser does not say it came from elsewhere."""
    origin = request.headers.get("origin")
    is_foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    is_foreign |= request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
    if is_foreign or not hmac.compare_digest(form.get("form_token", "").encode(), token.encode()):
        raise HTTPException(
            403, "This form is out of date. Go back, reload the page and send it again; nothing was changed."
        )


@for_roles("finance", "operator", "tenant")
def home(_: Request, visitor: Visitor) -> Response:
    """Everyone's own first page."""
    return RedirectResponse(HOMES[visitor.person.role], 303)


async def show_sign_in(request: Request) -> Response:
    """The form to sign in with."""
    if await visitor_of(request):
        return RedirectResponse("/", 303)
    return await _sign_in_form(request, "")


async def take_sign_in(request: Request) -> Response:
    """Start a session, and send the person where they were going."""
    form = await form_of(request)
    require_own_form(request, form, form_token_of(request.cookies.get(VISIT) or secrets.token_urlsafe()))
    login_id, device = form.get("login", "").strip().lower(), request.cookies.get(DEVICE, "")
    async with turns(request).turn(DOOR, client_of(request)):
        password_hash, trying = await run_in_threadpool(_begin_try, request, login_id, device)
    # No connection is held while a password is hashed.
    try:
        async with turns(request).turn(HASHING_KNOWN if trying.device else HASHING, trying.device or trying.client):
            is_right = await hashing.is_password(form.get("password", ""), password_hash)
    except Crowded:
        async with turns(request).turn(DOOR, client_of(request)):
            await run_in_threadpool(_take_back, request, trying)
        raise
    token = None
    if is_right and password_hash:
        device = trying.device or secrets.token_urlsafe()
        async with turns(request).turn(DOOR, client_of(request)):
            token = await run_in_threadpool(_start_session, request, trying, password_hash, device)
    if token is None:
        return await _sign_in_form(request, "That login and password do not fit.", form)
    response = RedirectResponse(own_path(form.get("next", "")), 303)
    keep_session(response, request, token, device)
    return response


async def take_sign_out(request: Request) -> Response:
    """End the session, here and in the database."""
    form, visitor = await form_of(request), await visitor_of(request)
    if visitor is None:
        return to_sign_in(request)
    require_own_form(request, form, visitor.form_token)
    async with turns(request).turn(DOOR, client_of(request)):
        await run_in_threadpool(_sign_out, request)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(SESSION, path="/")
    return response


def _sign_out(request: Request) -> None:
    with readers(request).door() as connection:
        web_logins.sign_out(connection, request.cookies[SESSION])


def _begin_try(request: Request, login_id: str, device: str) -> tuple[str | None, Trying]:
    with readers(request).door() as connection:
        password_hash, is_known = None, False
        if web_logins.is_login_id(login_id):
            password_hash, is_known = web_logins.password_of(connection, login_id, device)
        trying = Trying(client_of(request), login_id[:254], device if is_known else "")
        tries.begin(connection, trying)
        return password_hash, trying


def _take_back(request: Request, trying: Trying) -> None:
    with readers(request).door() as connection:
        tries.not_made(connection, trying)


def _start_session(request: Request, trying: Trying, password_hash: str, device: str) -> str | None:
    browser = clean(request.headers.get("user-agent", ""))
    with readers(request).door(trying.login_id) as connection:
        token = web_logins.start_session(
            connection, trying.login_id, password_hash, device=device, client=client_of(request), browser=browser
        )
        if token is not None:
            tries.succeeded(connection, trying)
        return token


async def _sign_in_form(request: Request, fault: str, form: Form | None = None) -> Response:
    visit = request.cookies.get(VISIT) or secrets.token_urlsafe()
    async with turns(request).turn(DOOR, client_of(request)):
        brand = await run_in_threadpool(brand_of_strangers, request)
    going_to = (form or {}).get("next") or request.query_params.get("next", "")
    response = render(
        "sign_in.html",
        status=401 if fault else 200,
        title="Sign in",
        fault=fault,
        brand=brand,
        login=(form or {}).get("login", ""),
        next=own_path(going_to),
        form_token=form_token_of(visit),
    )
    set_cookie(response, request, VISIT, visit, 3600)
    return response


def brand_of_strangers(request: Request) -> Row | None:
    """In whose name people are asked to sign in: the brand of the host that was asked for, else the deployment's.

    Whoever comes by costs the database nothing: brands are read once a minute.
    """
    brands: Brands = request.app.state.brands
    return brands.at(request.url.hostname or "", readers(request))


def keep_session(response: Response, request: Request, token: str, device: str) -> None:
    """Set the cookies of who has just signed in."""
    set_cookie(response, request, SESSION, token, SESSION_SECONDS)
    set_cookie(response, request, DEVICE, device, DEVICE_DAYS * 86_400, path="/sign-in")
    response.delete_cookie(VISIT, path="/")


def set_cookie(response: Response, request: Request, name: str, value: str, seconds: int, path: str = "/") -> None:
    """Set a cookie that no script reads and no other site sends along."""
    is_secure = request.url.scheme == "https"
    response.set_cookie(name, value, max_age=seconds, path=path, httponly=True, samesite="lax", secure=is_secure)


def to_sign_in(request: Request) -> Response:
    """Ask a stranger to sign in, and to come back then."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    # A path, not an address: the Host that was sent is echoed nowhere.
    return RedirectResponse(f"/sign-in?{urlencode({'next': wanted})}", 303)


def _require(visitor: Visitor, roles: tuple[LoginRole, ...]) -> None:
    if visitor.person.role not in roles:
        raise HTTPException(403, f"This page is for {' and '.join(roles)}; you are signed in as {visitor.person.role}.")


def form_token_of(token: str) -> str:
    """What the forms carry that are shown under this session's or visit's token."""
    return hmac.new(token.encode(), b"form", sha256).hexdigest()
