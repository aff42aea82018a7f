"""ElevenLabs' source, as the kit of all sources asks for it."""

from typing import Any

import msgspec

from sources import elevenlabs
from sources.testing import DAY, Answer, Kit, Request

COLUMNS = ["timestamp", "hashed_xi_api_key", "product_type", "credits", "user_label"]


def answer(request: Request, rows: list[Any]) -> Answer:
    types, units = ["DateTime", "String", "String", "Float", "String"], ["ms", None, None, "credits", None]
    table = {"columns": COLUMNS, "column_types": types, "column_units": units, "rows": rows}
    return 200, msgspec.json.encode(table)


def line(product: str, used: object = 120) -> list[Any]:
    return [f"{DAY}T00:00:00Z", "hash-1", product, used, "a person"]


KITS = {
    "elevenlabs_costs": Kit(
        source=elevenlabs.COSTS,
        answer=answer,
        day=[line("text_to_speech"), line("speech_to_text"), line("agents")],
        changed=[line("text_to_speech"), line("speech_to_text"), line("agents", 1.2)],
        wrong=line("dubbing", "many"),
    )
}
