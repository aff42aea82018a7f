"""Our statement of the running period against Stripe's upcoming invoice, line by line and to the cent.

Lines are compared, not totals: Stripe charges the fee in advance and usage in arrears, on one invoice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg

from orchestration.billing.currency import from_minor
from orchestration.billing.readiness import BilledTenant, Readiness
from orchestration.billing.stripe_api import Body, StripeApi
from warehouse import queries

_SQL = queries.load("upcoming")


@dataclass(frozen=True, slots=True)
class LineComparison:
    """One line of both; service_period_start is the period it is about. amounts in the tenant's currency."""

    tenant_id: str
    line: str
    service_period_start: date
    ours: Decimal
    stripe: Decimal

    @property
    def difference(self) -> Decimal:
        return self.stripe - self.ours


def compare_upcoming(
    connection: psycopg.Connection[Any], api: StripeApi, readiness: Readiness, tenants: Sequence[BilledTenant]
) -> list[LineComparison]:
    """Overage per meter of the running period, and the fee of the next. Raises `stripe.StripeError`."""
    found = []
    for tenant in tenants:
        subscription = tenant.stripe_customer_id and readiness.subscription(tenant.stripe_customer_id)
        if not subscription:
            continue
        invoice = api.upcoming_invoice(subscription["id"])
        lines = invoice["lines"]["data"]
        if invoice["lines"]["has_more"]:
            lines = api.invoice_lines(invoice["id"])
        meters = {meter["id"]: meter["event_name"] for meter in readiness.meters()}
        items = {item["price"]["id"]: item["price"] for item in subscription["items"]["data"]}
        found += _compared(connection, tenant, invoice, lines, items, meters)
    return found


def _compared(
    connection: psycopg.Connection[Any],
    tenant: BilledTenant,
    invoice: Body,
    lines: Sequence[Body],
    prices: dict[str, Body],
    meters: dict[str, str],
) -> list[LineComparison]:
    start, end = _day(invoice["period_start"]), _day(invoice["period_end"])
    parameters = {"tenant_id": tenant.tenant_id, "period_start": start, "day": end}
    ours = {row[0]: row[1] for row in connection.execute(_SQL["overage_lines"], parameters).fetchall()}
    theirs: dict[str, Decimal] = {}
    fee = Decimal(0)
    for line in lines:
        price = prices.get(((line.get("pricing") or {}).get("price_details") or {}).get("price", ""))
        if price is None:
            continue
        amount = from_minor(line["amount"], tenant.currency)
        meter = (price.get("recurring") or {}).get("meter")
        if meter:
            row = connection.execute(_SQL["meter_of_event"], {"event_name": meters.get(meter, "")}).fetchone()
            name = row[0] if row else meters.get(meter, meter)
            theirs[name] = theirs.get(name, Decimal(0)) + amount
        elif _day(line["period"]["start"]) == end:
            fee += amount
    found = [
        LineComparison(
            tenant.tenant_id, f"overage/{name}", start, ours.get(name, Decimal(0)), theirs.get(name, Decimal(0))
        )
        for name in sorted(ours.keys() | theirs.keys())
    ]
    row = connection.execute(_SQL["fee"], parameters).fetchone()
    return [*found, LineComparison(tenant.tenant_id, "subscription", end, row[0] if row else Decimal(0), fee)]


def _day(second: int) -> date:
    return datetime.fromtimestamp(second, UTC).date()
