"""Cartesia's usage of credits as its reference has it: buckets of UTC days, in all or by group."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

GROUPS = {"api_key", "model", "voice", "capability"}
ENCODE = msgspec.json.Encoder(decimal_format="number").encode


@dataclass
class Account:
    """`used`: credits by day and key; None for what is of no key. `is_admin`: what kind of key it is."""

    used: dict[date, dict[str | None, Decimal]] = field(default_factory=dict)
    is_admin: bool = True


def error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)


def routes(accounts: dict[str, Account]) -> list[Route]:
    """`accounts` by key."""

    async def credits_used(request: Request) -> Response:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        account = accounts.get(key)
        if scheme != "Bearer" or account is None:
            return error(401, "Invalid API key")
        if not account.is_admin:
            return error(403, "An admin key is required")
        asked = dict(request.query_params)
        if "cartesia-version" not in request.headers:
            return error(400, "Cartesia-Version header is required")
        if unknown := asked.keys() - {"start_ts", "end_ts", "interval", "group_by", "api_key_id"}:
            return error(400, f"Unknown parameter {min(unknown)}")
        if asked["interval"] != "day" or asked.get("group_by", "api_key") not in GROUPS:
            return error(400, "interval is day, and group_by a dimension")
        try:
            first, end = (datetime.fromisoformat(asked[name]).astimezone(UTC) for name in ("start_ts", "end_ts"))
        except ValueError:
            return error(400, "start_ts and end_ts are ISO 8601")
        if end - first > timedelta(days=366):
            return error(400, "a year at most")
        days = [day for day in account.used if first.date() <= day < end.date()]
        return Response(ENCODE(answer(account, days, asked.get("group_by"))), media_type="application/json")

    return [Route("/usage/credits", credits_used)]


def answer(account: Account, days: list[date], group_by: str | None) -> dict[str, Any]:
    if group_by is None:
        return {"data": [bucket(day, sum(account.used[day].values(), Decimal(0))) for day in days]}
    keys = dict.fromkeys(key for day in days for key in account.used[day] if key is not None)
    of_keys = {key: [bucket(day, account.used[day].get(key, Decimal(0))) for day in days] for key in keys}
    groups = [{"id": key, "label": "who it is", "buckets": buckets} for key, buckets in of_keys.items()]
    return {"group_by": group_by, "data": groups}


def bucket(day: date, used: Decimal) -> dict[str, Any]:
    """A UTC day."""
    end = day + timedelta(days=1)
    return {"start_ts": f"{day}T00:00:00.000Z", "end_ts": f"{end}T00:00:00.000Z", "credits": used}
