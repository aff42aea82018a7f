"""Calls as Vapi tells them: typed where we depend on them, untouched where we do not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from sources.checks.bounds import (
    AFTER_ITS_LAST_CHANGE,
    LONGEST_CALL,
    LONGEST_TEXT,
    exact,
    fault_of_cost,
    fault_of_quantity,
    fault_of_text,
    fault_of_time,
)
from sources.checks.quarantine import TOO_DEEP, Quarantined, digest, elements
from sources.checks.undocumented import kind_of
from sources.personal import NOBODYS, Document, minimised
from sources.text import said_moment
from sources.vapi.contract import CALL
from sources.window import truncated

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]

# A scheduled call holds nothing back: when it runs, the day it was created on is restated (docs/decisions).
SETTLED = frozenset({"ended", "not-found", "deletion-failed", "scheduled"})


class CostItem(msgspec.Struct, rename="camel", omit_defaults=True):
    """What one component cost, and what was used of it: numbers, typed by hand."""

    type: Name
    cost: Any = None
    minutes: Any = None
    characters: Any = None
    prompt_tokens: Any = None
    completion_tokens: Any = None
    cached_prompt_tokens: Any = None
    reasoning_tokens: Any = None
    prompt_text_tokens: Any = None
    prompt_audio_tokens: Any = None
    completion_text_tokens: Any = None
    completion_audio_tokens: Any = None


class CostBreakdown(msgspec.Struct):
    """Older calls have their total here alone."""

    total: Any = None


class Call(msgspec.Struct, rename="camel"):
    """The fields that days, bills and margins depend on. Types freeze; what else of the answer is stored,
    `sources.vapi.contract` says.
    """

    id: Name
    created_at: Instant
    updated_at: Instant
    started_at: Instant | None = None
    ended_at: Instant | None = None
    status: Name | None = None
    type: Name | None = None
    ended_reason: Name | None = None
    assistant_id: Name | None = None
    phone_number_id: Name | None = None
    squad_id: Name | None = None
    workflow_id: Name | None = None
    campaign_id: Any = None
    transport: Any = None
    phone_call_provider: Any = None
    phone_call_provider_id: Any = None
    cost: Any = None
    costs: list[CostItem] | None = None
    cost_breakdown: CostBreakdown | None = None

    @property
    def is_in_progress(self) -> bool:
        return self.ended_at is None if self.status is None else self.status not in SETTLED

    @property
    def carried_by(self) -> tuple[str, str] | None:
        """The carrier and its own id of the call, where Vapi says both; the older field says so where no other does."""
        transport = self.transport if isinstance(self.transport, dict) else {}
        carrier = transport.get("provider") or self.phone_call_provider
        ref = transport.get("callSid") or self.phone_call_provider_id
        return (carrier, ref) if isinstance(carrier, str) and isinstance(ref, str) and carrier and ref else None

    @property
    def scopes(self) -> dict[str, str]:
        """What it may be attached by, kind to value; the first kind that is attached decides."""
        values = (self.id, self.phone_number_id, self.squad_id, self.workflow_id, self.assistant_id)
        return {kind: value for kind, value in zip(_SCOPES.values(), values, strict=True) if value}


@dataclass(frozen=True)
class Answer:
    """The calls of one answer, each with its JSON, and those that are not as documented."""

    rows: list[tuple[Call, Document]]
    odd: list[Quarantined]

    def __len__(self) -> int:
        return len(self.rows) + len(self.odd)


# Numbers are typed by hand: msgspec would take "0.1" for a Decimal too, and a float has no place in money.
_CALLS = msgspec.json.Decoder(list[Call], float_hook=exact)
_CALL = msgspec.json.Decoder(Call, float_hook=exact)
_DOCUMENTS = msgspec.json.Decoder(list[Document])
_DOCUMENT = msgspec.json.Decoder(Document)
_NUMBER = msgspec.json.Decoder(float_hook=exact)
_INSTANT = msgspec.json.Decoder(Instant)
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
# Of a call that cannot be typed: what makes it the same call in a later answer, whose URLs are others.
_CONTENT = (
    "id", "createdAt", "startedAt", "endedAt", "status", "type", "endedReason", "assistantId", "phoneNumberId",
    "squadId", "workflowId", "cost", "costs",
)  # fmt: skip
_COUNTED = {part.name: part.encode_name for part in msgspec.structs.fields(CostItem) if part.name != "type"}
_SCOPES = {
    "id": "vapi_call",
    "phoneNumberId": "vapi_phone_number",
    "squadId": "vapi_squad",
    "workflowId": "vapi_workflow",
    "assistantId": "vapi_assistant",
}


def parse(body: bytes) -> Answer:
    """The calls of an answer, each with its JSON, whose values are kept byte for byte; a call that is not as Vapi
    documents it is set aside with its reason.

    msgspec.ValidationError if it is no list of calls, msgspec.DecodeError if it is no JSON.
    """
    try:
        calls = _CALLS.decode(truncated(body))
        if not any(map(_fault, calls)):
            return Answer(list(zip(calls, _DOCUMENTS.decode(body), strict=True)), [])
    except (msgspec.DecodeError, RecursionError):
        if (found := elements(body)) is None or not any(element.startswith(b"{") for element in found):
            raise
    else:
        found = elements(body) or []
    rows: list[tuple[Call, Document]] = []
    odd: list[Quarantined] = []
    for element in found:
        reason, length_from = None, None
        try:
            call, document = _CALL.decode(truncated(element)), _DOCUMENT.decode(element)
            if reason := _fault(call):
                # Looked at last: nothing else is wrong with it.
                length_from = call.started_at if reason == _fault_of_length(call) else None
        except RecursionError:
            reason = TOO_DEEP
        except msgspec.DecodeError as error:
            reason = str(error)
        if reason:
            odd.append(replace(set_aside(element, reason), length_from=length_from))
        else:
            rows.append((call, document))
    return Answer(rows, odd)


def _fault(call: Call) -> str | None:
    """What is wrong with a call whose types hold: numbers, bounds, and what cannot be."""
    if not call.id.strip():
        return "its id is empty - at `$.id`"
    for name, value in call.scopes.items():
        if fault := fault_of_text(name.removeprefix("vapi_"), value):
            return fault
    for position, item in enumerate(call.costs or ()):
        if where := _fault_of_item(item):
            field, reason = where
            return f"{reason} - at `$.costs[{position}].{field}`"
    return (
        _fault_of_total("cost", call.cost)
        or (call.cost_breakdown and _fault_of_total("costBreakdown.total", call.cost_breakdown.total))
        or fault_of_time("updatedAt", call.updated_at)
        or fault_of_time("startedAt", call.started_at)
        or fault_of_time("endedAt", call.ended_at)
        or _fault_of_length(call)
    )


def _fault_of_total(name: str, cost: Any) -> str | None:
    if not _is_number(cost):
        return f"it is no number but {kind_of(cost)} - at `$.{name}`"
    return fault_of_cost(name, cost)


def _fault_of_item(item: CostItem) -> tuple[str, str] | None:
    """What is wrong with a cost item, after the name of its field."""
    for attribute, name in _COUNTED.items():
        value = getattr(item, attribute)
        if value is None:
            continue
        if not _is_number(value):
            return name, f"it is no number but {kind_of(value)}"
        fault = fault_of_cost("cost item", value) if name == "cost" else fault_of_quantity(name, value)
        if fault:
            return name, fault
    return None


def _fault_of_length(call: Call) -> str | None:
    """A call that lasted longer than Vapi lets one, ended before it began, or after it was last heard of."""
    start, end = call.started_at, call.ended_at
    if start is None or end is None:
        return None
    if end - start > LONGEST_CALL:
        seconds = (end - start).total_seconds()
        return f"it lasted {seconds:.0f} seconds, {_span(start, end)}, and Vapi ends a call after 43200"
    if end < start:
        return f"it ended before it started, {_span(start, end)}"
    if end > call.updated_at + AFTER_ITS_LAST_CHANGE:
        changed = said_moment(call.updated_at)
        return f"it lasted {_span(start, end)}, and was last changed on {changed}, long before it ended"
    return None


def _span(start: datetime, end: datetime) -> str:
    return f"from {said_moment(start)} to {said_moment(end)}"


def _is_number(value: object) -> bool:
    return value is None or type(value) is Decimal or type(value) is int


def set_aside(element: bytes, reason: str) -> Quarantined:
    """A call as far as it can be read."""
    try:
        document = _DOCUMENT.decode(element)
    except (msgspec.DecodeError, RecursionError):
        return Quarantined(digest(element), reason, element, totals={"calls": Decimal(1)})
    total = _value(document.get("costBreakdown", msgspec.Raw(b"null")))
    content = _ENCODE(
        [
            *([name, document.get(name)] for name in _CONTENT),
            # Only where there is one: the same row as before, where there is none.
            *([["costBreakdown.total", total["total"]]] if isinstance(total, dict) and "total" in total else []),
        ]
    )
    reported = {name: _value(document[name]) for name in (*_SCOPES, "cost") if name in document}
    call_id = str(reported.get("id") or "").strip() if isinstance(reported.get("id"), str | int) else ""
    cost = reported.get("cost")
    return Quarantined(
        item=call_id if 0 < len(call_id) <= LONGEST_TEXT else digest(content),
        reason=reason,
        content=content,
        scopes=_texts_of(reported),
        payload=_payload_of_nobody(document),
        at=_instant(document.get("createdAt")),
        totals={"calls": Decimal(1)} | _cost_of(cost),
    )


def _cost_of(cost: Any) -> dict[str, Decimal]:
    """A cost as a total, where it can be added up."""
    is_sound = cost is not None and _is_number(cost) and fault_of_cost("cost", cost) is None
    return {"cost": Decimal(cost)} if is_sound else {}


def _texts_of(reported: Mapping[str, Any]) -> dict[str, str]:
    return {
        kind: reported[name] for name, kind in _SCOPES.items() if isinstance(reported.get(name), str) and reported[name]
    }


def _value(raw: bytes) -> Any:
    try:
        return _NUMBER.decode(raw)
    except RecursionError:
        return None


def _instant(raw: bytes | None) -> datetime | None:
    try:
        return None if raw is None else _INSTANT.decode(truncated(bytes(raw)))
    except (msgspec.DecodeError, RecursionError):
        return None


def _payload_of_nobody(document: Document) -> str | None:
    try:
        return _ENCODE(CALL.kept(minimised(document, NOBODYS), set(), is_typed=False)).decode()
    except RecursionError:
        return None
