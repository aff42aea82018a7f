"""OpenRouter's activity as its reference has it: one completed day of the last 30, or all, for a management key."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

DAYS = 30


@dataclass
class Account:
    """`rows` of each day. `today`: the day on which questions come in. `is_management`: what kind of key it is."""

    rows: dict[date, list[dict[str, Any]]] = field(default_factory=dict)
    today: date = date(2026, 10, 10)
    is_management: bool = True


def error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"code": status, "message": message}}, status)


def routes(accounts: dict[str, Account]) -> list[Route]:
    """`accounts` by key."""

    async def activity(request: Request) -> Response:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        account = accounts.get(key)
        if scheme != "Bearer" or account is None:
            return error(401, "User not found.")
        if not account.is_management:
            return error(403, "Only management keys can perform this operation")
        asked = dict(request.query_params)
        if unknown := asked.keys() - {"date", "group_by", "api_key_hash", "user_id", "workspace_id"}:
            return error(400, f"Unrecognized key: {min(unknown)}")
        if asked.get("group_by", "workspace") != "workspace":
            return error(400, "Invalid option: expected one of 'workspace'")
        days = [account.today - timedelta(days=back) for back in range(1, DAYS + 1)]
        if "date" in asked:
            try:
                day = date.fromisoformat(asked["date"])
            except ValueError:
                return error(400, "Invalid date format. Please use YYYY-MM-DD.")
            if day not in days:
                return error(400, f"Date must be within the last {DAYS} (completed) UTC days")
            days = [day]
        rows = [row for day in days for row in account.rows.get(day, [])]
        if "group_by" not in asked:
            rows = [{name: value for name, value in row.items() if name != "workspace_id"} for row in rows]
        return JSONResponse({"data": rows})

    return [Route("/activity", activity)]
