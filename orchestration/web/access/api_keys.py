"""API keys, by which usage is pushed: each with when it was last used, the form that makes one, and the end of one."""

from datetime import date
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse import clock
from warehouse.control import tenants
from warehouse.database.errors import WarehouseError
from warehouse.intake import keys
from warehouse.security.vault import Secret

PAGE_ROWS = 100


@for_roles("operator", "finance")
def show_keys(request: Request, visitor: Visitor) -> Response:
    """All keys by their public part, those that hold no more too."""
    return _page(request, visitor)


@form_for_roles("operator")
def make_key(request: Request, visitor: Visitor, form: Form) -> Response:
    """Make a key and show it, this one time."""
    refused = partial(_page, request, visitor, filled=form)
    tenant, last_day = form.get("tenant", "").strip() or None, form.get("last_day", "").strip()
    try:
        expires_at = keys.end_of(date.fromisoformat(last_day)) if last_day else None
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            if tenant is not None:
                tenants.require_tenant(connection, tenant)
            scopes = [scope for scope in keys.SCOPES if form.get(scope)]
            token, _ = keys.create(connection, tenant, scopes, clock.now(), expires_at)
    except ValueError:
        return refused("Its last day is written YYYY-MM-DD.")
    except WarehouseError as error:
        return refused(str(error))
    return _page(request, visitor, token=token, whose=tenant)


@form_for_roles("operator")
def end_key(request: Request, visitor: Visitor, form: Form) -> Response:
    """Take nothing under a key any more; what it pushed stays."""
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            keys.revoke(connection, form.get("key", ""), clock.now())
    except WarehouseError as error:
        return _page(request, visitor, str(error))
    return RedirectResponse("/keys", 303)


def _page(
    request: Request,
    visitor: Visitor,
    fault: str = "",
    *,
    filled: Form | None = None,
    token: Secret | None = None,
    whose: str | None = None,
) -> Response:
    words, now = request.query_params.get("q", "").strip(), clock.now()
    with readers(request).operator() as connection:
        found = [
            row
            for row in keys.listed(connection)
            if words in row["key_id"] or words.lower() in (row["tenant_id"] or "")
        ]
        known = tenants.names(connection)
        named = tenants.named(connection, (row["tenant_id"] for row in found))
    found.sort(key=lambda row: row["revoked_at"] is not None or (row["expires_at"] or now) < now)  # what is over, last
    paging = Paging(request, len(found), PAGE_ROWS)
    return render(
        "keys.html",
        status=409 if fault else 200,
        fault=fault,
        title="Keys",
        visitor=visitor,
        rows=found[paging.start : paging.end],
        paging=paging,
        words=words,
        now=now,
        tenants=known,
        named=named,
        filled=filled or {},
        token=token,
        whose=whose,
        days={scope: reach.days for scope, reach in keys.REACH.items()},
    )
