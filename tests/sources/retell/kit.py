"""Retell's source, as the kit of all sources asks for it; its answers have the fields of Retell's own SDK (6.2)."""

from typing import Any

import msgspec

from sources import retell
from sources.day import Scope
from sources.testing import DAY, Answer, Kit, Request
from sources.window import Window

START = int(Window.of_day(DAY).start.timestamp() * 1000)
CUSTOMER, OWN = "+15550104242", "+15550100001"
SAID = [
    {
        "role": "agent",
        "content": "Hello, this is the practice.",
        "words": [{"word": "Hello", "start": 0.4, "end": 0.8}],
    },
    {"role": "user", "content": "A plumber, please.", "words": []},
]
PAGE = 2


def call(number: int, seconds: int | None = 61, **fields: Any) -> dict[str, Any]:
    """A call that began so many minutes after midnight; seconds None: nobody answered."""
    at = START + number * 60_000
    lasted = {"end_timestamp": at + 1000 * seconds, "duration_ms": 1000 * seconds} if seconds is not None else {}
    return {
        "call_id": f"call_{number}", "call_type": "phone_call", "agent_id": "agent_1", "agent_version": 3,
        "agent_name": "Desk", "call_status": "not_connected" if seconds is None else "ended", "direction": "inbound",
        "from_number": CUSTOMER, "to_number": OWN, "start_timestamp": at,
        "disconnection_reason": "dial_no_answer" if seconds is None else "user_hangup",
        "call_cost": {
            "product_costs": [
                {"product": "elevenlabs_tts", "unit_price": 0.117, "cost": 7.14},
                {"product": "gpt_4_1", "unit_price": 0.075, "cost": 4.58},
            ],
            "total_duration_seconds": 61, "total_duration_unit_price": 0.192, "combined_cost": 11.72,
        },
        "recording_url": f"https://storage.retell.example/call_{number}.wav",
        "call_analysis": {
            "call_summary": "They asked for a plumber.", "call_successful": True, "user_sentiment": "Positive",
            "in_voicemail": False, "custom_analysis_data": {"stars": 4},
        },
    } | lasted | fields  # fmt: skip


def answer(request: Request, rows: list[Any]) -> Answer:
    """Pages of two, and each call whole by its id."""
    if request.path.startswith("/v2/get-call/"):
        found = [row for row in rows if row["call_id"] == request.path.rpartition("/")[2]]
        if not found:
            return 404, b'{"status": "error", "message": "Cannot find requested asset under given api key."}'
        return 200, msgspec.json.encode({**found[0], "transcript_object": SAID})
    after = int(msgspec.json.decode(request.body).get("pagination_key", "0"))
    page, rest = rows[after : after + PAGE], rows[after + PAGE :]
    told = {"items": page, "has_more": bool(rest), "total": len(rows)}
    return 200, msgspec.json.encode(told | ({"pagination_key": str(after + PAGE)} if rest else {}))


KITS = {
    "retell": Kit(
        source=retell.CALLS,
        answer=answer,
        day=[call(1), call(2, None), call(3)],
        changed=[call(1), call(2, None), call(3, call_cost={"combined_cost": 12, "product_costs": []})],
        wrong=call(4, start_timestamp="soon"),
        personal=CUSTOMER,
        scope=Scope("retell_number", OWN),
    )
}
