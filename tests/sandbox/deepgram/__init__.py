"""Deepgram's billing breakdown as its SDK and its stubs have it."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ENCODE = msgspec.json.Encoder(decimal_format="number").encode
GROUPS = ("accessor", "deployment", "line_item", "tags")


@dataclass
class Project:
    """`rows` of the finest grouping, by day. `may_read_billing`: a scope of the key. `counts_end`: the end of what is
    asked for is in the answer; nothing says so of Deepgram.
    """

    key: str
    rows: dict[date, list[dict[str, Any]]] = field(default_factory=dict)
    may_read_billing: bool = True
    counts_end: bool = True


def error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"err_code": code, "err_msg": message, "request_id": "r1"}, status)


def routes(projects: dict[str, Project]) -> list[Route]:
    """`projects` by id."""

    async def breakdown(request: Request) -> Response:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Token" or key not in {project.key for project in projects.values()}:
            return error(401, "INVALID_AUTH", "Invalid credentials.")
        project = projects.get(request.path_params["project"])
        if project is None or project.key != key:
            return error(404, "PROJECT_NOT_FOUND", "Project not found.")
        if not project.may_read_billing:
            return error(403, "INSUFFICIENT_PERMISSIONS", "User does not have sufficient permissions.")
        asked = request.query_params
        if unknown := asked.keys() - {"start", "end", "accessor", "deployment", "tag", "line_item", "grouping"}:
            return error(400, "Bad Request", f"Unknown parameter {min(unknown)}")
        groups = asked.getlist("grouping")
        try:
            first, last = date.fromisoformat(asked["start"]), date.fromisoformat(asked["end"])
        except ValueError:
            return error(400, "Bad Request", "start and end are dates")
        if set(groups) - set(GROUPS):
            return error(400, "Bad Request", "unknown grouping")
        return Response(ENCODE(answer(project, first, last, groups)), media_type="application/json")

    return [Route("/v1/projects/{project}/billing/breakdown", breakdown)]


def answer(project: Project, first: date, last: date, groups: list[str]) -> dict[str, Any]:
    """Sums by day and by what is grouped by; a set of tags is one group."""
    sums: dict[bytes, Decimal] = defaultdict(Decimal)
    for day, rows in project.rows.items():
        if first <= day <= last and (project.counts_end or day < last):
            for row in rows:
                known = {name: row[name] if name in groups else None for name in GROUPS}
                sums[msgspec.json.encode({"start": str(day), "end": str(day), **known})] += row["dollars"]
    results = [{"dollars": dollars, "grouping": msgspec.json.decode(group)} for group, dollars in sums.items()]
    return {"start": str(first), "end": str(last), "resolution": {"units": "day", "amount": 1}, "results": results}


def row(dollars: str = "0.25", **groups: Any) -> dict[str, Any]:
    """What one key was charged for one line item."""
    known = {"accessor": "key-1", "deployment": "hosted", "line_item": "streaming::nova-3", "tags": []}
    return known | groups | {"dollars": Decimal(dollars)}
