"""What was given back by hand, at Stripe: before we give back too, a person says whether it was the same."""

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date, timedelta
from typing import Any

from orchestration.stripe_billing.api.calls import Body, StripeApi, midnight
from orchestration.stripe_billing.api.currency import from_minor
from orchestration.stripe_billing.posting.readiness import Readiness

BEFORE = timedelta(days=31)
"""How long before a period its fee, or an item of it, may have been charged on an invoice of another kind."""


def invoices_of(readiness: Readiness, item: Mapping[str, Any], day: date) -> Sequence[Mapping[str, Any]]:
    """Final invoices that may have charged what an item corrects: that of the turn, and one-off ones since.

    A tenant without a subscription, or whose first fee came with it, was charged by these alone.
    """
    customer, first = item["stripe_customer_id"], midnight(item["service_period_start"] - BEFORE)
    own = readiness.invoice_of(customer, day)
    others = [
        one
        for one in readiness.invoices(customer)
        if one["billing_reason"] != "subscription_cycle" and one["created"] >= first
    ]
    return [one for one in [*([own] if own else []), *others] if one["status"] != "draft"]


def given_back_by_hand(
    api: StripeApi, invoices: Sequence[Mapping[str, Any]], item: Mapping[str, Any], accepted: Set[str], key: str
) -> str | None:
    """The first credit note or refund of the invoices that is not ours and not accepted, in words.

    accepted: notes of ours, and what a person has decided about. key: the metadata by which a note is ours.
    Raises `stripe.StripeError`.
    """
    for invoice in invoices:
        for found in _by_hand(api, invoice, key):
            if found["id"] not in accepted:
                amount = from_minor(found["amount"], item["currency"])
                return (
                    f"{found['id']} gave back {amount} of {invoice['id']} by hand. If that was this correction:"
                    f" `minutebook stripe accept {item['line_id']} --reason REASON`; if it was something else:"
                    f" `minutebook stripe accept {found['id']} --reason REASON`, then `minutebook post`"
                )
    return None


def _by_hand(api: StripeApi, invoice: Mapping[str, Any], key: str) -> Iterator[Body]:
    notes = api.credit_notes(invoice["id"])
    noted = {one["refund"] for note in notes for one in note.get("refunds") or ()}
    yield from (note for note in notes if key not in (note.get("metadata") or {}) and note["status"] != "void")
    for one in (invoice.get("payments") or {}).get("data", ()):
        if intent := one["payment"].get("payment_intent"):
            for refund in api.refunds_of(intent):
                if refund["id"] not in noted and refund["status"] not in ("failed", "canceled"):
                    yield refund


def decides(item: Mapping[str, Any]) -> str:
    """What a person does about a refused credit note: it is no item of its own accord, or it might be given twice."""
    if item["item_kind"] != "credit_note":
        return ""
    line = item["line_id"]
    return (
        f": a person decides. `minutebook stripe settle {line} --apply` gives it back by the next invoice;"
        f" `minutebook stripe accept {line} --reason REASON` where it was given back already"
    )
