"""Vapi: the calls of one account (a private key reads one organisation), by the UTC day they were created on.

GET /call ──▶ listing (windows) ──▶ calls (types, payload) ──▶ Reading ◀── POST /analytics (control totals)
"""

from datetime import date
from decimal import Decimal

from sources.budget import Budget
from sources.http import ProviderClient
from sources.reading import Reading, hash_rows
from sources.vapi import calls
from sources.vapi.analytics import control_totals
from sources.vapi.calls import KeepsConversation
from sources.vapi.listing import list_calls
from sources.window import Window

BASE_URL = "https://api.vapi.ai"
# Pay-as-you-go accounts keep calls this long (Vapi, call recording and retention): a day older than this can lose rows.
HORIZON_DAYS = 14
# Vapi publishes no rate; a few requests at a time have been well received.
CONCURRENCY = 4

__all__ = ["BASE_URL", "HORIZON_DAYS", "KeepsConversation", "client", "read_day", "verify"]


def client(secret: str, base_url: str = BASE_URL, budget: Budget | None = None) -> ProviderClient:
    """One per key, shared by all threads that use it."""
    return ProviderClient("Vapi", base_url, {"authorization": f"Bearer {secret}"}, budget or Budget(CONCURRENCY))


def read_day(client: ProviderClient, usage_date: date, *, keeps_conversation: KeepsConversation) -> Reading:
    """All calls created on the UTC day; columns of raw_vapi.calls.
    `keeps_conversation(phone_number_id, assistant_id)` says whether what was said stays in a call's payload. Raises
    SourceFailure.
    """
    day = Window.of_day(usage_date)
    listing = list_calls(client, day)
    rows = list(listing.calls.values())
    found = [call for call, _ in rows]
    totals = calls.totals(found)
    if listing.outside:
        totals["calls_outside_window"] = Decimal(listing.outside)
    return Reading(
        table=calls.table(found, (calls.payload(call, document, keeps_conversation) for call, document in rows)),
        keys=frozenset(listing.calls),
        content_hash=hash_rows(map(calls.billed, found)),
        is_incomplete=any(call.is_in_progress for call in found),
        windows=tuple(listing.windows),
        requests=listing.requests + 1,
        totals=totals,
        provider_totals=control_totals(client, day),
    )


def verify(client: ProviderClient) -> None:
    """One cheap question that needs the key. CredentialRejected if it is not accepted, else another SourceFailure."""
    before_vapi: dict[str, str | int] = {"limit": 1, "createdAtLt": "2020-01-01T00:00:00.000Z"}
    client.get("/call", calls.parse, before_vapi)
