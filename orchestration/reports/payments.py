"""How statements were paid, in words: for finance by tenant, for a tenant its own, and in a pack as of its making."""

from datetime import date
from decimal import Decimal

from msgspec import Struct

from orchestration.stripe_billing.api.currency import from_minor
from warehouse.database.queries import Connection, Row
from warehouse.statements import payments
from warehouse.statements.periods import Month
from warehouse.words import day

_WORDS = {"draft": "not sent yet", "open": "waits for payment", "uncollectible": "not paid", "void": "void"}
_TAGS = {"paid": "good", "uncollectible": "failed"}


class Payment(Struct, frozen=True):
    """An invoice that holds lines of a statement. hosted_url: where it is seen and paid; whoever has it may pay."""

    invoice_id: str
    number: str | None
    status: str
    words: str
    tag: str
    total: Decimal | None
    currency: str
    hosted_url: str | None = None


def read(connection: Connection, month: Month, tenant_id: str | None = None) -> dict[tuple[str, date], list[Payment]]:
    """The invoices that hold lines of a month's statements, by tenant and start; of one tenant, or of all."""
    found = payments.payments(connection, month, tenant_id)
    return {key: [_payment(row) for row in invoices] for key, invoices in found.items()}


def _payment(row: Row) -> Payment:
    minor, currency, status = row["total_minor"], row["currency"] or "", row["status"]
    words, tag = _WORDS.get(status, str(status)), _TAGS.get(status, "warn")
    if status == "open" and row["failed_payments"]:
        words, tag = "payment failed", "failed"
    elif status == "paid" and row["paid_at"]:
        words = f"paid on {day(row['paid_at'].date())}"
    total = None if minor is None else from_minor(minor, currency)
    return Payment(row["invoice_id"], row["number"], str(status), words, tag, total, currency, row["hosted_url"])
