"""The page of outgoing events: each endpoint, the form that makes one, and what was delivered, waits or was lost."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.outgoing.contract import EVENTS
from orchestration.outgoing.opening import Opened, open_endpoint, renew
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse import clock
from warehouse.control import tenants
from warehouse.database.errors import WarehouseError
from warehouse.outgoing import deliveries, endpoints
from warehouse.outgoing.endpoints import EndpointRefused

SHOWN = {"open": "that wait or were given up", "delivered": "that were delivered", "all": "all"}
_STATES = {"open": ("waiting", "dead"), "delivered": ("delivered",), "all": ("waiting", "dead", "delivered")}
PAGE_ROWS = 100


@for_roles("operator", "finance")
def show_events(request: Request, visitor: Visitor) -> Response:
    """Endpoints, those revoked last, over the latest deliveries; of one endpoint where it is chosen."""
    return _page(request, visitor)


@form_for_roles("operator")
def add_endpoint(request: Request, visitor: Visitor, form: Form) -> Response:
    """Send others what happens from now on; the secret is shown this one time."""
    settings, types = request.app.state.settings, [name for name in EVENTS if form.get(name)]
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            tenant = form.get("tenant", "").strip() or None
            made = open_endpoint(
                settings, connection, form.get("url", "").strip(), types, tenant, clock.now(),
                has_content=bool(form.get("content")),
            )  # fmt: skip
    except WarehouseError as error:
        return _page(request, visitor, f"Nothing was made: {error}", filled=form)
    return _page(request, visitor, made=made)


@form_for_roles("operator")
def renew_endpoint(request: Request, visitor: Visitor, form: Form) -> Response:
    """Give an endpoint another secret, which is shown this one time."""
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            made = renew(request.app.state.settings, connection, form.get("endpoint", ""), clock.now())
    except WarehouseError as error:
        return _page(request, visitor, str(error))
    return _page(request, visitor, made=made)


@form_for_roles("operator")
def end_endpoint(request: Request, visitor: Visitor, form: Form) -> Response:
    """Send an endpoint nothing any more; what waits for it is dropped."""
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            endpoints.found(connection, form.get("endpoint", ""))
            endpoints.revoke(connection, form["endpoint"], clock.now())
    except WarehouseError as error:
        return _page(request, visitor, str(error))
    return RedirectResponse("/events", 303)


@form_for_roles("operator")
def replay(request: Request, visitor: Visitor, form: Form) -> Response:
    """Send an endpoint again what was given up."""
    endpoint_id = form.get("endpoint", "")
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            if endpoints.found(connection, endpoint_id)["state"] == "revoked":
                raise EndpointRefused(f"{endpoint_id} is revoked: make another endpoint.")
            deliveries.replay(connection, endpoint_id, clock.now())
    except WarehouseError as error:
        return _page(request, visitor, str(error))
    return RedirectResponse(f"/events?endpoint={endpoint_id}", 303)


def _page(
    request: Request, visitor: Visitor, fault: str = "", *, filled: Form | None = None, made: Opened | None = None
) -> Response:
    asked = request.query_params.get("show", "open")
    shown = asked if asked in SHOWN else "open"
    chosen = request.query_params.get("endpoint", "")
    with readers(request).operator() as connection:
        found = endpoints.listed(connection)
        known = {row["endpoint_id"] for row in found}
        names = tenants.names(connection)
        named = tenants.named(connection, (row["tenant_id"] for row in found))
        chosen = chosen if chosen in known else ""
        # How many there are is counted already, endpoint by endpoint.
        of = [row for row in found if chosen in ("", row["endpoint_id"])]
        paging = Paging(request, sum(row[state] for row in of for state in _STATES[shown]), PAGE_ROWS)
        latest = deliveries.listed(connection, _STATES[shown], chosen or None, limit=PAGE_ROWS, offset=paging.start)
    listeners = Paging(request, len(found), PAGE_ROWS, "endpoints")
    return render(
        "events.html",
        status=409 if fault else 200,
        fault=fault,
        made=made,
        filled=filled or {},
        tenants=names,
        named=named,
        event_types=EVENTS,
        title="Events",
        visitor=visitor,
        endpoints=found,
        listeners=listeners,
        shown_endpoints=found[listeners.start : listeners.end],
        paging=paging,
        deliveries=latest,
        shown=shown,
        choices=SHOWN,
        chosen=chosen,
    )
