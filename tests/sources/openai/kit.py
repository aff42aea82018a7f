"""What the test kit of sources needs to know of OpenAI."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from sources import openai
from sources.testing import DAY, Answer, Kit, Request

START = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp())
PER_PAGE = 2


def line(item: str, value: object = 0.25, project: str | None = "proj_a", **more: object) -> dict[str, object]:
    """A line as OpenAI answers it."""
    amount = {"value": value, "currency": "usd"}
    return {"object": "organization.costs.result", "amount": amount, "line_item": item, "project_id": project} | more


def answer(request: Request, rows: list[Any]) -> Answer:
    """The day's bucket, two lines on each of its pages."""
    first = int(request.query.partition("&page=page_")[2] or 0)
    more = first + PER_PAGE < len(rows)
    bucket = {"object": "bucket", "start_time": START, "end_time": START + 86400, "results": rows[first : first + 2]}
    next_page = f"page_{first + PER_PAGE}" if more else None
    return 200, msgspec.json.encode({"object": "page", "data": [bucket], "has_more": more, "next_page": next_page})


DAY_OF_KIT = [line("gpt-4o, input"), line("gpt-4o, output", "1.5"), line("Web search tool calls", project=None)]
KITS = {
    "openai_costs": Kit(
        source=openai.COSTS,
        answer=answer,
        day=list[object](DAY_OF_KIT),
        changed=[*DAY_OF_KIT[:2], line("Web search tool calls", 0.26, project=None)],
        wrong=line("whisper-1", "dear"),
    )
}
