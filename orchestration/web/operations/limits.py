"""Spend limits: the amounts that raise an alert, as of a day, the form that sets one, and the end of one."""

from datetime import date

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse.control import tenants
from warehouse.currency import typed_amount
from warehouse.database.errors import WarehouseError
from warehouse.statements import quotas

PAGE_ROWS = 100


@for_roles("finance", "operator")
def show_limits(request: Request, visitor: Visitor) -> Response:
    """The limits that hold on a day, today unless another is asked for."""
    return _shown(request, visitor)


@form_for_roles("finance", "operator")
def set_limit(request: Request, visitor: Visitor, form: Form) -> Response:
    """Set what a tenant may spend in a period before anybody is warned; a refusal says why."""
    tenant = form.get("tenant", "").strip()
    try:
        since, amount = date.fromisoformat(form.get("from", "").strip()), typed_amount(form.get("amount", "").strip())
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            quotas.put_spend_limit(connection, tenant, since, amount)
    except ValueError:
        return _shown(request, visitor, "An amount such as 500 and a day as YYYY-MM-DD are needed.", form)
    except WarehouseError as error:
        return _shown(request, visitor, str(error), form)
    return _as_of(request, since)


@form_for_roles("finance", "operator")
def end_limit(request: Request, visitor: Visitor, form: Form) -> Response:
    """End a tenant's limit: from a day on it has none."""
    try:
        until = date.fromisoformat(form.get("on", "").strip())
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            quotas.put_spend_limit(connection, form.get("tenant", ""), until, None)
    except ValueError:
        return _shown(request, visitor, "The first day without it is written YYYY-MM-DD.")
    except WarehouseError as error:
        return _shown(request, visitor, str(error))
    return _as_of(request, None)


def _as_of(request: Request, since: date | None) -> Response:
    """To the page on which what was set is seen: one that begins later is not in force today."""
    is_later = since is not None and since > request.app.state.today()
    return RedirectResponse(f"/limits?on={since}" if is_later else "/limits", 303)


def _shown(request: Request, visitor: Visitor, fault: str = "", form: Form | None = None) -> Response:
    today = request.app.state.today()
    words = request.query_params.get("q", "").strip().lower()
    try:
        on = date.fromisoformat(request.query_params.get("on") or str(today))
    except ValueError:
        on = today
    with readers(request).operator() as connection:
        known = tenants.names(connection)
        named = {row["tenant_id"]: row["name"] for row in known}
        found = [
            row
            for row in quotas.spend_limits(connection, on)
            if words in row["tenant_id"] or words in named.get(row["tenant_id"], "").lower()
        ]
    paging = Paging(request, len(found), PAGE_ROWS)
    return render(
        "limits.html",
        status=409 if fault else 200,
        title="Limits",
        visitor=visitor,
        rows=found[paging.start : paging.end],
        paging=paging,
        named=named,
        words=words,
        on=on,
        today=today,
        tenants=known,
        filled=form or {},
        fault=fault,
    )
