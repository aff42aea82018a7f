"""What came of a call, as its tenant has it stored: who was on the line, how it was judged, what was said.

Read under the role of whoever looks; a transcript by that tenant and by operators alone.
"""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from warehouse.calls.call_filters import Key
from warehouse.database.queries import Connection, first, rows

FILE = "calls/call_results"


class Output(Struct, frozen=True):
    """A structured output: what it is called, and any JSON."""

    name: str | None = None
    result: Any = None


class Turn(Struct, frozen=True):
    """What one of agent, customer and other said, so many seconds after the call began, where that is known."""

    speaker: str
    text: str | None = None
    seconds: Decimal | None = None


class Result(Struct, frozen=True):
    """A row of fct_call_results; outputs by the provider's id, turns how many there are of its transcript."""

    customer: str | None
    transfer_to: str | None
    summary: str | None
    evaluation: str | None
    evaluation_state: str
    rating: Decimal | None
    sentiment: str | None
    categories: list[Any]
    outputs: dict[str, Output]
    turns: int | None
    has_recording: bool
    consent: str | None


_OUTPUTS = msgspec.json.Decoder(dict[str, Output], float_hook=Decimal).decode


def find(connection: Connection, tenant_id: str, key: Key) -> Result | None:
    """What came of a call of a tenant; None where nothing of it is stored."""
    row = first(connection, FILE, "result", **_asked(tenant_id, key))
    if row is None:
        return None
    texts = {
        "categories": msgspec.json.decode(row["categories"]),
        "outputs": _OUTPUTS(row["outputs"]),
    }
    return msgspec.convert({**row, **texts}, Result)


def transcript(connection: Connection, tenant_id: str, key: Key) -> list[Turn]:
    """What was said in a call, in order; empty where nothing is stored."""
    row = first(connection, FILE, "turns", **_asked(tenant_id, key))
    return [] if row is None else msgspec.json.decode(row["turns"], type=list[Turn])


def stored(connection: Connection, tenant_id: str, key: Key) -> bytes | None:
    """The JSON of a call as it was last stored, for an operator, and write down who asked; None where there is none."""
    row = first(connection, FILE, "stored", **_asked(tenant_id, key))
    return None if row is None or row["payload"] is None else str(row["payload"]).encode()


def listen(connection: Connection, tenant_id: str, key: Key) -> str | None:
    """In whose account a call is whose recording is about to be asked for, and write that down; None for no call."""
    asked = _asked(tenant_id, key)
    row = first(connection, FILE, "account", **asked)
    if row is None:
        return None
    first(connection, FILE, "listen", **asked)
    return str(row["account"])


def campaigns(connection: Connection, tenant_id: str) -> dict[str, str]:
    """What a tenant's campaigns are called, by id, empty where that is not known: the latest 200 of them."""
    found = rows(connection, FILE, "campaigns", tenant_id=tenant_id)
    return {row["campaign_id"]: row["name"] or "" for row in found}


def _asked(tenant_id: str, key: Key) -> dict[str, object]:
    day, source, call_id = key
    return {"tenant_id": tenant_id, "usage_date": day, "source": source, "call_id": call_id}
