"""Calls as Vapi tells them: typed where we depend on them, untouched where we do not."""

import re
from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import pyarrow as pa

from sources.errors import ContractBroken
from sources.personal import ChoicesOf, Document, minimised
from sources.vapi.contract import CALL
from sources.window import truncated

Instant = Annotated[datetime, msgspec.Meta(tz=True)]

# A scheduled call holds nothing back: when it runs, the day it was created on is restated (docs/decisions).
SETTLED = frozenset({"ended", "not-found", "deletion-failed", "scheduled"})
TIMESTAMP = pa.timestamp("us", tz="UTC")


class CostItem(msgspec.Struct):
    type: str
    cost: Any = None


class Call(msgspec.Struct, rename="camel"):
    """The fields that days, bills and margins depend on. Types freeze; what else of the answer is stored,
    `sources.vapi.contract` says.
    """

    id: str
    created_at: Instant
    updated_at: Instant
    started_at: Instant | None = None
    ended_at: Instant | None = None
    status: str | None = None
    type: str | None = None
    ended_reason: str | None = None
    assistant_id: str | None = None
    phone_number_id: str | None = None
    cost: Any = None
    costs: list[CostItem] | None = None

    @property
    def is_in_progress(self) -> bool:
        return self.ended_at is None if self.status is None else self.status not in SETTLED


# Numbers are typed by hand: msgspec would take "0.1" for a Decimal too, and a float has no place in money.
_CALLS = msgspec.json.Decoder(list[Call], float_hook=Decimal)
_DOCUMENTS = msgspec.json.Decoder(list[Document])
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_ENCODE = _ENCODER.encode
# A string column of Arrow's counts its bytes in 32 bits.
_BYTES_OF_A_CHUNK = 1 << 30


def parse(body: bytes) -> list[tuple[Call, Document]]:
    """The calls of an answer, each with its JSON, whose values are kept byte for byte.

    ContractBroken, naming the call and the path, if a type is not as Vapi documents it; msgspec.DecodeError if it is
    no JSON.
    """
    try:
        calls = _CALLS.decode(truncated(body))
    except msgspec.ValidationError as error:
        raise ContractBroken(f"Vapi GET /call: {_named(body, str(error))}") from None
    for call in calls:
        _check_numbers(call)
    return list(zip(calls, _DOCUMENTS.decode(body), strict=True))


def _check_numbers(call: Call) -> None:
    if not _is_number(call.cost):
        raise ContractBroken(f"Vapi GET /call: call {call.id}: $.cost is no number but {call.cost!r:.40}")
    for position, item in enumerate(call.costs or ()):
        if not _is_number(item.cost):
            raise ContractBroken(
                f"Vapi GET /call: call {call.id}: $.costs[{position}].cost is no number but {item.cost!r:.40}"
            )


def _is_number(value: object) -> bool:
    return value is None or type(value) is Decimal or type(value) is int


def _named(body: bytes, problem: str) -> str:
    """The problem with the id of the call it is in."""
    if position := re.search(r"`\$\[(\d+)\]", problem):
        try:
            document = _DOCUMENTS.decode(body)[int(position[1])]
            return f"call {msgspec.json.decode(document['id'])}: {problem}"
        except (msgspec.DecodeError, KeyError):
            return problem
    return f"{problem}; it answered {body[:200].decode(errors='replace')}"


def payload(call: Call, document: Document, choices_of: ChoicesOf, new_fields: set[str]) -> bytes:
    """The call's JSON with every digit as told: the fields of the contract, and of what is personal as much as its
    tenant chose to have stored. Paths of other fields are added to `new_fields`.
    """
    return _ENCODE(_kept(call, document, choices_of, new_fields))


def payloads(rows: Iterable[tuple[Call, Document]], choices_of: ChoicesOf, new_fields: set[str]) -> pa.ChunkedArray:
    """`payload` of each call as a column of text, written where Arrow keeps it: a copy of each costs as much again.

    pa.ArrowInvalid if it is not UTF-8.
    """
    chunks, texts, ends = [], bytearray(), array("i", [0])
    for call, document in rows:
        if len(texts) > _BYTES_OF_A_CHUNK:
            chunks.append(_texts(texts, ends))
            texts, ends = bytearray(), array("i", [0])
        _ENCODER.encode_into(_kept(call, document, choices_of, new_fields), texts, -1)
        ends.append(len(texts))
    return pa.chunked_array([*chunks, _texts(texts, ends)], pa.string())


def _kept(call: Call, document: Document, choices_of: ChoicesOf, new_fields: set[str]) -> Document:
    return CALL.kept(minimised(document, choices_of(call.phone_number_id, call.assistant_id)), new_fields)


def _texts(texts: bytearray, ends: "array[int]") -> pa.StringArray:
    column = pa.StringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(texts))
    column.validate(full=True)
    return column


def billed(call: Call) -> bytes:
    """What a bill or a margin depends on: the same bytes, the same money. Presigned URLs, which differ each time,
    are not in it.
    """
    return _ENCODE(
        (
            call.id,
            call.created_at,
            call.started_at,
            call.ended_at,
            call.status,
            call.type,
            call.ended_reason,
            call.assistant_id,
            call.phone_number_id,
            call.cost,
            call.costs,
        )
    )


def totals(calls: Sequence[Call]) -> dict[str, Decimal]:
    """`cost` adds the calls' rounded costs, as Vapi's own total does; `costs` adds the exact items."""
    items = (item.cost for call in calls for item in call.costs or () if item.cost is not None)
    return {
        "calls": Decimal(len(calls)),
        "cost": sum((call.cost for call in calls if call.cost is not None), Decimal(0)),
        "costs": sum(items, Decimal(0)),
    }


def table(calls: Sequence[Call], payloads: pa.ChunkedArray) -> pa.Table:
    """Columns of raw_vapi.calls."""
    return pa.table(
        {
            "call_id": pa.array([call.id for call in calls], pa.string()),
            "created_at": pa.array([call.created_at for call in calls], TIMESTAMP),
            "updated_at": pa.array([call.updated_at for call in calls], TIMESTAMP),
            "started_at": pa.array([call.started_at for call in calls], TIMESTAMP),
            "ended_at": pa.array([call.ended_at for call in calls], TIMESTAMP),
            "status": pa.array([call.status for call in calls], pa.string()),
            "call_type": pa.array([call.type for call in calls], pa.string()),
            "ended_reason": pa.array([call.ended_reason for call in calls], pa.string()),
            "assistant_id": pa.array([call.assistant_id for call in calls], pa.string()),
            "phone_number_id": pa.array([call.phone_number_id for call in calls], pa.string()),
            "payload": payloads,
        }
    )
