"""OpenAI's costs and projects as its specification and clients that asked it have them: buckets by UTC day, each line
of them by what was grouped by; it refuses what OpenAI refuses, in its words where they are known.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

GROUPS = {"project_id", "line_item", "user_id", "api_key_id", "api_source"}
ONCE = {"start_time", "end_time", "bucket_width", "limit", "page"}
LISTS = {"group_by[]", "project_ids[]", "api_key_ids[]", "line_items[]"}
MOST_BUCKETS, USUAL_BUCKETS = 180, 7
KEYS_SINCE = 1764979200  # 2025-12-06: no line before names a key


@dataclass
class Organization:
    """`lines` of each day with everything that they could be grouped by; a day without any has an empty bucket, and one
    of `missing` has none. `may_read`: whether the key has the permission. `per_page`: buckets of a page at most.
    """

    organization_id: str = "org-sandbox"
    projects: dict[str, str] = field(default_factory=dict)
    lines: dict[date, list[dict[str, Any]]] = field(default_factory=dict)
    missing: set[date] = field(default_factory=set)
    may_read: bool = True
    per_page: int = MOST_BUCKETS


def error(status: int, message: str, code: str | None = None) -> Response:
    told = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JSONResponse({"error": told}, status)


def routes(organizations: dict[str, Organization]) -> list[Route]:
    """`organizations` by admin key."""

    def opened(request: Request) -> Organization | Response:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        found = organizations.get(key)
        if scheme != "Bearer" or found is None:
            return error(401, f"Incorrect API key provided: {key[:8]}***", "invalid_api_key")
        if request.headers.get("openai-organization", found.organization_id) != found.organization_id:
            words = "OpenAI-Organization header should match organization for API key"
            return error(401, words, "mismatched_organization")
        if not found.may_read:
            return error(403, "You have insufficient permissions for this operation. Missing scopes: api.usage.read.")
        return found

    async def costs(request: Request) -> Response:
        found = opened(request)
        if isinstance(found, Response):
            return found
        try:
            return JSONResponse(answer(found, request.query_params.multi_items()))
        except ValueError as fault:
            return error(400, str(fault))

    async def projects(request: Request) -> Response:
        found = opened(request)
        if isinstance(found, Response):
            return found
        after, limit = request.query_params.get("after", ""), int(request.query_params.get("limit", 20))
        if not 1 <= limit <= 100:
            return error(400, f"Invalid limit provided: {limit}. Limit must be less than or equal to 100.")
        later = sorted(one for one in found.projects if one > after)
        data = [{"object": "organization.project", "id": one, "name": found.projects[one]} for one in later[:limit]]
        last = data[-1]["id"] if data else None
        return JSONResponse({"object": "list", "data": data, "has_more": len(later) > limit, "last_id": last})

    return [Route("/organization/costs", costs), Route("/organization/projects", projects)]


def answer(organization: Organization, query: list[tuple[str, str]]) -> dict[str, Any]:
    """A page of buckets. ValueError for a question that OpenAI refuses."""
    names = [name for name, _ in query]
    for name in names:
        if name not in ONCE | LISTS or (name in ONCE and names.count(name) > 1):
            raise ValueError(f"Unknown parameter: '{name}'.")
    asked = {name: value for name, value in query if name in ONCE}
    groups = [value for name, value in query if name == "group_by[]"]
    limit = int(asked.get("limit", USUAL_BUCKETS))
    if not 1 <= limit <= MOST_BUCKETS:
        raise ValueError(f"Invalid limit provided: {limit}. Limit must be less than or equal to {MOST_BUCKETS}.")
    if asked.get("bucket_width", "1d") != "1d":
        raise ValueError("Invalid bucket_width: only '1d' is supported.")
    if unknown := set(groups) - GROUPS:
        raise ValueError(f"Invalid group_by: {min(unknown)}")
    if {"user_id", "project_id"} <= set(groups):
        raise ValueError("group_by user_id cannot be combined with project_id")
    if not asked.get("start_time", "").isdigit() or not asked.get("end_time", "0").isdigit():
        raise ValueError("start_time and end_time are Unix seconds")
    start = int(asked["start_time"])
    if "api_key_id" in groups and start < KEYS_SINCE:
        raise ValueError(f"group_by api_key_id is only supported for start_time on or after {KEYS_SINCE}")
    day = datetime.fromtimestamp(start, UTC).date()
    end = datetime.fromtimestamp(int(asked["end_time"]), UTC) if "end_time" in asked else None
    days = [day + timedelta(days=at) for at in range(limit)]
    days = [one for one in days if (end is None or midnight(one) < end) and one not in organization.missing]
    size = min(limit, organization.per_page)
    first = int(asked.get("page", "page_0").removeprefix("page_"))
    buckets = [bucket(one, organization.lines.get(one, []), groups) for one in days[first : first + size]]
    more = first + size < len(days)
    return {"object": "page", "data": buckets, "has_more": more, "next_page": f"page_{first + size}" if more else None}


def bucket(day: date, lines: list[dict[str, Any]], groups: list[str]) -> dict[str, Any]:
    """A day's lines; what was not grouped by is null in them."""
    hidden = dict.fromkeys(GROUPS - {*groups, "api_source"})
    shown = [{**line, **hidden} for line in lines]
    results = [{"object": "organization.costs.result", **line} for line in shown]
    start = int(midnight(day).timestamp())
    return {"object": "bucket", "start_time": start, "end_time": start + 86400, "results": results}


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
