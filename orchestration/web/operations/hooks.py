"""The hooks at which providers report calls as they end: how each does, the form that makes one, and the end of one."""

from collections.abc import Callable
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration import hooking
from orchestration.hooking import Made
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from sources.hooks import Method
from sources.registry import registry
from warehouse import clock
from warehouse.control import tenants
from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Connection
from warehouse.intake import hooks
from warehouse.security.vault import Secret, one_line

PAGE_ROWS = 100
DAYS = timedelta(days=7)
Act = Callable[[Connection, str, datetime], object]


@for_roles("operator", "finance")
def show_hooks(request: Request, visitor: Visitor) -> Response:
    """All hooks, those that were ended last."""
    return _page(request, visitor)


@form_for_roles("operator")
def make_hook(request: Request, visitor: Visitor, form: Form) -> Response:
    """Make a hook of an account, and show once what is entered at the provider."""
    settings = request.app.state.settings
    given = form.get("secret", "").strip()
    said = [line.strip() for line in form.get("settings", "").split("\n") if line.strip()]
    base = settings.public_url or f"{request.url.scheme}://{request.headers['host']}"
    try:
        wanted = hooking.wanted(
            form.get("provider", ""), form.get("tenant", "").strip() or None, form.get("method") or None, said
        )
        secret = Secret(one_line(given)) if given else None
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            made = hooking.make(settings.vault(), connection, wanted, secret, base)
    except WarehouseError as error:
        return _page(request, visitor, str(error), filled=form)
    return _page(request, visitor, made=made)


@form_for_roles("operator")
def end_hook(request: Request, visitor: Visitor, form: Form) -> Response:
    """Take nothing at a hook any more; what was heard at it stays."""
    return _done(request, visitor, form, hooks.revoke)


@form_for_roles("operator")
def note_seen(request: Request, visitor: Visitor, form: Form) -> Response:
    """Take what a hook's messages said as seen, until such a message comes again."""
    return _done(request, visitor, form, hooks.note_seen)


def _done(request: Request, visitor: Visitor, form: Form, act: Act) -> Response:
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            act(connection, form.get("hook", ""), clock.now())
    except WarehouseError as error:
        return _page(request, visitor, str(error))
    return RedirectResponse("/hooks", 303)


def _page(
    request: Request, visitor: Visitor, fault: str = "", *, filled: Form | None = None, made: Made | None = None
) -> Response:
    today, words = clock.today(), request.query_params.get("q", "").strip().lower()
    with readers(request).operator() as connection:
        found = [
            row
            for row in hooks.health(connection, None, today - DAYS, today - timedelta(days=1))
            if words in row["hook_id"] or words in row["provider"] or words in (row["tenant_id"] or "")
        ]
        to_see = {row["hook_id"] for row in hooks.notices(connection)}
        known = tenants.names(connection)
    found.sort(key=lambda row: row["revoked_at"] is not None)
    paging = Paging(request, len(found), PAGE_ROWS)
    return render(
        "hooks.html",
        status=409 if fault else 200,
        title="Hooks",
        visitor=visitor,
        rows=found[paging.start : paging.end],
        paging=paging,
        words=words,
        to_see=to_see,
        named={row["tenant_id"]: row["name"] for row in known},
        tenants=known,
        providers=registry().hooks,
        methods=list(Method),
        filled={name: value for name, value in (filled or {}).items() if name != "secret"},
        made=made,
        fault=fault,
    )
