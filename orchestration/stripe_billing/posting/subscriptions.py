"""What a person, or a failed payment, made of a subscription at Stripe so that it does not bill, or bills in vain."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from warehouse.words import day

_UNFINISHED = {
    "incomplete": "its first payment failed: take it at Stripe, or cancel the subscription there",
    "paused": "its trial ended without a way to pay: resume it at Stripe, or cancel it there",
}
"""What may still begin to bill by itself, so that no other subscription is to be made beside it."""
_IN_VAIN = {
    "void": "voids each invoice that it makes",
    "keep_as_draft": "keeps each invoice that it makes as a draft",
    "mark_uncollectible": "gives up the payment of each invoice that it makes",
}


def may_begin(subscriptions: Iterable[Mapping[str, Any]]) -> tuple[str, str] | None:
    """Code and words of the first one that does not bill and may begin to."""
    found = next((one for one in subscriptions if one["status"] in _UNFINISHED), None)
    if found is None:
        return None
    status = found["status"]
    return f"subscription_{status}", f"Subscription {found['id']} is {status}, {_UNFINISHED[status]}."


def collection_paused(subscription: Mapping[str, Any]) -> str | None:
    """In words, how Stripe makes invoices of a subscription that nobody is asked to pay."""
    name = subscription["id"]
    if subscription["status"] == "unpaid":
        return f"Subscription {name} is unpaid: Stripe keeps each invoice that it makes as a draft"
    if not (pause := subscription.get("pause_collection")):
        return None
    until = f" until {day(datetime.fromtimestamp(pause['resumes_at'], UTC))}" if pause.get("resumes_at") else ""
    does = _IN_VAIN.get(pause["behavior"], f"does {pause['behavior']}")
    return f"Subscription {name} has its collection paused{until}: Stripe {does}"
