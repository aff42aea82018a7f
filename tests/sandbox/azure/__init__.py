"""Azure's login and cost management as the reference and issues of its clients have them: a token for a client's
secret, and one query, whose next pages want the same body again. It shortens and shifts ranges silently, as Azure does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

DIMENSIONS = {"ServiceName": "service", "Meter": "meter", "ResourceGroup": "group", "ResourceId": "resource"}
MONEY = {"Cost", "PreTaxCost", "CostUSD", "PreTaxCostUSD"}
TIMEFRAMES = {"Custom", "MonthToDate", "TheLastMonth"}
MOST_DAYS = 31


@dataclass(frozen=True)
class Charge:
    """What was charged on a day."""

    day: date
    cost: float
    meter: str = "gpt-4o Inp glbl Tokens"
    service: str = "Cognitive Services"
    group: str = "rg-acme"
    resource: str = "/subscriptions/s/resourceGroups/RG-Acme/providers/Microsoft.CognitiveServices/accounts/Acme"
    tags: Mapping[str, str] = field(default_factory=dict)
    currency: str = "USD"


@dataclass
class Directory:
    """One application with a secret in a directory, and what one scope was charged. `has_role`: whether it may read.
    `today`: the day on which questions come in. `per_page`: rows of a page. `login`, `tokens`: how often it signed in,
    and the tokens that are good.
    """

    client_id: str
    secret: str
    scope: str
    charges: list[Charge] = field(default_factory=list)
    has_role: bool = True
    today: date = date(2026, 10, 10)
    per_page: int = 1000
    expires_in: int = 3599
    logins: int = 0
    tokens: set[str] = field(default_factory=set)
    bodies: dict[str, Any] = field(default_factory=dict)


def error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)


def login_error(status: int, kind: str, words: str) -> Response:
    return JSONResponse({"error": kind, "error_description": words}, status)


def routes(directories: dict[str, Directory]) -> list[Route]:
    """`directories` by tenant id."""

    async def token(request: Request) -> Response:
        found = directories.get(request.path_params["tenant"])
        asked = dict(parse_qsl((await request.body()).decode()))
        if found is None:
            return login_error(400, "invalid_request", "AADSTS90002: Tenant not found.")
        if asked.get("grant_type") != "client_credentials" or not str(asked.get("scope", "")).endswith("/.default"):
            return login_error(
                400, "invalid_request", "AADSTS900144: The request body must contain grant_type and scope."
            )
        if asked.get("client_id") != found.client_id:
            return login_error(400, "unauthorized_client", "AADSTS700016: Application was not found in the directory.")
        if asked.get("client_secret") != found.secret:
            return login_error(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        found.logins += 1
        good = f"token-{found.logins}-of-the-sandbox"
        found.tokens = {good}
        return JSONResponse({"token_type": "Bearer", "expires_in": found.expires_in, "access_token": good})

    async def query(request: Request) -> Response:
        good = request.headers.get("authorization", "").removeprefix("Bearer ")
        found = next((one for one in directories.values() if good in one.tokens), None)
        if found is None:
            return error(401, "InvalidAuthenticationToken", "The access token is invalid.")
        scope = "/" + request.path_params["scope"]
        if scope.casefold() != found.scope.casefold():
            return error(404, "SubscriptionNotFound", "The subscription could not be found.")
        if not found.has_role:
            action = "Microsoft.CostManagement/query/action"
            return error(
                403, "AuthorizationFailed", f"The client does not have authorization to perform action '{action}'"
            )
        if not request.query_params.get("api-version"):
            return error(400, "MissingApiVersionParameter", "The api-version query parameter is required.")
        body = await request.body()
        skipped = request.query_params.get("$skiptoken")
        if not body or (skipped is not None and found.bodies.get(skipped) != json.loads(body)):
            return error(400, "BadRequest", "Invalid query definition: the dataset is missing or invalid.")
        try:
            columns, rows = answer(found, json.loads(body))
        except ValueError as fault:
            return error(400, "BadRequest", f"Invalid query definition: {fault}")
        first = int(skipped or 0)
        link = None
        if first + found.per_page < len(rows):
            following = str(first + found.per_page)
            found.bodies[following] = json.loads(body)
            link = str(request.url.include_query_params(**{"$skiptoken": following}))
        page = {"nextLink": link, "columns": columns, "rows": rows[first : first + found.per_page]}
        return JSONResponse({"id": "q", "type": "Microsoft.CostManagement/query", "properties": page})

    return [
        Route("/{tenant}/oauth2/v2.0/token", token, methods=["POST"]),
        Route("/{scope:path}/providers/Microsoft.CostManagement/query", query, methods=["POST"]),
    ]


def answer(directory: Directory, asked: Mapping[str, Any]) -> tuple[list[dict[str, str]], list[list[Any]]]:
    """Columns and rows. ValueError for a query that Azure refuses."""
    if asked.keys() - {"type", "timeframe", "timePeriod", "dataset"}:
        raise ValueError("an unknown member")
    dataset = asked["dataset"]
    if asked.get("type") not in {"ActualCost", "AmortizedCost", "Usage"} or dataset.get("granularity") != "Daily":
        raise ValueError("type or granularity")
    groups, aggregated = dataset.get("grouping", []), dataset["aggregation"]
    if len(groups) > 2 or len(aggregated) > 2:
        raise ValueError("at most two groups and two aggregations")
    if any(one["name"] not in MONEY or one["function"] != "Sum" for one in aggregated.values()):
        raise ValueError("aggregation")
    (money,) = (one["name"] for one in aggregated.values())
    if any(one["type"] not in {"Dimension", "TagKey"} for one in groups):
        raise ValueError("the kind of a group")
    if any(one["type"] == "Dimension" and one["name"] not in DIMENSIONS for one in groups):
        raise ValueError("a group")
    first, last = period(directory, asked)
    wanted = {}
    if "filter" in dataset:
        only = dataset["filter"]["dimensions"]
        if only["operator"] != "In" or only["name"] not in DIMENSIONS:
            raise ValueError("filter")
        wanted = {DIMENSIONS[only["name"]]: {value.casefold() for value in only["values"]}}
    sums: dict[tuple[Any, ...], Decimal] = {}
    for charge in directory.charges:
        if not first <= charge.day <= last:
            continue
        if any(getattr(charge, name).casefold() not in values for name, values in wanted.items()):
            continue
        grouped = [part for group in groups for part in of_group(charge, group)]
        key = (int(f"{charge.day:%Y%m%d}"), *grouped, charge.currency)
        sums[key] = sums.get(key, Decimal(0)) + Decimal(repr(charge.cost))
    named = [
        name for group in groups for name in (["TagKey", "TagValue"] if group["type"] == "TagKey" else [group["name"]])
    ]
    columns = [{"name": money, "type": "Number"}, {"name": "UsageDate", "type": "Number"}]
    columns += [{"name": name, "type": "String"} for name in (*named, "Currency")]
    return columns, [[float(cost), *key] for key, cost in sums.items()]


def period(directory: Directory, asked: Mapping[str, Any]) -> tuple[date, date]:
    """The days that are answered: a range beyond today is moved back, and one that is too long cut."""
    if asked["timeframe"] not in TIMEFRAMES:
        raise ValueError("timeframe")
    month = directory.today.replace(day=1)
    if asked["timeframe"] == "MonthToDate":
        return month, directory.today
    if asked["timeframe"] == "TheLastMonth":
        return (month - timedelta(days=1)).replace(day=1), month - timedelta(days=1)
    first, last = (date.fromisoformat(asked["timePeriod"][end][:10]) for end in ("from", "to"))
    if first > last:
        raise ValueError("timePeriod")
    beyond = max(timedelta(), last - directory.today)
    first, last = first - beyond, last - beyond
    return first, min(last, first + timedelta(days=MOST_DAYS - 1))


def of_group(charge: Charge, group: Mapping[str, str]) -> list[Any]:
    if group["type"] == "TagKey":
        return [group["name"], charge.tags.get(group["name"], "")]
    return [getattr(charge, DIMENSIONS[group["name"]])]
