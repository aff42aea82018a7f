"""Vapi as its specification and the published answers of real accounts have it: `GET /call`, `POST /analytics`.

`GET /call` lists at most `limit` calls (default 100, silently), newest first, and says nothing of those it left out.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from operator import ge, gt, itemgetter, le, lt
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sandbox.world import VapiAccount, World

EXACT = ("id", "assistantId", "phoneNumberId")
COMPARISONS: dict[str, tuple[str, Callable[[datetime, datetime], bool]]] = {
    f"{column}{suffix}": (column, compare)
    for column in ("createdAt", "updatedAt")
    for suffix, compare in (("Gt", gt), ("Ge", ge), ("Lt", lt), ("Le", le))
}
INVALID_KEY = "Invalid Key. Hot tip, you may be using the private key instead of the public key."
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def nest(code: int, message: str | list[str], error: str) -> Response:
    return JSONResponse({"message": message, "error": error, "statusCode": code}, code)


def routes(world: World) -> list[Route]:
    def account_of(request: Request) -> VapiAccount | Response:
        account = world.vapi.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if account is None or account.is_rejected:
            return nest(401, INVALID_KEY, "Unauthorized")
        return account if account.answers(time.monotonic()) else nest(429, "Too Many Requests", "Too Many Requests")

    async def list_calls(request: Request) -> Response:
        account = account_of(request)
        if isinstance(account, Response):
            return account
        query = dict(request.query_params)
        limit = query.pop("limit", "100")
        if not limit.isdigit() or int(limit) > 1000:
            return nest(400, ["limit must not be greater than 1000"], "Bad Request")
        if unknown := [name for name in query if name not in COMPARISONS and name not in EXACT]:
            return nest(400, [f"property {name} should not exist" for name in unknown], "Bad Request")
        calls = matching(account, query)
        calls.sort(key=itemgetter("createdAt"), reverse=True)
        return Response(msgspec.json.encode(calls[: int(limit)]), media_type="application/json")

    async def analytics(request: Request) -> Response:
        account = account_of(request)
        if isinstance(account, Response):
            return account
        return JSONResponse([answer(account, query) for query in (await request.json())["queries"]], 201)

    def listed(rows_of: Callable[[VapiAccount], list[dict[str, Any]]]) -> Callable[[Request], Awaitable[Response]]:
        """Of a list without pages, oldest last: at most `limit` rows, default 100."""

        async def answered(request: Request) -> Response:
            account = account_of(request)
            if isinstance(account, Response):
                return account
            query = dict(request.query_params)
            limit = query.pop("limit", "100")
            if not limit.isdigit() or int(limit) > 1000:
                return nest(400, ["limit must not be greater than 1000"], "Bad Request")
            if unknown := [name for name in query if name not in COMPARISONS]:
                return nest(400, [f"property {name} should not exist" for name in unknown], "Bad Request")
            rows = rows_of(account)
            for name, (column, compare) in COMPARISONS.items():
                if name in query:
                    bound = datetime.fromisoformat(query[name])
                    rows = [row for row in rows if compare(datetime.fromisoformat(row[column]), bound)]
            rows = sorted(rows, key=itemgetter("createdAt"), reverse=True)
            return JSONResponse(rows[: int(limit)])

        return answered

    async def campaigns(request: Request) -> Response:
        account = account_of(request)
        if isinstance(account, Response):
            return account
        page, limit = int(request.query_params.get("page", "1")), int(request.query_params.get("limit", "10"))
        counters = {} if request.query_params.get("includeCounters") == "true" else {"callMetrics", "contactCounters"}
        rows = [
            {name: value for name, value in campaign.items() if name not in counters}
            for campaign in account.campaigns[(page - 1) * limit : page * limit]
        ]
        has_next = page * limit < len(account.campaigns)
        return JSONResponse({"results": rows, "metadata": {"currentPage": page, "hasNextPage": has_next}})

    async def recording(request: Request) -> Response:
        """A link that is good for half an hour, while the account has the call."""
        account = account_of(request)
        if isinstance(account, Response):
            return account
        call_id = request.path_params["call"]
        if all(call["id"] != call_id for call in account.calls_between(FIRST, LAST)):
            return nest(404, "Couldn't Find Recording.", "Not Found")
        link = f"https://storage.vapi.example/{call_id}-mono.wav?X-Amz-Expires=1800&X-Amz-Signature=signed"
        return Response(status_code=302, headers={"location": link})

    return [
        Route("/call/{call}/mono-recording", recording),
        Route("/call", list_calls),
        Route("/analytics", analytics, methods=["POST"]),
        Route("/phone-number", listed(lambda account: account.numbers)),
        Route("/assistant", listed(lambda account: account.assistants)),
        Route("/v2/campaign", campaigns),
    ]


def matching(account: VapiAccount, query: dict[str, str]) -> list[dict[str, Any]]:
    bounds = {name: datetime.fromisoformat(value) for name, value in query.items() if name in COMPARISONS}
    start = max([at for name, at in bounds.items() if name in ("createdAtGe", "createdAtGt")], default=FIRST)
    ends = [
        bounds[name] + timedelta(milliseconds=name == "createdAtLe")
        for name in ("createdAtLt", "createdAtLe")
        if name in bounds
    ]
    calls = account.calls_between(start, min(ends, default=LAST))
    for name, bound in bounds.items():
        if name in ("createdAtGe", "createdAtLt"):  # held by the account already
            continue
        column, compare = COMPARISONS[name]
        calls = [call for call in calls if compare(datetime.fromisoformat(call[column]), bound)]
    return [call for call in calls if all(call.get(name) == query[name] for name in EXACT if name in query)]


def answer(account: VapiAccount, query: dict[str, Any]) -> dict[str, Any]:
    """Sums and counts over the whole range, or by day of it, those without calls left out; counts are told as strings,
    as a column store tells them.
    """
    span = query["timeRange"]
    end = "createdAtLe" if account.counts_end else "createdAtLt"
    calls = matching(account, {"createdAtGe": span["start"], end: span["end"]})
    if span.get("step") != "day":
        return {"name": query["name"], "timeRange": span, "result": [summed(calls, query)]}
    days = sorted({call["createdAt"][:10] for call in calls})
    result = [
        {"date": day, **summed([call for call in calls if call["createdAt"].startswith(day)], query)} for day in days
    ]
    return {"name": query["name"], "timeRange": span, "result": result}


def summed(calls: list[dict[str, Any]], query: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for operation in query["operations"]:
        name = f"{operation['operation']}{operation['column'].capitalize()}"
        if operation["operation"] == "count":
            result[name] = str(len(calls))
        else:
            result[name] = sum(call.get(operation["column"], 0) for call in calls)
    return result
