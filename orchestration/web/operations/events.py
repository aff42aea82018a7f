"""The operator's page of outgoing events: each endpoint, and what was delivered to it, waits or was given up."""

from starlette.requests import Request
from starlette.responses import Response

from orchestration.web.access.auth import Visitor, for_roles, readers
from orchestration.web.rendering import render
from warehouse.outgoing import deliveries, endpoints

SHOWN = {"open": "that wait or were given up", "delivered": "that were delivered", "all": "all"}
_STATES = {"open": ("waiting", "dead"), "delivered": ("delivered",), "all": ("waiting", "dead", "delivered")}
ROWS = 200


@for_roles("operator", "finance")
def show_events(request: Request, visitor: Visitor) -> Response:
    """Endpoints, those revoked last, over the latest deliveries; of one endpoint where it is chosen."""
    asked = request.query_params.get("show", "open")
    shown = asked if asked in SHOWN else "open"
    chosen = request.query_params.get("endpoint", "")
    with readers(request).operator() as connection:
        found = endpoints.listed(connection)
        known = {row["endpoint_id"] for row in found}
        latest = deliveries.listed(connection, _STATES[shown], chosen if chosen in known else None, ROWS)
    return render(
        "events.html",
        title="Events",
        visitor=visitor,
        endpoints=found,
        deliveries=latest,
        shown=shown,
        choices=SHOWN,
        chosen=chosen,
        most=ROWS,
    )
