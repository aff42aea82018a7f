"""Voiceflow's call events: which day had a call, and nothing that is billed. They carry no signature, so the address
alone proves them, and what they say is a hint to read the day again.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from sources.checks.bounds import LONGEST_TEXT
from sources.hooks import Delivery, Hook, Message, Method, NoMessage, Report

STARTED, ENDED = "runtime.call.start", "runtime.call.end"
_MOST = 4_102_444_800_000  # 2100, in milliseconds
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]


class _Call(msgspec.Struct):
    projectID: Text  # noqa: N815 - Voiceflow's name
    startTime: Moment  # noqa: N815 - Voiceflow's name
    environmentID: Text | None = None  # noqa: N815 - Voiceflow's name
    endTime: Moment | None = None  # noqa: N815 - Voiceflow's name
    platform: Text | None = None


class _Event(msgspec.Struct):
    type: Text
    data: msgspec.Raw


_EVENT = msgspec.json.Decoder(_Event).decode
_CALL = msgspec.json.Decoder(_Call).decode
_ENCODE = msgspec.json.encode


def is_genuine(delivery: Delivery, secret: str, method: Method, settings: Mapping[str, str]) -> bool:
    """Whoever knows the address."""
    return method is Method.ADDRESS


def read(body: bytes) -> Message:
    """Which call started or ended; who called is not kept. Raises NoMessage."""
    try:
        event = _EVENT(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NoMessage("it is no event: {type, data}") from None
    if event.type not in (STARTED, ENDED):
        return Message(event.type)
    try:
        call = _CALL(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Message(event.type, notice=("unreadable_report", f"{event.type}: {str(error)[:200]}"))
    row = _ENCODE(call)
    report = Report(
        # Two calls of a project in one millisecond are one hint.
        row_id=f"{call.projectID}/{call.startTime}",
        kind=event.type,
        status="ended" if event.type == ENDED else "started",
        created_at=_at(call.startTime),
        ended_at=None if call.endTime is None else _at(call.endTime),
        cost=None,
        is_final=event.type == ENDED,
        is_gone=False,
        hash=hashlib.sha256(event.type.encode() + row).digest(),
        row=row.decode(),
    )
    return Message(event.type, report=report)


def _at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)


def steps(url: str, method: Method, settings: Mapping[str, Any]) -> str:
    """What to enter at Voiceflow."""
    return (
        "In each project of the tenant, under Settings, Behavior, Voice, enter the url as the webhook of call events."
        " It carries no signature: treat the url as a secret."
    )


HOOK = Hook(methods=(Method.ADDRESS,), is_genuine=is_genuine, read=read, steps=steps)
