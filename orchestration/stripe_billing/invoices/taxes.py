"""Tax that stands on top of lines: the amount of an invoice or a credit note has it, and its lines do not."""

from orchestration.stripe_billing.api.calls import Body


def tax_on_top(document: Body) -> int:
    """Of an invoice or a credit note, in minor units."""
    taxes = document.get("total_taxes") or ()
    return sum(int(one["amount"]) for one in taxes if one.get("tax_behavior") == "exclusive")


def untaxed(note: Body) -> int:
    """What a credit note gives back of lines."""
    return int(note["amount"]) - tax_on_top(note)
