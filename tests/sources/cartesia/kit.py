"""Cartesia's source, as the kit of all sources asks for it."""

from typing import Any

import msgspec

from sources import cartesia
from sources.testing import DAY, Answer, Kit, Request


def answer(request: Request, rows: list[Any]) -> Answer:
    used = [row["buckets"][0]["credits"] for row in rows]
    total = sum(one for one in used if isinstance(one, int))
    whole = {"data": [bucket(total)]}
    return 200, msgspec.json.encode({"data": rows} if "group_by" in request.query else whole)


def bucket(used: object) -> dict[str, Any]:
    return {"start_ts": f"{DAY}T00:00:00.000Z", "end_ts": f"{DAY}T23:59:59.999Z", "credits": used}


def of_key(key: str, used: object = 120) -> dict[str, Any]:
    return {"id": key, "label": "who it is", "buckets": [bucket(used)]}


KITS = {
    "cartesia_credits": Kit(
        source=cartesia.CREDITS,
        answer=answer,
        day=[of_key("k1"), of_key("k2"), of_key("k3")],
        changed=[of_key("k1"), of_key("k2"), of_key("k3", 12_000)],
        wrong=of_key("k9", "many"),
    )
}
