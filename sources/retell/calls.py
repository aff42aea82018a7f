"""Calls as Retell lists them, and as rows of the contract. Amounts are cents, instants are milliseconds since 1970."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import msgspec

from sources.checks.undocumented import Undocumented, fault_of, kind_of
from sources.day import Day
from sources.errors import AnswerMoved, ContractBroken, ProviderRefused, PullTruncated
from sources.personal import Keep
from sources.results import Result, Turn
from sources.retell.client import RetellClient
from sources.retell.contract import IN_RESULT
from sources.rows import Row, parser
from sources.window import Window

PAGE = 1000
MOST_PAGES = 1000
NOT_FOUND = 404
_CENT = Decimal("0.01")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENDS = {
    "user_hangup": "customer hung up",
    "user_declined": "customer hung up",
    "user_requested_dnc": "customer hung up",
    "user_requested_callback": "customer hung up",
    "agent_hangup": "assistant ended",
    "inactivity": "assistant ended",
    "max_duration_reached": "assistant ended",
    "voicemail_reached": "voicemail",
    "ivr_reached": "voicemail",
    "dial_busy": "no answer",
    "dial_no_answer": "no answer",
    "error_user_not_joined": "no answer",
    "registered_call_timeout": "no answer",
    "call_transfer": "transferred",
    "transfer_bridged": "transferred",
    "call_take_over": "transferred",
    "concurrency_limit_reached": "failed at us",
    "no_concurrency_fallback": "failed at us",
    "no_valid_payment": "failed at us",
    "credit_exhausted": "failed at us",
    "budget_reached": "failed at us",
    "invalid_destination": "failed at us",
    "error_llm_websocket_open": "failed at us",
    "error_llm_websocket_lost_connection": "failed at us",
    "error_llm_websocket_runtime": "failed at us",
    "error_llm_websocket_corrupt_payload": "failed at us",
    "dial_failed": "failed at provider",
    "telephony_provider_permission_denied": "failed at provider",
    "telephony_provider_unavailable": "failed at provider",
    "sip_routing_error": "failed at provider",
    "marked_as_spam": "failed at provider",
    "network_blocked": "failed at provider",
    "error_no_audio_received": "failed at provider",
    "error_asr": "failed at provider",
    "error_retell": "failed at provider",
    "error_unknown": "failed at provider",
}
_SPEAKERS = {"agent": "agent", "user": "customer"}


class Page(msgspec.Struct):
    """An answer of POST /v3/list-calls."""

    items: list[dict[str, Any]]
    has_more: bool
    pagination_key: str | None = None
    total: int | None = None


parse_page = parser(Page)
parse_call = parser(dict[str, Any])


def listed(client: RetellClient, window: Window) -> list[dict[str, Any]]:
    """All calls that began in the window. Whether the bounds of Retell's filter are in it is not documented: a
    millisecond more is asked for, and left out here. Raises SourceFailure, also where fewer come than Retell counts.
    """
    start, end = _milliseconds(window.start), _milliseconds(window.end)
    asked: dict[str, Any] = {
        "filter_criteria": {"start_timestamp": {"type": "range", "op": "bt", "value": [start - 1, end]}},
        "sort_order": "ascending",
        "limit": PAGE,
        "include_total": True,
    }
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    total: int | None = None
    while True:
        page = client.post("/v3/list-calls", parse_page, asked)
        found += page.items
        total = page.total if total is None else total
        if not page.has_more:
            break
        if len(seen) >= MOST_PAGES:
            raise PullTruncated(f"Retell POST /v3/list-calls: its pages do not end after {MOST_PAGES}")
        if page.pagination_key is None or page.pagination_key in seen:
            raise ContractBroken("Retell POST /v3/list-calls: there is more, and no key that leads there")
        seen.add(page.pagination_key)
        asked["pagination_key"] = page.pagination_key
    if total is not None and total != len(found):
        raise AnswerMoved(f"Retell counts {total} calls and lists {len(found)}: they changed while they were read")
    return [call for call in found if not _is_known_outside(call, start, end)]


def row(client: RetellClient, reported: Mapping[str, Any], day: Day) -> Row:
    """A call as a row of the contract; one that is not as documented has a fault."""
    answer = {name: value for name, value in reported.items() if name not in IN_RESULT}
    try:
        values = _values(reported)
        keeps = day.choices_of(values["scopes"]).transcripts is not Keep.NEVER
        detail = _detail(client, reported["call_id"]) if keeps and values["started_at"] else {}
        return Row(values, answer, result=_result(reported, detail))
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        return Row({}, answer, fault=fault_of(error))


def recording_of(client: RetellClient, call_id: str) -> str | None:
    """Where a call's recording is; None where there is none. Raises SourceFailure."""
    try:
        address = _detail(client, call_id).get("recording_url")
    except ProviderRefused as refused:
        if refused.status != NOT_FOUND:
            raise
        return None
    return address if isinstance(address, str) and address.startswith(("https://", "http://")) else None


