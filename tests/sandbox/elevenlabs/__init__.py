"""ElevenLabs' workspace analytics as its SDK describes them: a table of credits, or of money from the day on which the
workspace is billed by cost. No published row is known: names of columns beside those that are documented are ours.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

BOUND = {
    "user_id", "hashed_xi_api_key", "region", "reporting_workspace_id", "billing_group_id", "product_type", "surface",
    "actor",
}  # fmt: skip
FREE = {"model", "request_source", "fiat_charge_type", "fiat_currency"}
OF_CREDITS = BOUND | FREE | {"voice_id", "resource_id", "subresource_id", "request_queue_type", "voice_multiplier"}
ENCODE = msgspec.json.Encoder(decimal_format="number").encode


@dataclass
class Workspace:
    """`rows` by day: values by dimension, and `amount`. `by_cost_from`: the first day billed by cost, None for never.
    `reads_analytics`: a permission of the key.
    """

    rows: dict[date, list[dict[str, Any]]] = field(default_factory=dict)
    by_cost_from: date | None = None
    currency: str = "usd"
    reads_analytics: bool = True


def error(code: int, status: str, message: str) -> Response:
    return JSONResponse({"detail": {"status": status, "message": message}}, code)


def routes(workspaces: dict[str, Workspace]) -> list[Route]:
    """`workspaces` by key."""

    async def query(request: Request) -> Response:
        workspace = workspaces.get(request.headers.get("xi-api-key", ""))
        if workspace is None:
            return error(401, "invalid_api_key", "Invalid API key")
        if not workspace.reads_analytics:
            words = "The API key you used is missing the permission workspace_analytics_read to execute this operation."
            return error(401, "missing_permissions", words)
        body, by_cost = await request.json(), request.url.path.endswith("/usage")
        known = {"start_time", "end_time", "interval_seconds", "group_by", "filters"} | (
            set() if by_cost else {"time_zone"}
        )
        groups = body.get("group_by", [])
        if body.keys() - known or set(groups) - (BOUND | FREE if by_cost else OF_CREDITS):
            return error(422, "invalid_parameters", "extra fields not permitted")
        if by_cost and (body["interval_seconds"] % 86_400 or len(BOUND & set(groups)) > 1):
            return error(400, "invalid_parameters", "whole days, and grouping by two of them requires a filter")
        first, last = (datetime.fromtimestamp(body[name] / 1000, UTC) for name in ("start_time", "end_time"))
        switch = workspace.by_cost_from
        if not by_cost and switch is not None and last.date() >= switch:
            return error(400, "billed_by_cost", "Use /v1/workspace/analytics/usage instead")
        if by_cost and switch is None:
            return error(400, "billed_in_credits", "Workspaces billed in credits use the other endpoint")
        return Response(ENCODE(table(workspace, first, last, groups, by_cost=by_cost)), media_type="application/json")

    paths = ("query/usage-by-product-over-time", "usage")
    return [Route(f"/v1/workspace/analytics/{path}", query, methods=["POST"]) for path in paths]


def table(workspace: Workspace, first: datetime, last: datetime, groups: list[str], *, by_cost: bool) -> dict[str, Any]:
    """A row per group and bucket, the bucket at the end of the range included; a name is appended to a hashed key."""
    amounts = ["total_cost", "total_charge_count"] if by_cost else ["credits"]
    units = [workspace.currency, None] if by_cost else ["credits"]
    rows = []
    for day, of_day in workspace.rows.items():
        if first.date() <= day <= last.date():
            at = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
            for row in of_day:
                used = [row["amount"], row.get("count", 1)] if by_cost else [row["amount"]]
                rows.append([at, *(row.get(group) for group in groups), *used, "a person"])
    return {
        "columns": ["timestamp", *groups, *amounts, "user_label"],
        "column_types": ["DateTime", *("String" for _ in groups), *("Float" for _ in amounts), "String"],
        "column_units": ["ms", *(None for _ in groups), *units, None],
        "rows": rows,
    }


def row(amount: str = "120", **values: Any) -> dict[str, Any]:
    """What a key used of a product and model."""
    known = {"hashed_xi_api_key": "hash-1", "product_type": "text_to_speech", "model": "eleven_flash_v2_5"}
    return known | values | {"amount": Decimal(amount)}
