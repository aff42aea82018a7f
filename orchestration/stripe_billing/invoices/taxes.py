"""Tax that stands on top of lines: the amount of an invoice or a credit note has it, and its lines do not."""

from collections.abc import Mapping
from typing import Any

from orchestration.stripe_billing.api.calls import Body


def is_taxed(invoice: Mapping[str, Any]) -> bool:
    """Whether a credit note of lines of its own would leave tax with the invoice, or be refused by Stripe Tax."""
    return bool(invoice.get("total_taxes") or (invoice.get("automatic_tax") or {}).get("enabled"))


def tax_on_top(document: Body) -> int:
    """Of an invoice or a credit note, in minor units."""
    taxes = document.get("total_taxes") or ()
    return sum(int(one["amount"]) for one in taxes if one.get("tax_behavior") == "exclusive")


def untaxed(note: Body) -> int:
    """What a credit note gives back of lines."""
    return int(note["amount"]) - tax_on_top(note)