def _detail(client: RetellClient, call_id: str) -> dict[str, Any]:
    """The call whole: a list has no transcript."""
    return client.get(f"/v2/get-call/{quote(call_id, safe='')}", parse_call, None)


def _values(reported: Mapping[str, Any]) -> dict[str, Any]:
    started, ended = _instant(reported["start_timestamp"]), _instant(reported.get("end_timestamp"))
    status = reported["call_status"]
    # What was dialled and not answered has a start too: only what lasted was connected.
    was_connected = status == "ongoing" or (status in ("ended", "error") and bool(reported.get("duration_ms")))
    cost = reported.get("call_cost") or {}
    total = cost.get("combined_cost")
    is_web = reported["call_type"] == "web_call"
    direction = "web" if is_web else reported["direction"]
    own = None if is_web else reported["from_number" if direction == "outbound" else "to_number"]
    reason = reported.get("disconnection_reason")
    return {
        "call_id": reported["call_id"],
        "created_at": started,
        "started_at": started if was_connected else None,
        "ended_at": ended if was_connected else None,
        "state": "in progress" if status in ("registered", "ongoing") else "ended",
        "direction": direction if direction in ("inbound", "outbound", "web") else "unknown",
        "ended_reason": reason,
        "end_group": _ENDS.get(reason or ""),
        "campaign_ref": reported.get("batch_call_id"),
        "scopes": {
            kind: value for kind, value in (("retell_number", own), ("retell_agent", reported["agent_id"])) if value
        },
        "cost": None if total is None else Decimal(total) * _CENT,
        "currency": None if total is None else "USD",
        "cost_items": [
            {
                "component": f"{part['product']}{' of a transfer' if part.get('is_transfer_leg_cost') else ''}",
                "cost": Decimal(part["cost"]) * _CENT,
                "is_used": True,
            }
            for part in cost.get("product_costs") or ()
        ],
    }


def _result(reported: Mapping[str, Any], detail: Mapping[str, Any]) -> Result:
    analysis = reported.get("call_analysis") or {}
    outputs = {
        name: {"name": name, "result": value} for name, value in (analysis.get("custom_analysis_data") or {}).items()
    }
    if sentiment := analysis.get("user_sentiment"):
        outputs["user_sentiment"] = {"name": "user_sentiment", "result": sentiment}
    judged = analysis.get("call_successful")
    is_outbound = reported.get("direction") == "outbound"
    return Result(
        customer=reported.get("to_number" if is_outbound else "from_number"),
        destination=reported.get("transfer_destination"),
        summary=analysis.get("call_summary"),
        evaluation=None if judged is None else str(judged).lower(),
        outputs=outputs,
        transcript=[
            Turn(_SPEAKERS.get(turn["role"], "other"), turn["content"], _seconds(turn))
            for turn in detail.get("transcript_object") or ()
            if turn.get("content")
        ],
        has_recording=bool(reported.get("recording_url")),
    )


def _seconds(turn: Mapping[str, Any]) -> Any:
    words = turn.get("words") or [{}]
    return words[0].get("start")


def _instant(milliseconds: Any) -> datetime | None:
    if milliseconds is None:
        return None
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | Decimal):
        raise Undocumented(f"{kind_of(milliseconds)} stands where milliseconds are")
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _is_known_outside(reported: Mapping[str, Any], start: int, end: int) -> bool:
    at = reported.get("start_timestamp")
    return isinstance(at, int) and not start <= at < end
