"""One call: its facts, its units and the line they are in; for staff its route, its cost and its pulls too."""

from decimal import Decimal
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration.remedies.wording import difference, number
from orchestration.reports.in_words import call_in_a_day, rounding
from orchestration.web.access.auth import Visitor, for_roles, marts, readers
from orchestration.web.calls.listing import call_path, known_tenant, path_key, path_tenant
from orchestration.web.calls.meters import defined
from orchestration.web.rendering import render
from warehouse.calls import call_results, calls
from warehouse.calls.call_results import Turn
from warehouse.calls.calls import Call, Listed
from warehouse.control import agents
from warehouse.database.queries import Row
from warehouse.ingestion import history
from warehouse.privacy import personal
from warehouse.words import moment

MOST_PULLS = 20


@for_roles("finance", "operator", "tenant")
def show_call(request: Request, visitor: Visitor) -> Response:
    """One call of a tenant, told whole."""
    tenant, is_staff = path_tenant(request, visitor), not visitor.person.tenant_id
    with marts(request, visitor) as connection:
        known = known_tenant(connection, tenant)
        found = calls.find(connection, tenant, path_key(request), with_costs=is_staff)
        result = call_results.find(connection, tenant, path_key(request))
        turns = [] if is_staff else call_results.transcript(connection, tenant, path_key(request))
        agents = calls.agents(connection, tenant)
    if found is None:
        raise HTTPException(404, "There is no such call.")
    call, meters = found.call, defined(request, found.billed)
    return render(
        "call.html",
        title=f"Call of {moment(call.created_at)}",
        visitor=visitor,
        tenant=tenant,
        name=known["name"],
        currency=known["currency"],
        call=call,
        found=found,
        agent=agents.get(call.agent_id or "", call.agent_id),
        units=[
            (meters[one]["name"], rounding(call.connected_seconds or Decimal(0), units, meters[one]))
            for one, units in found.billed.items()
            if one in meters
        ],
        lines=[_line(found, day, meters, known["currency"]) for day in found.counted],
        statements="/periods/" + tenant if visitor.person.role == "finance" else "" if is_staff else "/usage",
        result=result,
        turns=_transcript(request, tenant, call) if visitor.person.role == "operator" else turns,
        may_listen=visitor.person.role != "finance",
        recording=call_path(tenant, call.place).replace("/calls/", "/recordings/", 1),
        stored=call_path(tenant, call.place).replace("/calls/", "/stored/", 1),
        may_read=visitor.person.role != "finance",
        behind=_behind(request, tenant, call) if is_staff else None,
    )


@for_roles("operator")
def show_stored(request: Request, visitor: Visitor) -> Response:
    """The JSON of one call as it was last stored; who asked is in the audit log."""
    tenant, key = path_tenant(request, visitor), path_key(request)
    with readers(request).operator(visitor.person.login_id) as connection:
        stored = call_results.stored(connection, tenant, key)
    if stored is None:
        raise HTTPException(404, "Nothing of this call is stored.")
    return Response(msgspec.json.format(stored, indent=2), media_type="application/json")


def _line(found: Listed, day: calls.Counted, meters: dict[str, Row], currency: str) -> dict[str, Any]:
    amount = f"{number(day.amount)} {currency}"
    meter = meters.get(day.meter_id, {"name": day.meter_id.replace("_", " "), "unit": "unit"})
    said = call_in_a_day(
        found.billed[day.meter_id], day.quantity, meter["unit"], day.overage_quantity, amount, day.usage_date
    )
    return {"period_start": day.period_start, "meter_id": day.meter_id, "meter": meter["name"], "said": said}


def _transcript(request: Request, tenant: str, call: Call) -> list[Turn]:
    """What was said, for an operator: no other staff reads it."""
    with readers(request).operator() as connection:
        return call_results.transcript(connection, tenant, call.key)


def _behind(request: Request, tenant: str, call: Call) -> dict[str, Any]:
    """For staff, what no mart holds: the route, the pulls of its day, and what the tenant has stored of a call."""
    day = call.usage_date
    with readers(request).operator() as connection:
        pulls = history.pulls(connection, day, day, [tenant], [call.source], at_most=MOST_PULLS)
        return {
            "route": calls.route(connection, tenant, call),
            "agents": {row["agent_id"]: row["name"] for row in agents.agents(connection, tenant)},
            "pulls": pulls,
            # Between pulls that brought rows: an operator compares raw rows, which no page may read.
            "difference": difference(tenant, call.source, day) if any(map(_is_superseded, pulls)) else "",
            "kept": personal.kept(connection, tenant),
        }


def _is_superseded(pull: Row) -> bool:
    return bool(pull["state"] == "superseded" and pull["purged_at"] is None)
