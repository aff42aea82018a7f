"""Whose calls: the tenants to choose from; and for operators what was said in the calls of all of them."""

from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.web.access.auth import Visitor, for_roles, marts, readers
from orchestration.web.calls.listing import PAGE_ROWS, asked_filters, asked_parameters, asked_text, call_path
from orchestration.web.rendering import render
from sources.contracts import END_GROUPS
from warehouse.calls import call_search, calls
from warehouse.calls.call_filters import OUTCOMES, Filters, Place
from warehouse.calls.call_search import Found

TENANTS_SHOWN = 50


@for_roles("finance", "operator", "tenant")
def show_tenants(request: Request, visitor: Visitor) -> Response:
    """Whose calls: a tenant's own, or for staff the tenants to choose from, and what an operator searched in all."""
    if visitor.person.tenant_id:
        return RedirectResponse(f"/tenants/{visitor.person.tenant_id}/calls", 303)
    filters = asked_filters(request, sees_costs=True)
    if filters.words:
        return _show_found(request, visitor, filters)
    words = asked_text(request, "q") or ""
    with marts(request, visitor) as connection:
        found = calls.tenants_named(connection, words, TENANTS_SHOWN + 1)
    return render(
        "calls_tenants.html",
        title="Calls",
        visitor=visitor,
        rows=found[:TENANTS_SHOWN],
        has_more=len(found) > TENANTS_SHOWN,
        words=words,
        outcomes=OUTCOMES,
        end_groups=END_GROUPS,
        asked={},
    )


def _show_found(request: Request, visitor: Visitor, filters: Filters) -> Response:
    if visitor.person.role != "operator":
        raise HTTPException(403, "What was said is searched by the tenant and by operators alone.")
    place = _place(request)
    with readers(request).operator(visitor.person.login_id) as connection:
        found = call_search.search_all(connection, filters, place, PAGE_ROWS + 1)
    shown = found[:PAGE_ROWS]
    return render(
        "calls_found.html",
        title="Calls of all tenants",
        visitor=visitor,
        rows=shown,
        asked=asked_parameters(request),
        outcomes=OUTCOMES,
        end_groups=END_GROUPS,
        is_later=place is not None,
        newest=_address(request),
        older=_address(request, shown[-1]) if len(found) > PAGE_ROWS else "",
        link=call_path,
    )


def _place(request: Request) -> tuple[str, Place] | None:
    """The tenant and its call that an address begins after."""
    asked = request.query_params.get("after")
    if not asked:
        return None
    tenant, _, place = asked.partition("~")
    try:
        return tenant, Place.parse(place)
    except (ValueError, OverflowError):
        raise HTTPException(400, "That is no place in this list: start with its newest.") from None


def _address(request: Request, last: Found | None = None) -> str:
    asked = asked_parameters(request)
    return "/calls?" + urlencode(asked | ({"after": f"{last.tenant_id}~{last.place.text}"} if last else {}))
