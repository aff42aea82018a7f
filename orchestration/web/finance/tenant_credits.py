"""Credits: what tenants are owed, given and taken back by finance under the same guard as on the command line."""

from datetime import date

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse.control import tenant_credits, tenants
from warehouse.control.tenant_credits import Credit
from warehouse.currency import typed_amount
from warehouse.database.errors import WarehouseError

PAGE_ROWS = 100


@for_roles("finance")
def show_credits(request: Request, visitor: Visitor) -> Response:
    """All credits with what is left of each, and the form that gives one."""
    return _shown(request, visitor)


@form_for_roles("finance")
def give_credit(request: Request, visitor: Visitor, form: Form) -> Response:
    """Give a credit; a refusal says why, beside what was filled in."""
    try:
        credit = Credit(
            form.get("tenant", "").strip(),
            typed_amount(form.get("amount", "").strip()),
            date.fromisoformat(form.get("from", "").strip()),
            form.get("reason", "").strip(),
            date.fromisoformat(expires) if (expires := form.get("expires", "").strip()) else None,
        )
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            tenant_credits.give(connection, credit)
    except ValueError:
        return _shown(request, visitor, "An amount such as 50.00 and days as YYYY-MM-DD are needed.", form)
    except WarehouseError as error:
        return _shown(request, visitor, str(error), form)
    return RedirectResponse("/credits", 303)


@form_for_roles("finance")
def void_credit(request: Request, visitor: Visitor, form: Form) -> Response:
    """Take back what is left of a credit."""
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            tenant_credits.void(connection, request.path_params["credit"], form.get("reason", ""))
    except WarehouseError as error:
        return _shown(request, visitor, str(error))
    return RedirectResponse("/credits", 303)


def _shown(request: Request, visitor: Visitor, fault: str = "", form: Form | None = None) -> Response:
    tenant = request.query_params.get("tenant") or None
    with readers(request).operator() as connection:
        found = tenant_credits.credits_of(connection, request.app.state.today(), tenant)
        known = tenants.names(connection)
        named = tenants.named(connection, (row["tenant_id"] for row in found))
    paging = Paging(request, len(found), PAGE_ROWS)
    return render(
        "credits.html",
        status=409 if fault else 200,
        title="Credits",
        visitor=visitor,
        rows=found[paging.start : paging.end],
        paging=paging,
        tenant=tenant or "",
        tenants=known,
        named=named,
        filled=dict(form or {}),
        fault=fault,
    )
