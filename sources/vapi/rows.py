"""Calls as they are stored: what a bill depends on, their payloads, and the columns of the raw table."""

from array import array
from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
import pyarrow as pa

from sources.checks.quarantine import Quarantined
from sources.personal import ChoicesOf, Document, minimised
from sources.reading import CAMPAIGN_CALLS
from sources.results import hash_results
from sources.vapi.calls import Call
from sources.vapi.contract import CALL

TIMESTAMP = pa.timestamp("us", tz="UTC")
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_ENCODE = _ENCODER.encode
_PARTS = msgspec.json.Decoder(Document).decode
_RESULTS = ("customer", "destination", "campaignId", "analysis", "messages", "transcript", "summary", "compliance")
_RESULTS_OF_ARTIFACT = ("messages", "transcript", "structuredOutputs", "transfers")
_RECORDINGS = ("recording", "recordingUrl", "stereoRecordingUrl")
# A string column of Arrow's counts its bytes in 32 bits.
_BYTES_OF_A_CHUNK = 1 << 30


def payload(call: Call, document: Document, choices_of: ChoicesOf, new_fields: set[str]) -> bytes:
    """The call's JSON with every digit as told: the fields of the contract, and of what is personal as much as its
    tenant chose to have stored. Paths of other fields are added to `new_fields`.
    """
    return _ENCODE(_kept(call, document, choices_of, new_fields))


def payloads(
    rows: Iterable[tuple[Call, Document]], choices_of: ChoicesOf, new_fields: set[str]
) -> tuple[pa.ChunkedArray, str | None]:
    """`payload` of each call as a column of text, written where Arrow keeps it: a copy of each costs as much again; and
    the hash of what they say of the calls' results.

    pa.ArrowInvalid if it is not UTF-8.
    """
    chunks, texts, ends = [], bytearray(), array("i", [0])
    said = []
    for call, document in rows:
        if len(texts) > _BYTES_OF_A_CHUNK:
            chunks.append(_texts(texts, ends))
            texts, ends = bytearray(), array("i", [0])
        kept = _kept(call, document, choices_of, new_fields)
        said.append((call.id, results(kept)))
        _ENCODER.encode_into(kept, texts, -1)
        ends.append(len(texts))
    return pa.chunked_array([*chunks, _texts(texts, ends)], pa.string()), hash_results(said)


def results(kept: Document) -> list[tuple[str, bytes]]:
    """What a stored call says beside what is billed, by name: of recordings only that there are some, since their
    addresses differ each time.
    """
    said = [(name, bytes(kept[name])) for name in _RESULTS if name in kept]
    artifact = bytes(kept.get("artifact", b""))
    parts = _PARTS(artifact) if artifact[:1] == b"{" else {}
    said += [(f"artifact.{name}", bytes(parts[name])) for name in _RESULTS_OF_ARTIFACT if name in parts]
    if any(name in kept or name in parts for name in _RECORDINGS):
        said.append(("recording", b"true"))
    return said


def _kept(call: Call, document: Document, choices_of: ChoicesOf, new_fields: set[str]) -> Document:
    return CALL.kept(minimised(document, choices_of(call.scopes)), new_fields)


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
            call.cost_breakdown.total if call.cost_breakdown else None,
            # Only where there is one, so that calls without keep the hash they have.
            *((("squad", call.squad_id, "workflow", call.workflow_id),) if call.squad_id or call.workflow_id else ()),
            *((("carrier", *call.carried_by),) if call.carried_by else ()),
        )
    )


def totals(calls: Sequence[Call], odd: Sequence[Quarantined] = ()) -> dict[str, Decimal]:
    """`cost` adds the calls' rounded costs, as Vapi's own total does; `costs` adds the exact items. Calls set aside
    count in what Vapi totals, as far as they can be read.
    """
    items = (item.cost for call in calls for item in call.costs or () if item.cost is not None)
    costs = [call.cost for call in calls if call.cost is not None] + [row.totals.get("cost", Decimal(0)) for row in odd]
    of_campaigns = sum(isinstance(call.campaign_id, str) for call in calls)
    return {
        "calls": Decimal(len(calls)) + sum(row.totals.get("calls", Decimal(0)) for row in odd),
        "cost": sum(costs, Decimal(0)),
        "costs": sum(items, Decimal(0)),
        **({CAMPAIGN_CALLS: Decimal(of_campaigns)} if of_campaigns else {}),
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
