"""Voiceflow's v2 usage query as its documentation prints it: hourly rows in no order, opaque cursors, one odd envelope;
and its "stable" analytics, whose rows do not say which environment they are of.

Transcripts are searched by offset, without a total, and told one by one with what was said.

Both ends of the window are counted in: the documentation does not say, and this is the reading that hurts.
"""

from datetime import datetime
from operator import itemgetter
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sandbox.world import VoiceflowProject, World

METRICS = (
    "interactions", "unique_users", "credit_usage", "function_usage",
    "api_calls", "kb_documents", "integrations", "top_intents",
)  # fmt: skip
STABLE_METRICS = ("interaction-count", "call-count", "call-duration", "transcript-cost", "token-usage")
STABLE_ENDS = ("startDate", "endDate")
STABLE_FIELDS = {*STABLE_ENDS, "interval", "timezone", "version", "environmentAlias"}
FIRST_CURSOR = 127_369_000
REFUSED = "The provided authentication token does not have permissions for some of the requested resources"
ONLY_TOLD_WHOLE = ("logs", "history")


def routes(world: World) -> list[Route]:
    async def query_usage(request: Request) -> Response:
        asked = (await request.json())["data"]
        projects = world.voiceflow.get(request.headers.get("authorization", ""), {})
        project = projects.get(asked["filter"]["projectID"])
        if project is None:
            return JSONResponse({"message": REFUSED}, 401)
        limit = asked["filter"].get("limit", 100)
        if asked["name"] not in METRICS or not 1 <= limit <= 500:
            return JSONResponse({"message": "Bad Request"}, 400)
        if asked["name"] == "top_intents":
            return JSONResponse({"result": {"intents": project.intents[:limit]}})
        return JSONResponse({"result": page(project, asked["name"], asked["filter"], limit)})

    def project_of(request: Request, project_id: str) -> VoiceflowProject | None:
        return world.voiceflow.get(request.headers.get("authorization", ""), {}).get(project_id)

    def is_token(request: Request) -> bool:
        return request.headers["authorization"].startswith("Bearer vfp_")

    async def query_stable(request: Request) -> Response:
        asked = await request.json()
        metric, project = request.path_params["metric"], project_of(request, request.path_params["project_id"])
        if project is None or not is_token(request):
            return JSONResponse({"message": "Unauthorized"}, 401)
        is_known = asked.keys() <= STABLE_FIELDS and asked.get("interval") in ("hour", "day")
        if metric not in STABLE_METRICS or not is_known or not all(asked[end].endswith("Z") for end in STABLE_ENDS):
            return JSONResponse({"message": "Bad Request"}, 400)
        return JSONResponse({"rows": stable_rows(project, metric, asked)})

    async def search_transcripts(request: Request) -> Response:
        asked, params = await request.json(), request.query_params
        if (project := project_of(request, request.path_params["project_id"])) is None:
            return JSONResponse({"message": REFUSED}, 401)
        found = transcripts_between(project, asked)
        found.sort(key=itemgetter("createdAt"), reverse=params.get("order", "DESC") == "DESC")
        return transcript_page(asked, found, int(params.get("take", 25)), int(params.get("skip", 0)))

    async def search_stable_transcripts(request: Request) -> Response:
        asked = await request.json()
        project = project_of(request, request.query_params["projectID"])
        if project is None or not is_token(request):
            return JSONResponse({"message": "Unauthorized"}, 401)
        if not asked.keys() <= {*STABLE_ENDS, "take", "skip", "version", "environmentAlias", "sessionID", "filters"}:
            return JSONResponse({"message": "Bad Request"}, 400)
        found = transcripts_between(project, asked)
        found.sort(key=itemgetter("createdAt"), reverse=True)
        reported = [{"userID": "u", "version": "published", "environmentAlias": "production", **one} for one in found]
        for one in reported:
            one.pop("environmentID", None)
        return transcript_page(asked, reported, asked.get("take", 20), asked.get("skip", 0))

    async def get_transcript(request: Request) -> Response:
        projects = world.voiceflow.get(request.headers.get("authorization", ""), {})
        for one in (one for project in projects.values() for one in project.transcripts):
            if one["id"] == request.path_params["transcript_id"]:
                return JSONResponse({"transcript": one})
        return JSONResponse({"message": "Not Found"}, 404)

    async def get_stable_transcript(request: Request) -> Response:
        project = project_of(request, request.query_params["projectID"])
        if project is None or not is_token(request):
            return JSONResponse({"message": "Unauthorized"}, 401)
        for one in project.transcripts:
            if one["id"] == request.path_params["transcript_id"]:
                reported = {name: value for name, value in one.items() if name != "environmentID"}
                return JSONResponse({"transcript": reported})
        return JSONResponse({"message": "Not Found"}, 404)

    return [
        Route("/v1/transcript/project/{project_id}", search_transcripts, methods=["POST"]),
        Route("/v1/transcript/{transcript_id}", get_transcript, methods=["GET"]),
        Route("/v1/stable/transcript/search", search_stable_transcripts, methods=["POST"]),
        Route("/v1/stable/transcript/{transcript_id}", get_stable_transcript, methods=["GET"]),
        Route("/v2/query/usage", query_usage, methods=["POST"]),
        Route("/v1/stable/analytics/query/{metric}/project/{project_id}", query_stable, methods=["POST"]),
    ]


def transcripts_between(project: VoiceflowProject, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Without what was said; both ends are counted in."""
    start, end = (datetime.fromisoformat(asked[name]) for name in STABLE_ENDS)
    found = [one for one in project.transcripts if start <= datetime.fromisoformat(one["createdAt"]) <= end]
    return [{name: value for name, value in one.items() if name not in ONLY_TOLD_WHOLE} for one in found]


def transcript_page(asked: dict[str, Any], found: list[dict[str, Any]], take: int, skip: int) -> Response:
    if not 1 <= take <= 100 or skip < 0 or not all(asked[end].endswith("Z") for end in STABLE_ENDS):
        return JSONResponse({"message": "Bad Request"}, 400)
    return JSONResponse({"transcripts": found[skip : skip + take]})


def stable_rows(project: VoiceflowProject, metric: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the window that fit the question, summed by day and by model where there is one."""
    start, end = (datetime.fromisoformat(asked[name]) for name in STABLE_ENDS)
    summed: dict[tuple[str, ...], dict[str, Any]] = {}
    for held in project.stable.get(metric, []):
        if not start <= datetime.fromisoformat(held.row["intervalStartDate"]) <= end:
            continue
        if asked.get("environmentAlias", held.environment) != held.environment:
            continue
        if asked.get("version", held.version) != held.version:
            continue
        numbers = {name: value for name, value in held.row.items() if isinstance(value, int | float)}
        told_by = {name: value for name, value in held.row.items() if name not in numbers}
        row = summed.setdefault(tuple(map(str, told_by.values())), told_by)
        row |= {name: row.get(name, 0) + value for name, value in numbers.items()}
    return list(summed.values())


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
