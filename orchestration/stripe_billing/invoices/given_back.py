"""What was given back by hand, at Stripe: before we give back too, a person says whether it was the same."""

from collections.abc import Mapping, Set
from typing import Any

from orchestration.stripe_billing.api.calls import StripeApi
from orchestration.stripe_billing.api.currency import from_minor


def given_back_by_hand(
    api: StripeApi, invoice: Mapping[str, Any] | None, item: Mapping[str, Any], accepted: Set[str], key: str
) -> str | None:
    """The first credit note or refund of an invoice that is not ours and not accepted, in words; none of a draft.

    accepted: what a person has decided about. key: the metadata by which a note is ours. Raises `stripe.StripeError`.
    """
    if invoice is None or invoice["status"] == "draft":
        return None
    notes = api.credit_notes(invoice["id"])
    noted = {one["refund"] for note in notes for one in note.get("refunds") or ()}
    refunds = [
        refund
        for one in (invoice.get("payments") or {}).get("data", ())
        if one["payment"].get("payment_intent")
        for refund in api.refunds_of(one["payment"]["payment_intent"])
        if refund["id"] not in noted and refund["status"] not in ("failed", "canceled")
    ]
    foreign = [note for note in notes if key not in (note.get("metadata") or {}) and note["status"] != "void"]
    found = next((one for one in [*foreign, *refunds] if one["id"] not in accepted), None)
    if found is None:
        return None
    amount = from_minor(found["amount"], item["currency"])
    return (
        f"{found['id']} gave back {amount} of {invoice['id']} by hand. If that was this correction:"
        f" `minutebook stripe accept {item['line_id']} --reason REASON`; if it was something else:"
        f" `minutebook stripe accept {found['id']} --reason REASON`, then `minutebook post`"
    )


def decides(item: Mapping[str, Any]) -> str:
    """What a person does about a refused credit note: it is no item of its own accord, or it might be given twice."""
    if item["item_kind"] != "credit_note":
        return ""
    line = item["line_id"]
    return (
        f": a person decides. `minutebook stripe settle {line} --apply` gives it back by the next invoice;"
        f" `minutebook stripe accept {line} --reason REASON` where it was given back already"
    )
