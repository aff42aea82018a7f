"""What the test kit of sources needs to know of OpenRouter."""

from typing import Any

import msgspec

from sources import openrouter
from sources.testing import DAY, Answer, Kit, Request


def row(model: str, usage: object = 0.015, byok: object = 0, **more: object) -> dict[str, object]:
    """A row as OpenRouter answers it."""
    named = {"date": DAY.isoformat(), "model": model, "model_permaslug": model, "endpoint_id": "e1"}
    used = {
        "provider_name": "OpenAI",
        "requests": 5,
        "prompt_tokens": 50,
        "completion_tokens": 125,
        "reasoning_tokens": 25,
    }
    return named | used | {"usage": usage, "byok_usage_inference": byok, "workspace_id": "w1"} | more


def answer(request: Request, rows: list[Any]) -> Answer:
    """All rows of the day: there are no pages."""
    return 200, msgspec.json.encode({"data": rows})


DAY_OF_KIT = [row("openai/gpt-4.1"), row("anthropic/claude", 1.5), row("x/grok", 0.25, workspace_id=None)]
KITS = {
    "openrouter_activity": Kit(
        source=openrouter.ACTIVITY,
        answer=answer,
        day=list[object](DAY_OF_KIT),
        changed=[*DAY_OF_KIT[:2], row("x/grok", 0.26, workspace_id=None)],
        wrong=row("google/gemini", "dear"),
    )
}
