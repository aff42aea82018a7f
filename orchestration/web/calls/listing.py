"""A tenant's calls, newest first: for staff of any tenant with what they cost, for a tenant its own without."""

import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration.reports.tables import FORMATS, csv_pieces
from orchestration.web.access.auth import Visitor, for_roles, marts, readers, spools
from orchestration.web.calls.meters import defined
from orchestration.web.finance.downloads import asked_day
from orchestration.web.rendering import render
from orchestration.web.server.spooling import SpoolResponse
from orchestration.web.server.turns import DOWNLOAD
from sources.checks.bounds import LONGEST_CALL
from sources.contracts import END_GROUPS
from warehouse.calls import call_results, call_search, calls
from warehouse.calls.call_filters import OUTCOMES, Filters, Key, Place
from warehouse.calls.calls import Listed
from warehouse.database.queries import Connection, Row
from warehouse.statements import statement
from warehouse.statements.periods import statements_of

PAGE_ROWS = 50
CSV_ROWS = 2_000
LONGEST_WORD = 200
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,12})?")
LONGEST_CALL_SECONDS = int(LONGEST_CALL.total_seconds())
COLUMNS = (
    "call_id", "source", "usage_date", "created_at", "started_at", "connected_seconds", "agent_id", "outcome",
    "direction", "ended_reason", "end_group", "campaign_id", "evaluation_state", "rating", "sentiment", "units",
    "line_ids", "overage_share",
)  # fmt: skip
COST_COLUMNS = ("currency", "cost", "cost_currency", "cost_basis", "margin")


@for_roles("finance", "operator", "tenant")
def show_calls(request: Request, visitor: Visitor) -> Response:
    """A page of a tenant's calls after a place in the list, as filtered."""
    tenant, place = path_tenant(request, visitor), _place(request)
    sees_costs = not visitor.person.tenant_id
    with marts(request, visitor) as connection:
        known = known_tenant(connection, tenant)
        periods = statements_of(connection, tenant)
        filters = _filters(request, periods, sees_costs)
        billed = calls.billed_meters(connection, tenant)
        found = _page(request, visitor, connection, tenant, filters, place, PAGE_ROWS + 1, billed)
        agents = calls.agents(connection, tenant)
        campaigns = call_results.campaigns(connection, tenant)
    meters = {one: row for one, row in defined(request, billed).items() if row["increment_seconds"]}
    shown = found[:PAGE_ROWS]
    return render(
        "calls.html",
        title=f"Calls of {known['name']}",
        visitor=visitor,
        tenant=tenant,
        name=known["name"],
        currency=known["currency"],
        sees_costs=sees_costs,
        rows=shown,
        agents=agents,
        campaigns=campaigns,
        meters=meters,
        periods=periods,
        asked=asked_parameters(request),
        outcomes=OUTCOMES,
        end_groups=END_GROUPS,
        is_later=place is not None,
        newest=_address(request),
        older=_address(request, shown[-1].call.place.text) if len(found) > PAGE_ROWS else "",
        as_csv=_address(request, path=f"/tenants/{tenant}/calls.csv"),
        link=call_path,
    )


@for_roles("finance", "operator", "tenant", kind=DOWNLOAD)
def download(request: Request, visitor: Visitor) -> Response:
    """All calls that the filters leave as CSV, with costs for staff alone."""
    tenant, sees_costs = path_tenant(request, visitor), not visitor.person.tenant_id
    with spools(request).filling(visitor.person.login_id) as spool:
        with marts(request, visitor, DOWNLOAD) as connection:
            known = known_tenant(connection, tenant)
            filters = _filters(request, statements_of(connection, tenant), sees_costs)
            found = _all(request, visitor, connection, tenant, filters)
            lines = (_line(each, known["currency"], sees_costs) for each in found)
            for piece in csv_pieces(COLUMNS + (COST_COLUMNS if sees_costs else ()), lines):
                spool.write(piece.encode())
        return SpoolResponse(spool, FORMATS["csv"], f"calls-{tenant}.csv")


def path_tenant(request: Request, visitor: Visitor) -> str:
    """The tenant in the address. Raises HTTPException 404 where a tenant asks for another's."""
    asked: str = request.path_params["tenant"]
    if visitor.person.tenant_id not in (None, asked):
        raise HTTPException(404)
    return asked


def path_key(request: Request) -> Key:
    """The call in the address. Raises HTTPException 404 where its day is none."""
    try:
        day = date.fromisoformat(request.path_params["day"])
    except ValueError:
        raise HTTPException(404) from None
    return day, request.path_params["source"], request.path_params["call"]


def known_tenant(connection: Connection, tenant: str) -> Row:
    """A tenant's name and currency. Raises HTTPException 404."""
    known = statement.tenant(connection, tenant)
    if known is None:
        raise HTTPException(404, f"There is no tenant {tenant}.")
    return {**known, "name": known["name"] or tenant, "currency": known["currency"] or ""}


def call_path(tenant: str, place: Place) -> str:
    """The address of a call."""
    return f"/tenants/{tenant}/calls/{place.usage_date}/{quote(place.source, safe='')}/{quote(place.call_id, safe='')}"


