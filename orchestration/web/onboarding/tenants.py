"""The tenants, and the form that creates one."""

from datetime import date

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form, whole_number
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse.control import plans, tenants
from warehouse.control.tenants import Tenant
from warehouse.database.errors import WarehouseError

PAGE_ROWS = 100


@for_roles("operator", "finance")
def show_tenants(request: Request, visitor: Visitor) -> Response:
    """All tenants with status and plan as of today."""
    return _shown(request, visitor)


@form_for_roles("operator", "finance")
def create(request: Request, visitor: Visitor, form: Form) -> Response:
    """Create a tenant, active from its first billed day on, and go on to what it needs; a refusal says why."""
    try:
        tenant = Tenant(
            form.get("tenant", "").strip(),
            form.get("name", "").strip(),
            form.get("currency", "").strip().upper(),
            whole_number(form, "anchor_day", 1),
        )
        activated_on = date.fromisoformat(form.get("activated_on", "").strip())
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            tenants.put_tenant(connection, tenant, is_new=True)
            tenants.activate(connection, tenant.tenant_id, activated_on)
    except ValueError:
        return _shown(request, visitor, "A first billed day is YYYY-MM-DD, and an anchor day from 1 to 28.", form)
    except WarehouseError as error:
        return _shown(request, visitor, str(error), form)
    return RedirectResponse(f"/onboarding/{tenant.tenant_id}", 303)


def _shown(request: Request, visitor: Visitor, fault: str = "", form: Form | None = None) -> Response:
    words = request.query_params.get("q", "").strip().lower()
    today = request.app.state.today()
    with readers(request).operator() as connection:
        known = [row for row in tenants.tenants_on(connection, today) if not row["is_canary"]]
        named_plans = {row["plan_id"]: row["name"] for row in plans.plans_on(connection, today)}
    found = [row for row in known if words in row["tenant_id"] or words in row["name"].lower()]
    paging = Paging(request, len(found), PAGE_ROWS)
    return render(
        "tenants.html",
        status=409 if fault else 200,
        title="Tenants",
        visitor=visitor,
        rows=found[paging.start : paging.end],
        paging=paging,
        is_any=bool(known),
        words=words,
        plans=named_plans,
        fault=fault,
        filled=dict(form or {}),
        first_day=today.replace(day=1),
    )
