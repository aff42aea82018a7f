"""Vapi: the calls of one account (a private key reads one organisation), by the UTC day they were created on.

GET /call ──▶ listing (windows) ──▶ calls (types, payload) ──▶ Reading ◀── POST /analytics (control totals)
server messages ──▶ hook: what a call was when it ended, a hint that its day is due
GET /call ──▶ changes: which older days were updated lately      POST /analytics ──▶ what Vapi counts by day
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from urllib.parse import quote

from sources.checks.quarantine import Quarantined, each_named_once, refuse_another_contract
from sources.contracts import Column, Kind
from sources.day import Access, Day, Scope
from sources.http import ProviderClient
from sources.http.budget import Budget
from sources.personal import FACTS, ChoicesOf, Document
from sources.reading import Reading, hash_rows
from sources.source import ScopeKind, Source, Updates
from sources.vapi import calls
from sources.vapi.analytics import control_totals, daily_totals
from sources.vapi.changes import changed_days
from sources.vapi.contract import CALL
from sources.vapi.discovery import campaigns, discover
from sources.vapi.hook import HOOK
from sources.vapi.listing import list_calls
from sources.vapi.rows import billed, payloads, table, totals
from sources.window import Window

BASE_URL = "https://api.vapi.ai"
# Pay-as-you-go accounts keep calls this long (Vapi, call recording and retention): a day older than this can lose rows.
HORIZON_DAYS = 14
# Vapi limits each organisation and shows the number to its owner alone; a few requests at a time have been well
# received. The rate is that of four at a time with answers in 200 ms, kept for its own address only.
CONCURRENCY = 4
PER_SECOND = 20.0

__all__ = ["BASE_URL", "HORIZON_DAYS", "SOURCES", "changed_days", "client", "daily_totals", "read_day", "verify"]


def client(secret: str, base_url: str = BASE_URL, budget: Budget | None = None) -> ProviderClient:
    """One per key, shared by all threads that use it."""
    return ProviderClient("Vapi", base_url, {"authorization": f"Bearer {secret}"}, budget or Budget(CONCURRENCY))


def read_day(client: ProviderClient, usage_date: date, *, choices_of: ChoicesOf) -> Reading:
    """All calls created on the UTC day; columns of raw_vapi.calls.
    `choices_of(scopes)` says how much of what is personal stays in a call's payload. Raises
    SourceFailure; so too where the list is empty and Vapi's own total cannot be had for a passing reason.
    """
    day = Window.of_day(usage_date)
    listing = list_calls(client, day)
    reading = reading_of(
        list(listing.calls.values()),
        each_named_once(listing.odd),
        choices_of,
        tuple(listing.windows),
        listing.requests + 1,
        control_totals(client, day, len(listing.calls) + sum(bool(row.totals) for row in listing.odd)),
    )
    if listing.outside:
        reading.totals["calls_outside_window"] = Decimal(listing.outside)
    return reading


def reading_of(
    rows: Sequence[tuple[calls.Call, Document]],
    odd: Sequence[Quarantined],
    choices_of: ChoicesOf,
    windows: tuple[Window, ...],
    requests: int,
    provider_totals: dict[str, Decimal] | None,
) -> Reading:
    """A day's calls, each once, as a reading. ContractBroken where most of them are odd."""
    refuse_another_contract("Vapi GET /call", odd, len(rows))
    found = [call for call, _ in rows]
    new_fields: set[str] = set()
    stored, results_hash = payloads(rows, choices_of, new_fields)
    return Reading(
        table=table(found, stored),
        keys=frozenset(call.id for call in found) | {row.item for row in odd},
        content_hash=hash_rows([*map(billed, found), *(row.fingerprint.encode() for row in odd)]),
        is_incomplete=any(call.is_in_progress for call in found),
        windows=windows,
        requests=requests,
        totals=totals(found, odd),
        provider_totals=provider_totals,
        new_fields=frozenset(new_fields),
        quarantined=tuple(odd),
        results_hash=results_hash,
    )


def verify(client: ProviderClient) -> None:
    """One cheap question that needs the key. CredentialRejected if it is not accepted, else another SourceFailure."""
    before_vapi: dict[str, str | int] = {"limit": 1, "createdAtLt": "2020-01-01T00:00:00.000Z"}
    client.get("/call", calls.parse, before_vapi)


def recording(client: ProviderClient, call_id: str) -> str | None:
    """Where a call's recording is, for about 30 minutes; None where Vapi has it no more. Raises SourceFailure."""
    return client.location(f"/call/{quote(call_id, safe='')}/mono-recording")


def _connect(access: Access) -> ProviderClient:
    return client(access.key, access.address or BASE_URL, access.budget(CONCURRENCY, PER_SECOND, BASE_URL))


def _read(client: ProviderClient, day: Day) -> Reading:
    return read_day(client, day.usage_date, choices_of=day.choices_of)


def _verify(client: ProviderClient, scopes: tuple[Scope, ...]) -> None:
    verify(client)


def _rows(reported: Sequence[str], day: Day) -> Reading:
    answer = calls.parse(f"[{','.join(reported)}]".encode())
    return reading_of(answer.rows, answer.odd, day.choices_of, (day.window,), 0, None)


CALLS = Source(
    name="vapi",
    provider="vapi",
    table="calls",
    contract="calls",
    maps_in_sql=True,
    description="Calls of one organisation, by the day they were created on.",
    connect=_connect,
    read=_read,
    verify=_verify,
    columns=(
        Column("call_id", Kind.TEXT, is_required=True),
        Column("created_at", Kind.TIMESTAMP, is_required=True),
        Column("updated_at", Kind.TIMESTAMP, is_required=True),
        Column("started_at", Kind.TIMESTAMP),
        Column("ended_at", Kind.TIMESTAMP),
        Column("status", Kind.TEXT),
        Column("call_type", Kind.TEXT),
        Column("ended_reason", Kind.TEXT),
        Column("assistant_id", Kind.TEXT),
        Column("phone_number_id", Kind.TEXT),
    ),
    key=("call_id",),
    # The first that is attached on a call's day decides whose it is.
    scope_kinds=(
        ScopeKind("vapi_call", column="call_id", field="id", is_of_one_row=True),
        ScopeKind("vapi_phone_number", column="phone_number_id", field="phoneNumberId"),
        ScopeKind("vapi_squad", field="squadId"),
        ScopeKind("vapi_workflow", field="workflowId"),
        ScopeKind("vapi_assistant", column="assistant_id", field="assistantId"),
    ),
    stored=CALL,
    facts=FACTS,
    components={
        "transport": "telephony",
        "transcriber": "stt",
        "model": "llm",
        "voice": "tts",
        "analysis": "llm",
        "knowledge-base": "llm",
        "chat": "llm",
        "vapi": "platform",
        "voicemail-detection": "platform",
    },
    horizon_days=HORIZON_DAYS,
    changes=Updates(changed_days, daily_totals),
    counts_itself=True,
    hook=replace(HOOK, rows=_rows),
    discover=discover,
    campaigns=campaigns,
    recording=recording,
    at_once=8,
    compared=files(__package__).joinpath("compared.sql").read_text(),
)
SOURCES = (CALLS,)