def _page(
    request: Request,
    visitor: Visitor,
    connection: Connection,
    tenant: str,
    filters: Filters,
    place: Place | None,
    limit: int,
    meters: Sequence[str],
) -> list[Listed]:
    """The next calls of a tenant: by words where there are some, which no staff but operators may search."""
    is_tenant = visitor.person.tenant_id is not None
    costs = not is_tenant
    if not filters.words:
        return calls.page(connection, tenant, filters, place, limit, meters=meters, with_costs=costs)
    if visitor.person.role == "finance":
        raise HTTPException(403, "What was said is searched by the tenant and by operators alone.")
    if filters.number or filters.meter_id:
        raise HTTPException(400, "Search words together with anything but an id and a meter: leave these two empty.")
    with nullcontext(connection) if is_tenant else readers(request).operator() as searching:
        keys = call_search.search(searching, tenant, filters, place, limit, is_tenant=is_tenant)
    return calls.of_keys(connection, tenant, keys, meters=meters, with_costs=costs)


def _all(request: Request, visitor: Visitor, connection: Connection, tenant: str, filters: Filters) -> Iterator[Listed]:
    place: Place | None = None
    meters = calls.billed_meters(connection, tenant)
    while found := _page(request, visitor, connection, tenant, filters, place, CSV_ROWS, meters):
        yield from found
        if len(found) < CSV_ROWS:
            return
        place = found[-1].call.place


def _line(each: Listed, currency: str, sees_costs: bool) -> list[object]:
    call = each.call
    of_call: list[object] = [
        call.call_id,
        call.source,
        str(call.usage_date),
        _instant(call.created_at),
        _instant(call.started_at),
        call.connected_seconds,
        call.agent_id,
        call.outcome,
        call.direction,
        call.ended_reason,
        call.end_group,
        call.campaign_id,
        call.evaluation_state,
        call.rating,
        call.sentiment,
        dict(each.billed),
        " ".join(sorted({line.line_id for line in each.counted})),
        each.share,
    ]
    if not sees_costs:
        return of_call
    bases = ", ".join(sorted({one.basis for one in each.components}))
    return [*of_call, currency, each.cost, each.cost_currency, bases, each.margin(currency)]


def _instant(at: Any) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


def asked_filters(request: Request, sees_costs: bool) -> Filters:
    """The filters in the address. Raises HTTPException 400 for what none can be, 403 for a cost that is not theirs."""
    cost_from, cost_to = _amount(request, "dearer"), _amount(request, "cheaper")
    if not sees_costs and (cost_from is not None or cost_to is not None):
        raise HTTPException(403, "What a call cost is seen by staff alone.")
    return Filters(
        first_day=asked_day(request, "from") or date.min,
        last_day=asked_day(request, "to") or date.max,
        agent_id=asked_text(request, "agent"),
        number=asked_text(request, "number"),
        meter_id=asked_text(request, "meter"),
        outcome=asked_text(request, "status"),
        words=asked_text(request, "words"),
        campaign_id=asked_text(request, "campaign"),
        customer=asked_text(request, "customer"),
        end_group=asked_text(request, "end"),
        at_least=_seconds(request, "longer"),
        at_most=_seconds(request, "shorter"),
        cost_from=cost_from,
        cost_to=cost_to,
    )


def _filters(request: Request, periods: Sequence[Row], sees_costs: bool) -> Filters:
    filters = asked_filters(request, sees_costs)
    if start := asked_day(request, "period"):
        ends = {row["period_start"]: row["period_end"] for row in periods}
        if start not in ends:
            raise HTTPException(404, "There is no statement of that period.")
        filters = replace(
            filters,
            first_day=max(filters.first_day, start),
            last_day=min(filters.last_day, ends[start] - timedelta(days=1)),
        )
    return filters


def asked_text(request: Request, name: str) -> str | None:
    """A parameter of the address; None where it is empty. Raises HTTPException 400 for one that is too long."""
    value = request.query_params.get(name, "").strip()
    if len(value) > LONGEST_WORD:
        raise HTTPException(400, f"Nothing of ours is longer than {LONGEST_WORD} characters.")
    return value or None


def _seconds(request: Request, name: str) -> int | None:
    value = request.query_params.get(name, "").strip()
    if value and not (value.isascii() and value.isdigit() and int(value) <= LONGEST_CALL_SECONDS):
        raise HTTPException(400, f"A length of a call is a number of seconds up to {LONGEST_CALL_SECONDS}.")
    return int(value) if value else None


def _amount(request: Request, name: str) -> Decimal | None:
    value = request.query_params.get(name, "").strip()
    if value and not _AMOUNT.fullmatch(value):
        raise HTTPException(400, "A cost is a number such as 0.25.")
    return Decimal(value) if value else None


def _place(request: Request) -> Place | None:
    asked = request.query_params.get("after")
    try:
        return Place.parse(asked) if asked else None
    except (ValueError, OverflowError):
        raise HTTPException(400, "That is no place in this list: start with its newest.") from None


def asked_parameters(request: Request) -> dict[str, str]:
    """The filters in the address, those that are given."""
    names = (
        "period", "from", "to", "agent", "number", "meter", "status", "end", "campaign", "customer", "longer",
        "shorter", "dearer", "cheaper", "words",
    )  # fmt: skip
    return {name: value for name in names if (value := request.query_params.get(name, "").strip())}


def _address(request: Request, after: str = "", path: str = "") -> str:
    asked = asked_parameters(request) | ({"after": after} if after else {})
    return (path or request.url.path) + ("?" + urlencode(asked) if asked else "")
