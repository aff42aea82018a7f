"""How statements were paid, in words: for finance by tenant, and for a tenant its own."""

from datetime import date

from orchestration.reports.formats import day
from orchestration.stripe_billing.api.currency import from_minor
from warehouse.database.queries import Connection, Row
from warehouse.statements.payments import payments
from warehouse.statements.periods import Month

_WORDS = {"draft": "not sent yet", "open": "waits for payment", "uncollectible": "not paid", "void": "void"}
_TAGS = {"paid": "good", "uncollectible": "failed"}


def shown(connection: Connection, month: Month, tenant_id: str | None = None) -> dict[tuple[str, date], list[Row]]:
    """The invoices that hold lines of a month's statements, by tenant and start, each with total, words and tag."""
    found = payments(connection, month, tenant_id)
    for row in (row for of_statement in found.values() for row in of_statement):
        minor, failed = row["total_minor"], row["status"] == "open" and row["failed_payments"] > 0
        row["total"] = None if minor is None else from_minor(minor, row["currency"] or "")
        row["tag"] = "failed" if failed else _TAGS.get(row["status"], "warn")
        row["words"] = _WORDS.get(row["status"], row["status"])
        if failed:
            row["words"] = "payment failed"
        elif row["status"] == "paid" and row["paid_at"]:
            row["words"] = f"paid on {day(row['paid_at'].date())}"
    return found
