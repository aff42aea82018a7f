"""What Stripe says besides the lines of final invoices: coupons, taxes, the customer's balance, how they were paid.

Lines and what is named here add up to the total of each invoice, and with its share of the balance to what the tenant
was asked for. What a law or an earlier document made so is named alone; what a person did is a finding.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from orchestration.stripe_billing.api.calls import Body
from orchestration.stripe_billing.invoices.findings import Code
from orchestration.stripe_billing.invoices.taxes import tax_on_top

FINAL = ("open", "paid", "uncollectible")
_EXPLAINED = (
    "applied_to_invoice", "unapplied_from_invoice", "credit_note", "invoice_too_small", "invoice_too_large",
    "invoice_overpaid",
)  # fmt: skip
"""Changes of a balance that follow from an invoice, a note or a payment, which are compared themselves."""


@dataclass(frozen=True, slots=True)
class Beside:
    """An amount in minor units, beyond our statements. code: null where nobody needs to look. invoice: if any."""

    name: str
    amount: int
    invoice: str
    code: Code | None
    words: str = ""


def of_invoice(invoice: Body, lines: Sequence[Body]) -> Iterator[Beside]:
    """All that makes the total other than its lines, and the payment other than the total; none of a draft."""
    if invoice["status"] not in FINAL:
        return
    name = invoice["id"]
    off = _sum(invoice.get("total_discount_amounts"))
    granted = _sum(
        one
        for one in invoice.get("total_pretax_credit_amounts") or ()
        if one.get("type") == "credit_balance_transaction"
    )
    tax = tax_on_top(invoice)
    shipping = invoice.get("amount_shipping") or 0
    rest = invoice["total"] - (_sum(lines) - off - granted + tax + shipping)
    balance = (invoice.get("starting_balance") or 0) - (invoice.get("ending_balance") or 0)
    elsewhere = _paid_elsewhere(invoice)
    unpaid = invoice["amount_remaining"] if invoice["status"] == "uncollectible" and lines else 0
    for part, amount, code, words in (
        ("discount", -off, Code.DISCOUNT, "a coupon at Stripe takes it off the whole invoice"),
        ("grant", -granted, Code.DISCOUNT, "a credit grant at Stripe takes it off the whole invoice"),
        ("tax", tax, None, ""),
        ("shipping", shipping, Code.NOT_OURS, "somebody added shipping at Stripe"),
        ("total", rest, Code.TOTAL, "its total is not what its lines, discounts and taxes add up to"),
        ("balance", balance if invoice.get("ending_balance") is not None else 0, None, ""),
        ("paid elsewhere", -elsewhere, Code.PAID_ELSEWHERE, "somebody marked it as paid outside Stripe: look whether"
         " the money came"),
        ("payment", -unpaid, Code.UNCOLLECTIBLE, "somebody gave its payment up at Stripe; to bill it again void it"
         " there first"),
    ):  # fmt: skip
        if amount:
            yield Beside(f"{name}/{part.replace(' ', '-')}", amount, name, code, words)


def of_balance(transactions: Sequence[Body]) -> Iterator[Beside]:
    """What was put on the customer's balance and follows from no invoice: the next ones are that much lower."""
    for one in transactions:
        if one["type"] not in _EXPLAINED and one["amount"]:
            said = f": {one['description']}" if one.get("description") else ""
            words = f"somebody put it on the customer's balance at Stripe ({one['type']}){said}"
            yield Beside(one["id"], one["amount"], one.get("invoice") or "", Code.BALANCE, words)


def _paid_elsewhere(invoice: Body) -> int:
    """What of a paid invoice no payment of Stripe's has. https://docs.stripe.com/api/invoices/pay, paid_out_of_band"""
    if invoice["status"] != "paid":
        return 0
    if (reported := invoice.get("amount_paid_off_stripe")) is not None:
        return int(reported)
    by_stripe = sum(
        one.get("amount_paid") or 0
        for one in (invoice.get("payments") or {}).get("data", ())
        if one["payment"].get("payment_intent") or one["payment"].get("charge")
    )
    return max(0, int(invoice.get("amount_paid") or 0) - by_stripe)


def _sum(amounts: Iterable[Body] | None) -> int:
    return sum(int(one["amount"]) for one in amounts or ())
