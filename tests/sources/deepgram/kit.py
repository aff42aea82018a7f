"""Deepgram's source, as the kit of all sources asks for it."""

from datetime import timedelta
from typing import Any

import msgspec

from sources import deepgram
from sources.testing import DAY, Answer, Kit, Request


def answer(request: Request, rows: list[Any]) -> Answer:
    return 200, msgspec.json.encode({"start": str(DAY), "end": str(DAY + timedelta(days=1)), "results": rows})


def line(item: str, dollars: object = 0.25) -> dict[str, Any]:
    grouping = {"start": str(DAY), "end": str(DAY), "accessor": "k1", "deployment": "hosted", "tags": ["t"]}
    return {"dollars": dollars, "grouping": grouping | {"line_item": item}}


KITS = {
    "deepgram_costs": Kit(
        source=deepgram.COSTS,
        answer=answer,
        day=[line("streaming::nova-3"), line("sync::aura-2"), line("sync::nova-2")],
        changed=[line("streaming::nova-3"), line("sync::aura-2"), line("sync::nova-2", 25)],
        wrong=line("agent", "dear"),
        settings={"project_id": "p1"},
    )
}
