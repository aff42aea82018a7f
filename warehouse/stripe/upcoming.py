"""Our side of Stripe's next invoice: overage of the running period, the coming fee, and items that wait there."""

from datetime import date
from decimal import Decimal

from warehouse.database.queries import Connection, Row, first, rows

FILE = "stripe/upcoming"


def overages(connection: Connection, tenant_id: str, cycle_start: date, day: date) -> dict[str, Decimal]:
    """Overage by meter of our periods that start in [cycle_start, day)."""
    found = rows(connection, FILE, "overage_lines", tenant_id=tenant_id, cycle_start=cycle_start, day=day)
    return {row["meter_id"]: row["amount"] for row in found}


def fee(connection: Connection, tenant_id: str, day: date) -> Decimal | None:
    """The whole fee of the plan in force on a day; None without a plan, and from a closing on."""
    row = first(connection, FILE, "fee", tenant_id=tenant_id, day=day)
    return row["subscription_fee"] if row else None


def items(connection: Connection, tenant_id: str) -> list[Row]:
    """Items that Stripe accepted, each with the key by which it shows it; no credit notes."""
    return rows(connection, FILE, "items", tenant_id=tenant_id)
