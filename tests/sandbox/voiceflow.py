"""Voiceflow's v2 usage query as its documentation prints it: hourly rows in no order, opaque cursors, one odd envelope.

Both ends of the window are counted in: the documentation does not say, and this is the reading that hurts.
"""

from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sandbox.world import VoiceflowProject, World

METRICS = (
    "interactions", "unique_users", "credit_usage", "function_usage",
    "api_calls", "kb_documents", "integrations", "top_intents",
)  # fmt: skip
FIRST_CURSOR = 127_369_000


def routes(world: World) -> list[Route]:
    async def query_usage(request: Request) -> Response:
        asked = (await request.json())["data"]
        projects = world.voiceflow.get(request.headers.get("authorization", ""), {})
        project = projects.get(asked["filter"]["projectID"])
        if project is None:
            refused = "The provided authentication token does not have permissions for some of the requested resources"
            return JSONResponse({"message": refused}, 401)
        limit = asked["filter"].get("limit", 100)
        if asked["name"] not in METRICS or not 1 <= limit <= 500:
            return JSONResponse({"message": "Bad Request"}, 400)
        if asked["name"] == "top_intents":
            return JSONResponse({"result": {"intents": project.intents[:limit]}})
        return JSONResponse({"result": page(project, asked["name"], asked["filter"], limit)})

    return [Route("/v2/query/usage", query_usage, methods=["POST"])]


def page(project: VoiceflowProject, metric: str, narrowed: dict[str, Any], limit: int) -> dict[str, Any]:
    """A cursor is the number of the last row given; the page after the last row is empty and has none."""
    first = narrowed.get("cursor", FIRST_CURSOR) - FIRST_CURSOR
    found: list[tuple[int, dict[str, Any]]] = []
    for number, row in enumerate(project.rows.get(metric, [])[first:], first + 1):
        if matches(project, row, narrowed):
            found.append((number, row))
            if len(found) == limit:
                break
    items = [row for _, row in found]
    return {"cursor": FIRST_CURSOR + found[-1][0], "items": items} if found else {"items": []}


def matches(project: VoiceflowProject, row: dict[str, Any], narrowed: dict[str, Any]) -> bool:
    at = datetime.fromisoformat(row["period"])
    if "startTime" in narrowed and at < datetime.fromisoformat(narrowed["startTime"]):
        return False
    if "endTime" in narrowed and at > datetime.fromisoformat(narrowed["endTime"]):
        return False
    wanted = narrowed.get("projectEnvironmentIDOrAlias")
    return wanted is None or row["environmentID"] in (wanted, project.environments.get(wanted))
