"""Who is looking: sign-in, sessions, and the token that every form carries.

A session is a random token in a cookie that no script can read; a form's token is derived from it, so a page of another
site can neither read nor guess it. Signing in has no session yet: its form is bound to a cookie of the visit alike.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.pages.readers import Readers
from orchestration.pages.rendering import render
from orchestration.pages.spooling import Spools
from orchestration.pages.turns import DECISION, DOOR, PAGE, Kind, Turns
from warehouse import logins
from warehouse.logins import SESSION_SECONDS, LoginRole, SignedIn

SESSION = "minutebook_session"
VISIT = "minutebook_visit"
LARGEST_FORM_BYTES = 16_384
HOMES: dict[LoginRole, str] = {"finance": "/periods", "operator": "/days", "tenant": "/usage"}

Form = dict[str, str]


@dataclass(frozen=True)
class Visitor:
    """A signed-in person and the token of the forms shown to them."""

    person: SignedIn
    form_token: str


Page = Callable[[Request, Visitor], Response]
Step = Callable[[Request, Visitor, Form], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def readers(request: Request) -> Readers:
    """The application's connections."""
    found: Readers = request.app.state.readers
    return found


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
            visitor = await _visitor(request)
            if visitor is None:
                return _to_sign_in(request)
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
            visitor = await _visitor(request)
            if visitor is None:
                return _to_sign_in(request)
            require_own_form(request, form, visitor.form_token)
            _require(visitor, roles)
            async with turns(request).turn(kind, visitor.person.login_id):
                return await run_in_threadpool(step, request, visitor, form)

        return guarded

    return guard


async def _visitor(request: Request) -> Visitor | None:
    if not request.cookies.get(SESSION):
        return None
    async with turns(request).turn(DOOR, client_of(request)):
        return await run_in_threadpool(visitor_of, request)


def client_of(request: Request) -> str:
    """The address that asks: the proxy's word for it where a proxy on this machine stands before us."""
    return request.client.host if request.client else ""


def visitor_of(request: Request) -> Visitor | None:
    """Who the session's cookie says is looking, while the session lasts."""
    token = request.cookies.get(SESSION)
    if not token:
        return None
    with readers(request).door() as connection:
        person = logins.session_of(connection, token)
    return None if person is None else Visitor(person, _form_token(token))


async def form_of(request: Request) -> Form:
    """The fields of a posted form. Raises HTTPException 413 when it is larger than any of ours, 400 when it is none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM_BYTES:
            raise HTTPException(413, "That form is larger than any of ours.")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20, strict_parsing=bool(body))
    except ValueError:
        raise HTTPException(400, "That form could not be read.") from None
    return {name: values[-1] for name, values in fields.items()}


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
    if await _visitor(request):
        return RedirectResponse("/", 303)
    return _sign_in_form(request, "")


async def take_sign_in(request: Request) -> Response:
    """Start a session, and send the person where they were going."""
    form = await form_of(request)
    require_own_form(request, form, _form_token(request.cookies.get(VISIT) or secrets.token_urlsafe()))
    token = await run_in_threadpool(_sign_in, request, form)
    if token is None:
        return _sign_in_form(
            request, "That login and password do not fit. After five wrong tries, wait a quarter of an hour.", form
        )
    response = RedirectResponse(_own_path(form.get("next", "")), 303)
    _set_cookie(response, request, SESSION, token, SESSION_SECONDS)
    response.delete_cookie(VISIT, path="/")
    return response


@form_for_roles("finance", "operator", "tenant")
def take_sign_out(request: Request, _: Visitor, __: Form) -> Response:
    """End the session, here and in the database."""
    with readers(request).door() as connection:
        logins.sign_out(connection, request.cookies[SESSION])
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(SESSION, path="/")
    return response


def _sign_in(request: Request, form: Form) -> str | None:
    login_id = form.get("login", "").strip().lower()
    with readers(request).operator(login_id) as connection:
        return logins.sign_in(connection, login_id, form.get("password", ""))


def _sign_in_form(request: Request, fault: str, form: Form | None = None) -> Response:
    visit = request.cookies.get(VISIT) or secrets.token_urlsafe()
    going_to = (form or {}).get("next") or request.query_params.get("next", "")
    response = render(
        "sign_in.html",
        status=401 if fault else 200,
        title="Sign in",
        fault=fault,
        login=(form or {}).get("login", ""),
        next=_own_path(going_to),
        form_token=_form_token(visit),
    )
    _set_cookie(response, request, VISIT, visit, 3600)
    return response


def _set_cookie(response: Response, request: Request, name: str, value: str, seconds: int) -> None:
    is_secure = request.url.scheme == "https"
    response.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="lax", secure=is_secure)


def _to_sign_in(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    url = request.url_for("show_sign_in").path
    return RedirectResponse(str(request.url.replace(path=url, query="").include_query_params(next=wanted)), 303)


def _own_path(path: str) -> str:
    """The path if it is one of this site: //host and /\\host are another's."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path and "\r" not in path
    return path if is_own else "/"


def _require(visitor: Visitor, roles: tuple[LoginRole, ...]) -> None:
    if visitor.person.role not in roles:
        raise HTTPException(403, f"This page is for {' and '.join(roles)}; you are signed in as {visitor.person.role}.")


def _form_token(token: str) -> str:
    return hmac.new(token.encode(), b"form", sha256).hexdigest()
