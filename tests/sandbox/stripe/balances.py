"""A customer's balance: what is set by hand, given by credit notes, and applied to each invoice as it becomes final.

Negative is a credit of the customer's. Rules: https://docs.stripe.com/billing/customer/balance
"""

from collections.abc import Callable
from typing import Any

from tests.sandbox.stripe.catalogue import Catalogue
from tests.sandbox.stripe.currency import chargeable

Body = dict[str, Any]
SMALLEST = {"usd": 50, "eur": 50}
"""What a card can be charged at least: a smaller total waits on the balance for the next invoice.
https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts"""


class Balances:
    """Transactions of all customers."""

    def __init__(self, now: Callable[[], float], catalogue: Catalogue) -> None:
        self._now = now
        self._catalogue = catalogue
        self.transactions: dict[str, Body] = {}

    def create(self, customer: str, params: Body) -> Body:
        """By hand."""
        self._catalogue.named_customer(customer, alive=True)
        currency = params["currency"]
        amount = chargeable(int(params["amount"]), currency, "amount")
        return self.add(customer, amount, currency, "adjustment", description=params.get("description"))

    def apply(self, invoice: Body) -> int:
        """What is left to pay of an invoice that becomes final; the rest of the balance stays."""
        start = self._catalogue.customers.get(invoice["customer"], {}).get("balance", 0)
        left = invoice["total"] + start
        is_too_small = 0 < left < SMALLEST.get(invoice["currency"], 0)
        invoice |= {"starting_balance": start, "ending_balance": left if is_too_small else min(0, left)}
        if start != invoice["ending_balance"]:
            kind = "invoice_too_small" if is_too_small else "applied_to_invoice"
            self.add(
                invoice["customer"], invoice["ending_balance"] - start, invoice["currency"], kind, invoice=invoice["id"]
            )
        return 0 if is_too_small else max(0, left)

    def take_back(self, invoice: Body) -> None:
        """An invoice that is voided gives back what it took."""
        if amount := invoice["starting_balance"] - (invoice["ending_balance"] or 0):
            self.add(
                invoice["customer"], amount, invoice["currency"], "unapplied_from_invoice", invoice=invoice["id"]
            )  # fmt: skip

    def add(self, customer: str, amount: int, currency: str, kind: str, **of: Any) -> Body:
        holder = self._catalogue.customers[customer]
        holder["balance"] = holder.get("balance", 0) + amount
        name = f"cbtxn_{len(self.transactions) + 1:06}"
        made = {
            "id": name, "object": "customer_balance_transaction", "amount": amount, "created": int(self._now()),
            "credit_note": None, "currency": currency, "customer": customer, "description": None,
            "ending_balance": holder["balance"], "invoice": None, "livemode": False, "metadata": {}, "type": kind, **of,
        }  # fmt: skip
        self.transactions[name] = made
        return made
