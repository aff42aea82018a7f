"""What the test kit of sources needs to know of Anthropic."""

from datetime import timedelta
from typing import Any

import msgspec

from sources import anthropic
from sources.testing import DAY, Answer, Kit, Request

PER_PAGE = 2


def line(
    item: str, cents: object = "123.78912", workspace: str | None = "wrkspc_a", **more: object
) -> dict[str, object]:
    """A line as Anthropic answers it, in cents."""
    told = {"currency": "USD", "amount": cents, "workspace_id": workspace, "description": item, "cost_type": "tokens"}
    return told | more


def answer(request: Request, rows: list[Any]) -> Answer:
    """The day's bucket, two lines on each of its pages; nothing ran on the priority tier."""
    if "usage_report" in request.path:
        return 200, msgspec.json.encode({"data": [], "has_more": False, "next_page": None})
    first = int(request.query.partition("&page=page_")[2] or 0)
    more = first + PER_PAGE < len(rows)
    bucket = {
        "starting_at": f"{DAY}T00:00:00Z",
        "ending_at": f"{DAY + timedelta(days=1)}T00:00:00Z",
        "results": rows[first : first + PER_PAGE],
    }
    next_page = f"page_{first + PER_PAGE}" if more else None
    return 200, msgspec.json.encode({"data": [bucket], "has_more": more, "next_page": next_page})


DAY_OF_KIT = [
    line("Input Tokens"),
    line("Output Tokens", "0.5"),
    line("Web Search", "1000", None, cost_type="web_search"),
]
KITS = {
    "anthropic_costs": Kit(
        source=anthropic.COSTS,
        answer=answer,
        day=list[object](DAY_OF_KIT),
        changed=[*DAY_OF_KIT[:2], line("Web Search", "1001", None, cost_type="web_search")],
        wrong=line("Batch Tokens", 12.5),
    )
}
