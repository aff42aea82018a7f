"""Who is billed through Stripe, by our control data: what they become and when, the plan's fee and the prices that are
in force on a day.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from warehouse.database.queries import Connection, Row, rows, typed
from warehouse.stripe.postings import OLDEST_TIMESTAMP

FILE = "stripe/billed_tenants"


@dataclass(frozen=True, slots=True)
class BilledTenant:
    """What we hold of a tenant for billing."""

    tenant_id: str
    name: str
    currency: str
    anchor_day: int
    stripe_customer_id: str | None
    status: str
    status_since: date | None
    may_be_posted: bool

    def is_over(self, today: date) -> bool:
        """Closed for so long that no meter takes any day of it: its subscription may be gone."""
        since = self.status_since
        return self.status == "closed" and since is not None and today - since > OLDEST_TIMESTAMP


def billed_tenants(connection: Connection, today: date, tenant_ids: Sequence[str] | None = None) -> list[BilledTenant]:
    """Every tenant, or those asked for."""
    chosen = None if tenant_ids is None else list(tenant_ids)
    return typed(connection, BilledTenant, FILE, "tenants", today=today, tenant_ids=chosen)


def statuses(connection: Connection, tenant_ids: Sequence[str]) -> dict[str, list[tuple[str, date]]]:
    """By tenant, in order: what it becomes, and when; nothing of a tenant that never was active."""
    found: dict[str, list[tuple[str, date]]] = defaultdict(list)
    for row in rows(connection, FILE, "statuses", tenant_ids=list(tenant_ids)):
        found[row["tenant_id"]].append((row["status"], row["valid_from"]))
    return found


def fees(connection: Connection, days: Mapping[str, date]) -> dict[str, Row]:
    """By tenant the fee of the plan in force on its day: plan_id, valid_from, subscription_fee; none without a plan."""
    return {row["tenant_id"]: row for row in rows(connection, FILE, "fees", **_asked(days))}


def priced_meters(connection: Connection, days: Mapping[str, date]) -> dict[str, list[Row]]:
    """By tenant the price of each meter in force on its day, a tenant's own before its plan's."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows(connection, FILE, "priced_meters", **_asked(days)):
        found[row["tenant_id"]].append(row)
    return found


def _asked(days: Mapping[str, date]) -> dict[str, list[str] | list[date]]:
    return {"tenant_ids": list(days), "days": list(days.values())}
