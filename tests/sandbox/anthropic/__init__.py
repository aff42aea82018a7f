"""Anthropic's administration API as its reference has it: costs and usage in buckets of a UTC day, the organisation and
its workspaces. It refuses what Anthropic refuses, a bearer and a day of the last 24 hours among it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

USUAL_BUCKETS, MOST_BUCKETS = 7, 31
BY_COST = {"workspace_id", "description"}
BY_USAGE = {
    "api_key_id",
    "workspace_id",
    "model",
    "service_tier",
    "context_window",
    "account_id",
    "inference_geo",
    "speed",
}
FILTERS = {"api_key_ids[]", "workspace_ids[]", "models[]", "service_tiers[]", "context_window[]"}
OF_ROWS = ("cost_type", "model", "service_tier", "token_type", "context_window", "inference_geo")


@dataclass
class Organization:
    """`costs` and `usage` of each day; a day of `missing` has no bucket. `now` is when questions come in: what began
    within 24 hours before is refused. `ends_before`: a bucket must end before ending_at, and not at it. `may_read`:
    whether the key is an admin's. `per_page`: buckets of a page.
    """

    name: str = "Sandbox"
    workspaces: dict[str, str] = field(default_factory=dict)
    costs: dict[date, list[dict[str, Any]]] = field(default_factory=dict)
    usage: dict[date, list[dict[str, Any]]] = field(default_factory=dict)
    missing: set[date] = field(default_factory=set)
    now: datetime = datetime(2100, 1, 1, tzinfo=UTC)
    ends_before: bool = False
    may_read: bool = True
    per_page: int = MOST_BUCKETS


def error(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"type": "error", "error": {"type": kind, "message": message}}, status)


def routes(organizations: Mapping[str, Organization]) -> list[Route]:
    """`organizations` by admin key."""

    def opened(request: Request) -> Organization | Response:
        if "anthropic-version" not in request.headers:
            return error(400, "invalid_request_error", "anthropic-version: header is required")
        found = organizations.get(request.headers.get("x-api-key", ""))
        if found is None:
            return error(401, "authentication_error", "invalid x-api-key")
        return found if found.may_read else error(403, "permission_error", "your API key may not use this resource")

    def buckets(request: Request, name: str, groups: set[str]) -> Response:
        found = opened(request)
        if isinstance(found, Response):
            return found
        try:
            return JSONResponse(answer(found, name, groups, request.query_params.multi_items()))
        except ValueError as fault:
            return error(400, "invalid_request_error", str(fault))

    async def costs(request: Request) -> Response:
        return buckets(request, "costs", BY_COST)

    async def usage(request: Request) -> Response:
        return buckets(request, "usage", BY_USAGE)

    async def me(request: Request) -> Response:
        found = opened(request)
        shown = {"id": "org-1", "type": "organization"}
        return found if isinstance(found, Response) else JSONResponse({**shown, "name": found.name})

    async def workspaces(request: Request) -> Response:
        found = opened(request)
        if isinstance(found, Response):
            return found
        after, limit = request.query_params.get("after_id", ""), int(request.query_params.get("limit", 20))
        later = sorted(one for one in found.workspaces if one > after)
        data = [{"type": "workspace", "id": one, "name": found.workspaces[one]} for one in later[:limit]]
        last = data[-1]["id"] if data else None
        return JSONResponse({"data": data, "has_more": len(later) > limit, "first_id": None, "last_id": last})

    return [
        Route("/organizations/cost_report", costs),
        Route("/organizations/usage_report/messages", usage),
        Route("/organizations/me", me),
        Route("/organizations/workspaces", workspaces),
    ]


def answer(organization: Organization, name: str, by: set[str], query: list[tuple[str, str]]) -> dict[str, Any]:
    """A page of buckets. ValueError for a question that Anthropic refuses."""
    once = {"starting_at", "ending_at", "bucket_width", "limit", "page"}
    for parameter, value in query:
        if parameter not in once | {"group_by[]"} | (FILTERS if name == "usage" else set()):
            raise ValueError(f"{parameter}: Extra inputs are not permitted")
        if parameter == "group_by[]" and value not in by:
            raise ValueError(f"group_by: Input should be one of {', '.join(sorted(by))}")
    asked = dict(query)
    limit = int(asked.get("limit", USUAL_BUCKETS))
    if not 1 <= limit <= MOST_BUCKETS:
        raise ValueError(f"limit: Input should be less than or equal to {MOST_BUCKETS}")
    if asked.get("bucket_width", "1d") != "1d":
        raise ValueError("bucket_width: Input should be '1d'")
    start, end = (
        instant(asked["starting_at"]),
        instant(asked["ending_at"]) if "ending_at" in asked else organization.now,
    )
    first = datetime.combine(start.date(), time(), UTC)
    if end < first + timedelta(days=1):
        raise ValueError("Invalid date range: ending date must be after starting date")
    if first > organization.now - timedelta(hours=24):
        raise ValueError("Invalid date range: starting_at must be before the last 24 hours")
    days = [first + timedelta(days=at) for at in range(limit)]
    last = end - timedelta(days=1) - (timedelta(microseconds=1) if organization.ends_before else timedelta())
    days = [one for one in days if one <= last and one.date() not in organization.missing]
    size, at = min(limit, organization.per_page), int(asked.get("page", "page_0").removeprefix("page_"))
    tiers = [value for parameter, value in query if parameter == "service_tiers[]"]
    held = organization.costs if name == "costs" else organization.usage
    groups = {value for parameter, value in query if parameter == "group_by[]"}
    data = [bucket(one, held.get(one.date(), []), groups, tiers) for one in days[at : at + size]]
    more = at + size < len(days)
    return {"data": data, "has_more": more, "next_page": f"page_{at + size}" if more else None}


def bucket(day: datetime, rows: list[dict[str, Any]], groups: set[str], tiers: list[str]) -> dict[str, Any]:
    """A day's rows; what was not grouped by is null in them."""
    shown = [row for row in rows if not tiers or row.get("service_tier") in tiers]
    hidden = {name for name in ("workspace_id", "description") if name not in groups}
    hidden |= set(OF_ROWS) if "description" not in groups and "model" not in groups else set()
    results = [{name: None if name in hidden else value for name, value in row.items()} for row in shown]
    written = "%Y-%m-%dT%H:%M:%SZ"
    ends = day + timedelta(days=1)
    return {"starting_at": day.strftime(written), "ending_at": ends.strftime(written), "results": results}


def instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text}: Input should have timezone info")
    return at
