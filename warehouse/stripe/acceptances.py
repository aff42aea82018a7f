"""Differences between our statements and Stripe's invoices that a person has left as they are."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from warehouse.database.queries import Connection, execute, rows

FILE = "stripe/acceptances"


def acceptances(connection: Connection, tenant_ids: Sequence[str] | None = None) -> dict[str, dict[str, Decimal]]:
    """By tenant: by how much Stripe's side of a line, or an object of Stripe's, was accepted to differ."""
    found: dict[str, dict[str, Decimal]] = defaultdict(dict)
    chosen = None if tenant_ids is None else list(tenant_ids)
    for row in rows(connection, FILE, "acceptances", tenant_ids=chosen):
        found[row["tenant_id"]][row["subject"]] = row["amount"]
    return found


def accept(
    connection: Connection, tenant_id: str, subject: str, amount: Decimal, reason: str, actor: str, now: datetime
) -> None:
    """A person leaves a subject as it is; the last word on it holds."""
    accepted = {"subject": subject, "tenant_id": tenant_id, "amount": amount, "reason": reason}
    execute(connection, FILE, "accept", **accepted, actor=actor, now=now)
